//! The clock of the command line: rates, times left, and the pause between two questions to a server.

use std::time::{Duration, Instant};

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the one home of the clock in this crate")]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits before a server is asked again. It has no way to tell us when there is something to hear.
#[expect(clippy::disallowed_methods, reason = "the one home of the clock in this crate")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
