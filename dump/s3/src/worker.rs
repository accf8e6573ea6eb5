//! Threads on which requests run while whoever asked blocks.

use crate::limits::WORKER_THREADS;
use std::future::Future;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

/// A runtime of its own. Blocking on one from a thread of another is a panic in tokio, and dropping it there too; so
/// futures are spawned and their answers come through a channel, which any thread may wait for.
#[derive(Debug)]
pub(crate) struct Worker {
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

/// An answer that is on its way. Dropped, it is no longer worked for.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    answer: Receiver<T>,
    task: Option<AbortHandle>,
}

/// The work ended without an answer: it panicked.
#[derive(Debug, thiserror::Error)]
#[error("the thread that was asked has failed: this is a defect of annuli")]
pub(crate) struct WorkerFailed;

impl Worker {
    pub(crate) fn start() -> io::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(WORKER_THREADS).thread_name("s3").enable_all().build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Begins a piece of work.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Pending<T> {
        let (answers, answer) = sync_channel(1);
        let work = async move {
            // Nobody waits for the answer any more.
            let _ = answers.send(work.await);
        };
        let task = self.runtime.as_ref().map(|runtime| runtime.spawn(work).abort_handle());
        Pending { answer, task }
    }
}

impl<T> Pending<T> {
    /// Blocks until it is there.
    pub(crate) fn wait(self) -> Result<T, WorkerFailed> {
        self.answer.recv().map_err(|_| WorkerFailed)
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            // Without effect on what has ended.
            task.abort();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_of_another_runtime_may_wait_and_drop() {
        let other = Builder::new_current_thread().build().unwrap();
        let answer = other.block_on(async {
            let worker = Worker::start().unwrap();
            worker.spawn(async { 7 }).wait().unwrap()
        });
        assert_eq!(answer, 7);
    }

    #[test]
    fn work_that_panics_is_a_failure_of_who_waits() {
        let worker = Worker::start().unwrap();
        assert!(worker.spawn(async { assert_eq!(1, 2) }).wait().is_err());
        assert_eq!(worker.spawn(async { 7 }).wait().unwrap(), 7);
    }
}
