//! Work that would hold up the other connections of a thread: large bodies, large answers.

use annuli_api::{ErrorCode, Failure};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Bytes of a body, of vectors or of an answer that are worth a thread of their own: below this the work takes less
/// than about half a millisecond.
pub(crate) const LARGE_BYTES: usize = 256 * 1024;

/// Runs large work beside the threads of the connections, at most as much at once as there are cores. What waits for
/// its turn is bounded by the number of requests at once.
pub(crate) struct Offload(Arc<Semaphore>);

impl Offload {
    pub(crate) fn new() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self(Arc::new(Semaphore::new(cores.get())))
    }

    /// Like [`Self::run`], but not if its turn comes after `deadline`.
    pub(crate) async fn run_by<R: Send + 'static>(
        &self,
        deadline: Instant,
        bytes: usize,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Failure> {
        if bytes < LARGE_BYTES {
            return Ok(work());
        }
        let turn = Arc::clone(&self.0).acquire_owned();
        let turn = tokio::time::timeout_at(deadline.into(), turn).await.map_err(|_| {
            let message = "the deadline passed before there was a thread for this large request: send smaller ones";
            Failure::new(ErrorCode::DeadlineExceeded, message)
        })?;
        elsewhere(turn, work).await
    }

    /// Runs `work` on about that many `bytes`: here if they are few, else elsewhere, unless its caller has left by
    /// then. For work that is done whatever the time: an answer to a write that has happened is written.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Failure> {
        if bytes < LARGE_BYTES {
            return Ok(work());
        }
        let turn = Arc::clone(&self.0).acquire_owned().await;
        elsewhere(turn, work).await
    }
}

async fn elsewhere<R: Send + 'static>(
    turn: Result<OwnedSemaphorePermit, AcquireError>,
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(ErrorCode::Internal, format_args!("the work on a large body ended early: {error}"))
    };
    let turn = turn.map_err(|error| failed(&error))?;
    #[expect(clippy::disallowed_methods, reason = "its threads are bounded by the turns, its queue is empty")]
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await.map_err(|error| failed(&error))
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
        let offload = Offload::new();
        assert_eq!(offload.run(LARGE_BYTES - 1, here).await, Ok(here()));
        assert_ne!(offload.run(LARGE_BYTES, here).await, Ok(here()));
    }

    #[tokio::test]
    async fn large_work_waits_for_its_turn_and_is_dropped_with_its_caller() {
        let offload = Offload(Arc::new(Semaphore::new(1)));
        let turn = Arc::clone(&offload.0).acquire_owned().await.unwrap();
        let mut waiting = Box::pin(offload.run(LARGE_BYTES, || unreachable!("nobody waits for it")));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(waiting);
        drop(turn);
        assert_eq!(offload.run(LARGE_BYTES, || 7).await, Ok(7));
    }

    #[tokio::test(start_paused = true)]
    async fn large_work_whose_turn_does_not_come_before_its_deadline_is_refused() {
        let offload = Offload(Arc::new(Semaphore::new(1)));
        let turn = Arc::clone(&offload.0).acquire_owned().await.unwrap();
        let deadline = tokio::time::Instant::now().into_std() + std::time::Duration::from_secs(1);
        assert_eq!(offload.run_by(deadline, LARGE_BYTES - 1, || 7).await, Ok(7));
        let failure = offload.run_by(deadline, LARGE_BYTES, || unreachable!("it is too late")).await.map(|()| 0);
        assert_eq!(failure.unwrap_err().code, ErrorCode::DeadlineExceeded);
        drop(turn);
        assert_eq!(offload.run_by(deadline, LARGE_BYTES, || 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        let work = || panic!("of the test");
        assert_eq!(Offload::new().run(LARGE_BYTES, work).await.map(|(): ()| 0).unwrap_err().code, ErrorCode::Internal);
    }
}
