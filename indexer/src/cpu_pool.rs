//! A bounded pool of named threads for work that would hold up the async runtime: searching, reading, dumping.

use annuli_threads::Urgency;
use crossbeam_channel::{Sender, TrySendError, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tokio::sync::oneshot;

/// Threads that run jobs, with a queue that refuses when it is full. Cheap to clone; the threads end with the last
/// clone, after the jobs that were accepted.
#[derive(Clone)]
pub struct CpuPool {
    shared: Arc<Shared>,
}

struct Shared {
    jobs: Sender<Job>,
    threads: usize,
    /// Short jobs that run on the threads of their callers now.
    at_callers: AtomicUsize,
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
        Self::start_as(Urgency::Ordinary, name, threads, queue_max)
    }

    /// The same, with threads that are waited for as `urgency` says.
    ///
    /// # Panics
    /// When the operating system gives no threads.
    pub fn start_as(urgency: Urgency, name: &str, threads: usize, queue_max: usize) -> Self {
        let (jobs, queue) = bounded::<Job>(queue_max);
        let threads = threads.max(1);
        for number in 0..threads {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || {
                    urgency.take();
                    queue.iter().for_each(|job| job());
                })
                .expect("the operating system gives threads at the start of a process");
        }
        Self { shared: Arc::new(Shared { jobs, threads, at_callers: AtomicUsize::new(0) }) }
    }

    /// Jobs that wait for a thread.
    pub fn queued(&self) -> usize {
        self.shared.jobs.len()
    }

    /// Runs a `job` that takes less than about half a millisecond.
    ///
    /// To hand a job over and its result back wakes two sleeping threads, which takes several times as long as a short
    /// search. So a short job runs on the thread of its caller, as long as nothing waits in the queue and no more
    /// callers do so than the pool has threads; else it takes its turn as any other.
    #[must_use = "a job is skipped when nobody waits for it"]
    pub async fn run_short<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> Result<R, JobError> {
        match self.shared.turn_at_caller() {
            Some(_turn) => catch_unwind(AssertUnwindSafe(job)).map_err(|_| JobError::Panicked),
            None => self.run(job).await,
        }
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
        match self.shared.jobs.try_send(job) {
            Ok(()) => receiver.await.unwrap_or(Err(JobError::Panicked)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(JobError::Overloaded),
        }
    }
}

impl Shared {
    /// A turn for a short job on the thread of its caller, if there is one.
    fn turn_at_caller(&self) -> Option<TurnAtCaller<'_>> {
        if !self.jobs.is_empty() {
            return None;
        }
        // Taken first and given back if it was one too many: the count is a bound and guards no data.
        let turn = TurnAtCaller(&self.at_callers);
        (self.at_callers.fetch_add(1, Ordering::Relaxed) < self.threads).then_some(turn)
    }
}

struct TurnAtCaller<'a>(&'a AtomicUsize);

impl Drop for TurnAtCaller<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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

    fn thread_name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_short_job_of_an_idle_pool_runs_where_its_caller_is() {
        let pool = CpuPool::start("test", 1, 4);
        assert_eq!(pool.run_short(thread_name).await, Ok(thread_name()));
        assert_eq!(pool.run(thread_name).await, Ok("test-0".to_owned()));
    }

    #[tokio::test]
    async fn no_more_short_jobs_run_at_callers_than_the_pool_has_threads() {
        let pool = CpuPool::start("test", 1, 4);
        let turn = pool.shared.turn_at_caller();
        assert!(turn.is_some());
        assert_eq!(pool.run_short(thread_name).await, Ok("test-0".to_owned()));
        drop(turn);
        assert_eq!(pool.run_short(thread_name).await, Ok(thread_name()));
    }

    #[tokio::test]
    async fn a_short_job_does_not_overtake_what_waits() {
        let pool = CpuPool::start("test", 1, 1);
        let (release, gate) = mpsc::sync_channel::<()>(1);
        let (started, running) = mpsc::sync_channel(1);
        let mut first = Box::pin(pool.run(move || {
            started.send(()).unwrap();
            gate.recv().unwrap();
        }));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        running.recv().unwrap();
        let mut waiting = Box::pin(pool.run(|| ()));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        assert_eq!(pool.run_short(|| ()).await, Err(JobError::Overloaded));
        release.send(()).unwrap();
        assert_eq!((first.await, waiting.await), (Ok(()), Ok(())));
    }

    #[tokio::test]
    async fn a_panic_ends_the_job_and_not_the_thread() {
        let pool = CpuPool::start("test", 1, 4);
        assert_eq!(pool.run_short(|| panic!("of the test")).await, Err::<(), _>(JobError::Panicked));
        assert_eq!(pool.run_short(|| 7).await, Ok(7));
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
