//! What bounds the threads of a process that build graphs.

use crate::stop::Stop;
use annuli_threads::Urgency;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use rayon::ThreadPool;
use std::io;
use std::sync::Arc;

/// Threads for builds, shared by all shards of a process. At one time one shard seals and one merges, each on all
/// threads: a merge may take minutes, and what was just written must not wait for it. Cheap to clone.
#[derive(Clone)]
pub struct BuildPool {
    heads: Arc<ThreadPool>,
    seals: Turn,
    merges: Turn,
}

/// Held by one at a time.
#[derive(Clone)]
struct Turn {
    give: Sender<()>,
    take: Receiver<()>,
}

/// Somebody's turn; over when this is dropped.
pub(crate) struct Taken {
    give: Sender<()>,
}

impl BuildPool {
    /// So many threads, called `build-0` and so on.
    pub fn start(threads: usize) -> io::Result<Self> {
        Self::start_as(Urgency::Ordinary, threads)
    }

    /// The same, with threads that are waited for as `urgency` says.
    pub(crate) fn start_as(urgency: Urgency, threads: usize) -> io::Result<Self> {
        let heads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|number| format!("build-{number}"))
            .start_handler(move |_| urgency.take())
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { heads: Arc::new(heads), seals: Turn::new(), merges: Turn::new() })
    }

    /// Threads of one build.
    pub(crate) fn threads(&self) -> usize {
        self.heads.current_num_threads()
    }

    /// Where rows enter heads, and segments are opened.
    pub(crate) fn heads(&self) -> &ThreadPool {
        &self.heads
    }

    /// Waits for the turn to seal; `None` when it is time to stop.
    pub(crate) fn turn_to_seal(&self, stop: &Stop) -> Option<Taken> {
        self.seals.take(stop)
    }

    /// Waits for the turn to merge; `None` when it is time to stop.
    pub(crate) fn turn_to_merge(&self, stop: &Stop) -> Option<Taken> {
        self.merges.take(stop)
    }
}

impl Turn {
    fn new() -> Self {
        let (give, take) = bounded(1);
        give.send(()).expect("there is room for one");
        Self { give, take }
    }

    fn take(&self, stop: &Stop) -> Option<Taken> {
        select! {
            recv(self.take) -> turn => turn.ok().map(|()| Taken { give: self.give.clone() }),
            recv(stop.told()) -> _ => None,
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // There is room: this is what was taken out.
        let _ = self.give.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seals_and_one_merges_at_a_time() {
        let pool = BuildPool::start(1).unwrap();
        let (stopper, stop) = Stop::new();
        let seal = pool.turn_to_seal(&stop).unwrap();
        assert!(pool.turn_to_merge(&stop).is_some());
        assert!(pool.seals.take.is_empty());
        drop(seal);
        assert!(pool.turn_to_seal(&stop).is_some());
        let held = pool.turn_to_seal(&stop);
        stopper.stop();
        assert!(held.is_some() && pool.turn_to_seal(&stop).is_none());
    }
}
