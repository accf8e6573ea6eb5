//! The threads that connections live on.
//!
//! Each has a runtime of its own, and a connection stays where it was put. On a runtime of several threads, a request
//! on its way through hyper wakes one thread after another without need: that cost more than all else that the
//! service does for a small search (DECISIONS.md, 20).

use annuli_threads::Urgency;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::oneshot;

/// Threads for connections. They end when this is dropped, and the connections that are left end with them.
pub struct ConnectionThreads(Vec<ConnectionThread>);

struct ConnectionThread {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
    /// Dropped first: that is what the thread waits for.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ConnectionThreads {
    /// Starts `threads` threads, called `http-0` and so on.
    ///
    /// # Errors
    /// When the operating system gives no threads, or no files to wait on.
    pub fn start(threads: usize) -> io::Result<Self> {
        (0..threads.max(1)).map(ConnectionThread::start).collect::<io::Result<_>>().map(Self)
    }

    /// The thread with the fewest connections.
    pub(super) fn least_busy(&self) -> Place<'_> {
        let busy = |thread: &&ConnectionThread| thread.connections.load(Ordering::Relaxed);
        Place(self.0.iter().min_by_key(busy).expect("there is at least one"))
    }
}

/// Room for one connection.
pub(super) struct Place<'a>(&'a ConnectionThread);

impl Place<'_> {
    /// Makes sockets and timers belong to the thread, as long as the guard is held.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.0.runtime.enter()
    }

    /// Lets `connection` run there until it ends.
    pub(super) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let counted = Counted::new(Arc::clone(&self.0.connections));
        self.0.runtime.spawn(async move {
            connection.await;
            drop(counted);
        });
    }
}

/// One of a thread's connections. It is counted off by being dropped, however the connection ends.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(connections: Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(connections)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ConnectionThread {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            Urgency::Prompt.take();
            // It never comes to more than the sender's end.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name(format!("http-{number}")).spawn(run)?;
        Ok(Self { runtime: handle, connections: Arc::default(), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for ConnectionThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a thread of connections ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    fn connections(threads: &ConnectionThreads) -> Vec<usize> {
        threads.0.iter().map(|thread| thread.connections.load(Ordering::Relaxed)).collect()
    }

    #[test]
    fn connections_are_spread_evenly() {
        let threads = ConnectionThreads::start(3).unwrap();
        (0..7).for_each(|_| threads.least_busy().spawn(pending()));
        assert_eq!(connections(&threads), [3, 2, 2]);
    }

    #[test]
    fn a_connection_that_ended_leaves_room() {
        let threads = ConnectionThreads::start(2).unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let (gone, is_gone) = oneshot::channel::<()>();
        threads.least_busy().spawn(async move {
            let _ = ended.await;
            drop(gone);
        });
        threads.least_busy().spawn(pending());
        assert_eq!(connections(&threads), [1, 1]);
        drop(end);
        assert!(is_gone.blocking_recv().is_err());
        // What is left of the connection's task is a drop away.
        while connections(&threads) != [0, 1] {
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_open_at_the_end_is_dropped() {
        let threads = ConnectionThreads::start(1).unwrap();
        let (open, is_open) = oneshot::channel::<()>();
        threads.least_busy().spawn(async move {
            let _open = open;
            pending::<()>().await;
        });
        drop(threads);
        assert!(is_open.blocking_recv().is_err());
    }
}
