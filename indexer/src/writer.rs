//! The one thread that changes a shard.
//!
//! It takes what waits in the queue as one group: plans each batch against the state that the batches before it leave,
//! commits the group, adds and kills points, publishes a new view, acknowledges.

pub mod group;

use crate::builder::Wake;
use crate::clock;
use crate::head::Head;
use crate::meters::Meters;
use crate::part::Part;
use crate::settings::{GROUP_WRITES_MAX, PENDING_POINTS_MAX, ShardSettings};
use crate::shard::{LogKept, StoreSlot};
use crate::store::change::Change;
use crate::store::meta::Counters;
use crate::store::{SegmentsChange, StoreError};
use crate::table::Row;
use crate::view::View;
use crate::workshop::{Replacement, Retired};
use crate::workspace::disk::make_folder;
use annuli_api::shard_api::{ConditionalWrite, Outcome, Write, Written};
use annuli_api::v1::metadata::UnfitMetadata;
use annuli_core::schema::UnfitVector;
use annuli_core::{DocId, Point, Seq};
use annuli_threads::Urgency;
use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender};
use group::Group;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::oneshot;

/// What the writer is asked to do.
pub enum Command {
    /// Write a batch.
    Write(WriteCommand),
    /// Copy the store into a folder, between two groups, and return the view that belongs to the copy.
    Capture {
        /// A folder that does not exist.
        folder: PathBuf,
        /// Who asks.
        reply: oneshot::Sender<Result<View, WriteError>>,
    },
    /// The head holds more points.
    Extended {
        /// The head.
        head: Arc<Head>,
        /// Slots that it holds.
        covered: usize,
    },
    /// There is a segment in place of others, or of rows.
    Replace {
        /// What replaces what.
        replacement: Box<Replacement>,
        /// Who made it.
        reply: Sender<Result<Retired, WriteError>>,
    },
    /// End, when what stands before this in the queue is done.
    Stop,
}

/// A batch and who waits for it.
pub struct WriteCommand {
    /// The batch.
    pub writes: Vec<ConditionalWrite>,
    /// When it is no longer wanted.
    pub deadline: Instant,
    /// Who asks.
    pub reply: oneshot::Sender<Result<Written, WriteError>>,
}

/// Why a batch was not written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// A vector that does not fit the index.
    #[error("vector of document `{id}` {reason}")]
    Vector {
        /// The document.
        id: DocId,
        /// Why.
        reason: UnfitVector,
    },
    /// Metadata that grew too large by a merge.
    #[error("document `{id}`: {reason}")]
    Metadata {
        /// The document.
        id: DocId,
        /// Why.
        reason: UnfitMetadata,
    },
    /// The store failed; nothing of the group was written.
    #[error("{0}")]
    Store(Arc<StoreError>),
    /// The batch waited too long.
    #[error("the deadline passed while the write waited for its turn; nothing was written")]
    DeadlineExceeded,
    /// The builder is too far behind.
    #[error(
        "{pending} documents wait for their graph, the limit is {PENDING_POINTS_MAX}: writes wait until it has caught up"
    )]
    Behind {
        /// How many.
        pending: usize,
    },
    /// The shard is closed: its index was deleted, or the process ends.
    #[error("the shard is closed")]
    Closed,
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// Owner of a shard's state.
pub(crate) struct Writer {
    pub(crate) store: Arc<StoreSlot>,
    pub(crate) settings: ShardSettings,
    pub(crate) meters: Meters,
    /// From where on somebody needs the log.
    pub(crate) log_kept: LogKept,
    pub(crate) counters: Counters,
    /// Points below this were there when the shard was opened.
    pub(crate) opened_before: Point,
    /// Segments of which the store still knows, and which could not be used.
    pub(crate) lost: Vec<u64>,
    /// The state as it will be published.
    pub(crate) view: View,
    pub(crate) views: Arc<ArcSwap<View>>,
    pub(crate) queue: Receiver<Command>,
    pub(crate) builder: Wake,
}

impl Writer {
    /// Works until it is told to stop, or nobody is left who could tell it anything.
    pub(crate) fn run(mut self) {
        Urgency::Prompt.take();
        while let Ok(first) = self.queue.recv() {
            let mut batches = Vec::new();
            let mut writes = 0;
            let mut next = Some(first);
            while let Some(command) = next {
                match command {
                    Command::Write(batch) => {
                        writes += batch.writes.len();
                        batches.push(batch);
                    }
                    other @ (Command::Capture { .. }
                    | Command::Extended { .. }
                    | Command::Replace { .. }
                    | Command::Stop) => {
                        // What the group holds came first.
                        self.commit(std::mem::take(&mut batches));
                        writes = 0;
                        if !self.handle(other) {
                            return;
                        }
                    }
                }
                next = if writes < GROUP_WRITES_MAX { self.queue.try_recv().ok() } else { None };
            }
            self.commit(batches);
        }
    }

    /// Does what is not a write; returns whether to go on.
    fn handle(&mut self, command: Command) -> bool {
        match command {
            Command::Write(batch) => self.commit(vec![batch]),
            Command::Capture { folder, reply } => {
                // Who asked may have left; the folder is temporary either way.
                let _ = reply.send(self.capture(&folder));
            }
            Command::Extended { head, covered } => {
                if Arc::ptr_eq(&head, &self.view.tail.head) {
                    self.view.tail.covered = covered;
                    self.publish();
                }
            }
            Command::Replace { replacement, reply } => {
                // Who made it may have been told to stop.
                let _ = reply.send(self.replace(replacement));
            }
            Command::Stop => return false,
        }
        true
    }

    fn capture(&self, folder: &Path) -> Result<View, WriteError> {
        self.store.with(|store| store.checkpoint(&folder.join("db"))).ok_or(WriteError::Closed)??;
        // Now, and not when they are read: a merge removes the files that it replaces. A copy without them is whole.
        let segments = folder.join("segments");
        let linked = make_folder(&segments)
            .and_then(|()| self.view.parts.iter().try_for_each(|part| part.file().link_into(&segments)));
        if let Err(error) = linked {
            tracing::warn!(%error, "a dump goes without some of its segments: a restore builds them again");
        }
        Ok(self.view.clone())
    }

    /// Takes a segment over: what has died since it was begun is dead in it; the store knows of it before searches do.
    fn replace(&mut self, mut replacement: Box<Replacement>) -> Result<Retired, WriteError> {
        let mut view = self.view.clone();
        let made = replacement.made();
        replacement.take_over_deaths(&Arc::new(self.view.clone()));
        let removed = [replacement.merged.as_slice(), &self.lost].concat();
        replacement.apply(&mut view);
        view.replay_after = self.replay_after(&view);
        let put = view.parts.iter().filter_map(Part::unsaved).collect();
        let change = SegmentsChange { put, removed, replay_after: view.replay_after };
        let durability = self.settings.durability;
        let committed = self.store.with(|store| store.commit_segments(&change, durability));
        if let Some(Err(error)) = committed {
            // What of it has reached the disk is open: the next commit says everything again.
            self.lost.extend(made);
            self.view.parts.iter_mut().for_each(Part::mark_unsaved);
            return Err(error.into());
        }
        committed.ok_or(WriteError::Closed)??;
        self.lost.clear();
        view.parts.iter_mut().for_each(Part::mark_saved);
        let before = self.views.load_full();
        self.view = view;
        self.publish();
        Ok(Retired { _view: before, _replacement: replacement })
    }

    /// The seq up to which every birth is in a segment. The log need not reach back to documents that were read whole
    /// when the shard was opened: until they are sealed, the next opening has to read all again.
    fn replay_after(&self, view: &View) -> Option<Seq> {
        let table = &view.tail.table;
        if table.is_empty() {
            return Some(view.position.seq);
        }
        let first = table.row(table.first());
        let in_log = self.view.replay_after.is_some() || first.point >= self.opened_before;
        in_log.then(|| Seq(first.seq.0.saturating_sub(1)))
    }

    fn commit(&mut self, batches: Vec<WriteCommand>) {
        if batches.is_empty() {
            return;
        }
        let mut group = Group::new(self.view.schema, self.counters);
        let mut planned = Vec::new();
        let now = clock::now();
        for batch in batches {
            if batch.reply.is_closed() {
                continue;
            }
            let plan = if batch.deadline <= now {
                Err(WriteError::DeadlineExceeded)
            } else {
                self.plan(&mut group, batch.writes)
            };
            match plan {
                Ok(outcomes) => planned.push((batch.reply, outcomes)),
                // The caller may have left meanwhile, here and below.
                Err(error) => drop(batch.reply.send(Err(error))),
            }
        }
        match self.write(group) {
            Ok(()) => {
                for (reply, outcomes) in planned {
                    drop(reply.send(Ok(Written { outcomes, position: self.view.position })));
                }
            }
            Err(error) => {
                tracing::error!(%error, "a group of writes failed, none of it was acknowledged");
                for (reply, _) in planned {
                    drop(reply.send(Err(error.clone())));
                }
            }
        }
    }

    fn plan(&self, group: &mut Group, writes: Vec<ConditionalWrite>) -> Result<Vec<Outcome>, WriteError> {
        let pending = self.behind() + group.planned();
        let births = writes.iter().any(|write| !matches!(write.write, Write::Delete { .. }));
        if pending > PENDING_POINTS_MAX && births {
            return Err(WriteError::Behind { pending });
        }
        self.store.with(|store| group.plan(store, writes)).ok_or(WriteError::Closed)?
    }

    /// Points that wait for a graph, but for those that were there when the shard was opened: to refuse writes would
    /// not make their build any shorter.
    fn behind(&self) -> usize {
        let tail = &self.view.tail;
        tail.table.end() - tail.covered.max(tail.table.slot_from(self.opened_before))
    }

    fn write(&mut self, group: Group) -> Result<(), WriteError> {
        let (changes, counters) = group.into_changes();
        if changes.is_empty() {
            return Ok(());
        }
        // Numbers are not used again after a failure: part of the batch may have reached the disk.
        self.counters = counters;
        let durability = self.settings.durability;
        let needed = self.log_kept.behind().into_iter().chain(self.view.replay_after).min();
        let began = clock::now();
        self.store.with(|store| store.commit(&changes, &counters, needed, durability)).ok_or(WriteError::Closed)??;
        self.meters.committed(changes.len(), clock::now().duration_since(began));
        for change in changes {
            self.apply(change);
        }
        self.view.position.seq = counters.seq;
        self.publish();
        Ok(())
    }

    fn apply(&mut self, change: Change) {
        if let Some(point) = change.killed {
            self.view.kill(point);
        }
        if let Some(document) = change.document {
            self.view.tail.table.push(Arc::new(Row::new(change.id, document)));
        }
    }

    fn publish(&self) {
        self.views.store(Arc::new(self.view.clone()));
        self.builder.wake();
    }
}
