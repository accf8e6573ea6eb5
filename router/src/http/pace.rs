//! How slowly a body may arrive.
//!
//! A request has its place among those at once while its body comes. Who sends half of one and then nothing would keep
//! others from it as long as the longest body may take.

use std::time::Duration;
use tokio::time::Instant;

/// Time that a body has in any case: a link that loses packets may be silent for seconds.
const GRACE: Duration = Duration::from_secs(10);

/// Slowest that a body may come behind that, on average: 128 kbit/s.
const BYTES_PER_SECOND_MIN: f64 = 16.0 * 1024.0;

/// Longest time for a body, however it comes.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// How a body comes.
pub(super) struct Pace {
    began: Instant,
    bytes: usize,
}

/// A body that came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body did not arrive in time: {bytes} bytes in {seconds} seconds")]
pub(super) struct TooSlow {
    bytes: usize,
    seconds: u64,
}

impl Pace {
    /// It begins now.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), bytes: 0 }
    }

    /// So many bytes have come.
    pub(super) fn came(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// What is done until the next bytes come, if they come in time.
    pub(super) async fn keep<T>(&self, next: impl Future<Output = T>) -> Result<T, TooSlow> {
        let Self { began, bytes } = *self;
        let late = TooSlow { bytes, seconds: self.time().as_secs() };
        tokio::time::timeout_at(began + self.time(), next).await.map_err(|_| late)
    }

    /// From its beginning until the next bytes have to be there.
    fn time(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "of a second of bytes a few are no matter")]
        let earned = self.bytes as f64 / BYTES_PER_SECOND_MIN;
        GRACE.saturating_add(Duration::try_from_secs_f64(earned).unwrap_or(BODY_TIMEOUT)).min(BODY_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::time::sleep;

    /// When a body ends that sends so many bytes every second for so many seconds, and then nothing.
    async fn given_up_after(bytes: usize, seconds: usize) -> u64 {
        let (began, mut pace) = (Instant::now(), Pace::new());
        for _ in 0..seconds {
            if pace.keep(sleep(Duration::from_secs(1))).await.is_err() {
                return began.elapsed().as_secs();
            }
            pace.came(bytes);
        }
        pace.keep(pending::<()>()).await.unwrap_err();
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_given_up_soon() {
        assert_eq!(given_up_after(0, 0).await, 10);
        assert_eq!(given_up_after(1_024, 1).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_the_time_that_a_slow_link_needs() {
        assert_eq!(given_up_after(16 * 1024, 20).await, 30);
        assert_eq!(given_up_after(1, 100).await, 10, "a byte a second is no progress");
    }

    #[tokio::test(start_paused = true)]
    async fn no_body_has_more_than_a_minute() {
        assert_eq!(given_up_after(1_000_000, 100).await, 60);
        assert_eq!(given_up_after(usize::MAX, 2).await, 60);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_too_slow_hears_how_slow_it_was() {
        let mut pace = Pace::new();
        pace.came(32 * 1024);
        let late = pace.keep(pending::<()>()).await.unwrap_err();
        assert_eq!(late.to_string(), "the body did not arrive in time: 32768 bytes in 12 seconds");
    }
}
