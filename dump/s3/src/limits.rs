//! Every bound of a store in a bucket, each with its reason.

use std::time::Duration;

/// Bytes of a part of an upload, 16 MiB: few requests, and 48 MiB of memory for an archive under way.
pub const PART_BYTES: usize = 16 * 1024 * 1024;

/// How many parts have [`PART_BYTES`], 62.5 GiB of an archive. Some stores take parts of one length alone, and so no
/// longer archives.
pub const SMALL_PARTS: usize = 4_000;

/// Bytes of the parts after these, 128 MiB: an archive may have 812 GiB then, and 384 MiB of memory.
pub const LARGE_PART_BYTES: usize = 128 * 1024 * 1024;

/// Most parts of an upload, which is S3's limit.
pub const PARTS_MAX: usize = 10_000;

/// Parts on their way at once, beside the one that is being filled: with two, the line is busy while one is acknowledged.
pub const PARTS_IN_FLIGHT_MAX: usize = 2;

/// Bytes that are asked for at once, 8 MiB. While they are read the next are on their way, which are put together of
/// what comes: 24 MiB of memory for a download.
pub const RANGE_BYTES: u64 = 8 * 1024 * 1024;

/// For a connection to come about. Within a data centre it takes milliseconds, around the world half a second.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For a request and all of its answer: a large part at about 1 MiB a second.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// For how long a request is tried again that failed for a reason that may pass: a server that restarts, a store that
/// asks for slowness.
pub const PATIENCE_DEFAULT: Duration = Duration::from_secs(30);

/// First pause before trying again; pauses grow from there.
pub const PAUSE_MIN: Duration = Duration::from_millis(100);

/// Longest pause before trying again.
pub const PAUSE_MAX: Duration = Duration::from_secs(5);

/// For an upload that is given up to be removed. Whoever waits has failed already.
pub const ABORT_TIMEOUT: Duration = Duration::from_secs(10);

/// Threads on which requests run: one encrypts what is sent while the other decrypts what comes.
pub const WORKER_THREADS: usize = 2;

/// Longest part of a message that is the server's.
pub const SERVER_TEXT_CHARS_MAX: usize = 200;

/// Longest prefix. A key has at most 1,024 bytes, of which the names of a dump's files take about 100.
pub const PREFIX_BYTES_MAX: usize = 512;
