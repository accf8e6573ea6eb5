//! A bounded pool of named threads for work that would hold up the async runtime: searching, reading, dumping.

use crossbeam_channel::{Sender, TrySendError, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use tokio::sync::oneshot;

/// Threads that run jobs, with a queue that refuses when it is full. Cheap to clone; the threads end with the last
/// clone, after the jobs that were accepted.
#[derive(Clone)]
pub struct CpuPool {
    jobs: Arc<Sender<Job>>,
}

type Job = Box<dyn FnOnce() + Send>;

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The queue is full.
    #[error("too much waits for its turn")]
    Overloaded,
    /// The job panicked: a defect, which the log shows.
    #[error("the work ended in a panic, the log says where")]
    Panicked,
}

impl CpuPool {
    /// Starts `threads` threads, called `name-0` and so on, with a queue of `queue_max` jobs.
    ///
    /// # Panics
    /// When the operating system gives no threads.
    pub fn start(name: &str, threads: usize, queue_max: usize) -> Self {
        let (jobs, queue) = bounded::<Job>(queue_max);
        for number in 0..threads.max(1) {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || queue.iter().for_each(|job| job()))
                .expect("the operating system gives threads at the start of a process");
        }
        Self { jobs: Arc::new(jobs) }
    }

    /// Runs `job` on a thread of the pool, unless its caller has dropped the future by then.
    #[must_use = "a job is skipped when nobody waits for it"]
    pub async fn run<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> Result<R, JobError> {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move || {
            if sender.is_closed() {
                return;
            }
            // The closure is gone after a panic, and what it shares is immutable or behind locks that say so.
            let result = catch_unwind(AssertUnwindSafe(job));
            // The caller may have left meanwhile.
            let _ = sender.send(result.map_err(|_| JobError::Panicked));
        });
        match self.jobs.try_send(job) {
            Ok(()) => receiver.await.unwrap_or(Err(JobError::Panicked)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(JobError::Overloaded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let pool = CpuPool::start("test", 1, 1);
        let (release, gate) = mpsc::sync_channel::<()>(1);
        let (started, running) = mpsc::sync_channel(1);
        let busy = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    started.send(()).unwrap();
                    gate.recv().unwrap();
                })
                .await
            }
        });
        while running.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        let mut waiting = Box::pin(pool.run(|| 1));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        assert_eq!(pool.run(|| 2).await, Err(JobError::Overloaded));
        release.send(()).unwrap();
        assert_eq!(waiting.await, Ok(1));
        busy.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_panic_ends_the_job_and_not_the_thread() {
        let pool = CpuPool::start("test", 1, 4);
        assert_eq!(pool.run(|| panic!("of the test")).await, Err::<(), _>(JobError::Panicked));
        assert_eq!(pool.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_skipped() {
        let pool = CpuPool::start("test", 1, 4);
        let (release, gate) = mpsc::sync_channel::<()>(1);
        let mut first = Box::pin(pool.run(move || gate.recv().unwrap()));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        let (done, was_done) = mpsc::sync_channel(1);
        let mut left = Box::pin(pool.run(move || done.send(()).unwrap()));
        assert!(futures_util::poll!(left.as_mut()).is_pending());
        drop(left);
        release.send(()).unwrap();
        first.await.unwrap();
        pool.run(|| ()).await.unwrap();
        assert!(was_done.try_recv().is_err());
    }
}
