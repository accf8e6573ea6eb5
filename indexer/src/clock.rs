//! The one place that reads the clock.

use std::time::{Duration, Instant, SystemTime};
use uuid::Uuid;

/// The monotonic now, for deadlines.
#[allow(clippy::disallowed_methods, reason = "this is the clock's home")]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day in UTC, as RFC 3339.
#[allow(clippy::disallowed_methods, reason = "this is the clock's home")]
pub fn utc_now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// A new identity, never given before; later ones sort behind earlier ones.
pub fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

/// Lets something happen at most once in an interval: progress in a log.
#[derive(Debug)]
pub struct Every {
    interval: Duration,
    last: Instant,
}

impl Every {
    /// The first time is one interval from now.
    pub fn new(interval: Duration) -> Self {
        Self { interval, last: now() }
    }

    /// Returns whether the interval has passed since this last said so.
    pub fn is_due(&mut self) -> bool {
        let now = now();
        let due = now.duration_since(self.last) >= self.interval;
        if due {
            self.last = now;
        }
        due
    }
}
