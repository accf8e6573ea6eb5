//! Work on large messages, beside the threads of the connections.

use annuli_api::{ErrorCode, Failure};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Bytes of a message that are worth a thread of their own: below this, to check and convert them takes less than about
/// half a millisecond.
const LARGE_BYTES: usize = 256 * 1024;

/// Runs large work at most as much at once as there are cores. What waits for its turn is bounded by the number of calls
/// at once.
#[derive(Debug, Clone)]
pub(crate) struct Beside(Arc<Semaphore>);

impl Beside {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self(Arc::new(Semaphore::new(cores.get())))
    }

    /// Runs `work` on about so many `bytes`: here if they are few. Work whose caller has left by its turn is not begun.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Failure> {
        if bytes < LARGE_BYTES {
            return Ok(work());
        }
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(ErrorCode::Internal, format_args!("the work on a large message ended early: {error}"))
        };
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(|error| failed(&error))?;
        #[expect(clippy::disallowed_methods, reason = "its threads are bounded by the turns, its queue is empty")]
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn here() -> thread::ThreadId {
        thread::current().id()
    }

    #[tokio::test]
    async fn only_large_work_is_done_elsewhere() {
        let beside = Beside::new();
        assert_eq!(beside.run(LARGE_BYTES - 1, here).await, Ok(here()));
        assert_ne!(beside.run(LARGE_BYTES, here).await, Ok(here()));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        let work = || panic!("of the test");
        let failure = Beside::new().run(LARGE_BYTES, work).await.map(|(): ()| 0).unwrap_err();
        assert_eq!(failure.code, ErrorCode::Internal);
    }
}
