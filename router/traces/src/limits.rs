//! What traces may take.

use std::time::Duration;

/// Spans that wait to be sent, those on their way included. One takes about a kilobyte, so that a collector that is away
/// costs a process two megabytes, and a short pause of one costs no span.
pub const SPANS_WAITING_MAX: usize = 2048;

/// Spans that are sent at once: a message of about a hundred kilobytes, and enough that two of them are under way
/// before the queue is full.
pub const SPANS_PER_MESSAGE_MAX: usize = 512;

/// What an ended span waits at least for others: a thread that waits for no time at all takes a core.
pub const SPANS_GATHERED_FOR_MIN: Duration = Duration::from_millis(10);

/// How long a collector has to take every message until it is said that it takes them again. One that refuses some now and
/// then would be said to fail, and to take them, up to a hundred times a second.
pub const COLLECTOR_TAKES_FOR_MIN: Duration = Duration::from_secs(60);

/// Bytes of a `tracestate` that is carried on: what the standard asks for at least. A longer one is left behind, since
/// every span of the request would keep it.
pub const TRACE_STATE_BYTES_MAX: usize = 512;

/// Time for what has not been sent when a process ends. Its requests have their answers by then, and whoever ends it
/// waits.
pub const LAST_SPANS_TIMEOUT: Duration = Duration::from_secs(2);
