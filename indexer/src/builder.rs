//! The thread that keeps a shard's graphs up with its writes: inserts new rows into the head, seals them into
//! segments, and has segments merged. It changes nothing itself: what it made, the writer takes over.

use crate::clock;
use crate::head::Head;
use crate::plan::{self, Pace, TailWork};
use crate::settings::{BUILD_RETRY_AFTER, BUILD_STEP_POINTS, CALM_AFTER, HEAD_AFTER, ShardSettings};
use crate::tail::Tail;
use crate::view::View;
use crate::workshop::{BuildError, Workshop};
use crate::writer::Command;
use annuli_core::Seq;
use crossbeam_channel::{Receiver, Sender, after, at, bounded, never, select};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Tells the builder that there is a new view.
#[derive(Debug, Clone)]
pub struct Wake(Sender<()>);

impl Wake {
    /// A waker and what it wakes.
    pub(crate) fn new() -> (Self, Receiver<()>) {
        let (sender, receiver) = bounded(1);
        (Self(sender), receiver)
    }

    /// Wakes the builder, now or when it has finished what it is at.
    pub fn wake(&self) {
        // A full channel means that it is about to look anyway.
        let _ = self.0.try_send(());
    }
}

/// The builder of one shard.
pub(crate) struct Builder {
    settings: ShardSettings,
    workshop: Workshop,
    wakes: Receiver<()>,
    /// Slots that are in a head. The view learns of them later, when the writer comes to it; to insert them again
    /// would make a search find them twice.
    inserted: Option<(Arc<Head>, usize)>,
    merge: Option<Merge>,
    /// When the last seal was over.
    sealed: Instant,
    /// The last change that the store's log was written out behind.
    flushed: Seq,
    /// When the next build may be tried, after one has failed.
    retry: Option<Instant>,
}

/// A merge, on a thread of its own: it may take minutes, in which new rows are still sealed.
struct Merge {
    thread: JoinHandle<()>,
    ended: Receiver<Result<(), BuildError>>,
}

/// What ends a wait.
enum Woken {
    /// There is a new view.
    Called,
    /// For a while there was none.
    Waited,
    /// A merge has ended.
    Merged(Result<(), BuildError>),
    /// It is time to stop.
    Told,
}

impl Builder {
    pub(crate) fn new(settings: ShardSettings, workshop: Workshop, wakes: Receiver<()>) -> Self {
        Self {
            settings,
            workshop,
            wakes,
            inserted: None,
            merge: None,
            sealed: clock::now(),
            flushed: Seq::ZERO,
            retry: None,
        }
    }

    /// Works until it is told to stop, or the writer is gone.
    pub(crate) fn run(mut self) {
        let mut calm = false;
        let mut settled = false;
        loop {
            match self.wait(settled) {
                Woken::Called => calm = false,
                Woken::Waited => {
                    self.retry = None;
                    calm = true;
                    self.flush();
                }
                Woken::Merged(result) => {
                    self.join_merge();
                    self.heed("merge", result);
                }
                Woken::Told => break,
            }
            // After a failure nothing is tried before its time, however many writes come.
            settled = self.retry.is_none() && self.work(calm) && calm;
        }
        self.join_merge();
    }

    fn wait(&self, settled: bool) -> Woken {
        let nobody = never();
        let ended = self.merge.as_ref().map_or(&nobody, |merge| &merge.ended);
        let time = match self.retry {
            Some(retry) => at(retry),
            None if settled => never(),
            None => after(CALM_AFTER),
        };
        select! {
            recv(self.workshop.stop.told()) -> _ => Woken::Told,
            recv(ended) -> result => Woken::Merged(result.unwrap_or(Err(BuildError::Panicked))),
            recv(self.wakes) -> wake => if wake.is_ok() { Woken::Called } else { Woken::Told },
            recv(time) -> _ => Woken::Waited,
        }
    }

    /// Has the store write its log out when that has grown as a segment has.
    fn flush(&mut self) {
        let seq = self.workshop.views.load().position.seq;
        if seq.0 - self.flushed.0 >= self.settings.seal_points.get() as u64 {
            self.flushed = seq;
            let result = self.workshop.flush();
            self.heed("flush of the store", result);
        }
    }

    /// Does what there is to do, but for what a merge does meanwhile. Returns whether all is done.
    fn work(&mut self, calm: bool) -> bool {
        while !self.workshop.stop.is_told() {
            let view = self.workshop.views.load_full();
            let mut shape = view.shape();
            shape.uncovered = view.tail.table.end() - self.covered(&view.tail);
            let bounds = view.bounds(self.settings);
            let pace = self.pace(calm);
            let work = plan::tail_work(&shape, bounds, pace);
            // In peace, what is sealed now is merged with the others at once.
            if !calm || work == TailWork::Nothing {
                self.start_merge(&view, &plan::merge(&shape, bounds, pace));
            }
            let (what, result) = match work {
                TailWork::Nothing => return self.merge.is_none(),
                TailWork::Extend => ("head", self.extend(&view)),
                TailWork::Seal => ("seal", self.seal(view)),
                TailWork::Checkpoint => ("checkpoint", self.workshop.checkpoint(view)),
            };
            if !self.heed(what, result) {
                return false;
            }
        }
        false
    }

    fn pace(&self, calm: bool) -> Pace {
        if calm {
            Pace::Calm
        } else if clock::now().duration_since(self.sealed) < HEAD_AFTER {
            Pace::Busy
        } else {
            Pace::Steady
        }
    }

    fn seal(&mut self, view: Arc<View>) -> Result<(), BuildError> {
        let result = self.workshop.seal(view);
        self.sealed = clock::now();
        result
    }

    /// Returns whether to go on.
    fn heed(&mut self, what: &str, result: Result<(), BuildError>) -> bool {
        match result {
            Ok(()) => true,
            Err(BuildError::Stopped) => false,
            Err(error @ (BuildError::Panicked | BuildError::Save(_) | BuildError::Refused(_))) => {
                self.retry = Some(clock::now() + BUILD_RETRY_AFTER);
                let (shard, retry_s) = (self.workshop.shard.0, BUILD_RETRY_AFTER.as_secs());
                tracing::warn!(shard, retry_s, %error, "a {what} failed; searches go on with what there was before");
                false
            }
        }
    }

    fn covered(&self, tail: &Tail) -> usize {
        match &self.inserted {
            Some((head, covered)) if Arc::ptr_eq(head, &tail.head) => *covered,
            Some(_) | None => tail.covered,
        }
    }

    /// Inserts the next rows into the head.
    fn extend(&mut self, view: &View) -> Result<(), BuildError> {
        let Tail { table, head, .. } = &view.tail;
        let from = self.covered(&view.tail);
        let to = table.end().min(from + BUILD_STEP_POINTS);
        // A point that died before it got here is of no use to the graph.
        let rows: Vec<_> = table
            .live_from(from)
            .take_while(|(slot, _)| *slot < to)
            .map(|(slot, row)| (slot, Arc::clone(row)))
            .collect();
        head.insert(&rows, self.workshop.pool.heads());
        self.inserted = Some((Arc::clone(head), to));
        let extended = Command::Extended { head: Arc::clone(head), covered: to };
        self.workshop.writer.send(extended).map_err(|_| BuildError::Stopped)
    }

    fn start_merge(&mut self, view: &Arc<View>, places: &[usize]) {
        if places.is_empty() || self.merge.is_some() {
            return;
        }
        let (tell, ended) = bounded(1);
        let (workshop, view, places) = (self.workshop.clone(), Arc::clone(view), places.to_vec());
        let work = move || {
            // The builder waits for this, and longer than that there is none to tell.
            let _ = tell.send(workshop.merge(view, &places));
        };
        match thread::Builder::new().name(format!("merge-{}", self.workshop.shard)).spawn(work) {
            Ok(thread) => self.merge = Some(Merge { thread, ended }),
            Err(error) => tracing::warn!(shard = self.workshop.shard.0, %error, "no thread to merge segments on"),
        }
    }

    fn join_merge(&mut self) {
        if let Some(merge) = self.merge.take()
            && merge.thread.join().is_err()
        {
            tracing::error!(shard = self.workshop.shard.0, "a merge ended in a panic");
        }
    }
}
