//! The one place that reads the clock of the embedded store. What is asynchronous asks tokio's, which tests pause.

use std::time::{Duration, Instant};

/// A clock that never goes back.
pub trait Clock: Send + Sync {
    /// The time since some fixed moment.
    fn now(&self) -> Duration;
}

/// The machine's monotonic clock. It goes on while the process is stopped, and stands still while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// Counts from now.
    #[allow(clippy::disallowed_methods, reason = "this is the clock's home")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock's home")]
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}
