//! The one home of the clock: measuring time is what this program is for.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and polls a foreign process, here only")]

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Measures from its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// Processor time of this process so far, of all its threads, to the nanosecond.
pub(crate) fn own_cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Lets time pass before a request is repeated.
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// How often to look for something, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub every: Duration,
    pub at_most: Duration,
}

/// Looks again and again until there is something to see; `None` when patience ends first.
pub(crate) fn poll<T, E>(patience: Patience, mut look: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    let watch = Stopwatch::start();
    loop {
        if let Some(seen) = look()? {
            return Ok(Some(seen));
        }
        if watch.elapsed() >= patience.at_most {
            return Ok(None);
        }
        pause(patience.every);
    }
}
