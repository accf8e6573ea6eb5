//! The one thread that changes a shard.
//!
//! It takes what waits in the queue as one group: plans each batch against the state that the batches before it leave,
//! commits the group, adds and kills points, publishes a new view, acknowledges.

pub mod group;

use crate::builder::Wake;
use crate::clock;
use crate::head::Head;
use crate::settings::{GROUP_WRITES_MAX, PENDING_POINTS_MAX, ShardSettings};
use crate::shard::StoreSlot;
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::meta::Counters;
use crate::table::{Row, Table};
use crate::view::View;
use annuli_api::shard_api::{ConditionalWrite, Outcome, Write, Written};
use annuli_api::v1::metadata::UnfitMetadata;
use annuli_core::DocId;
use annuli_core::schema::UnfitVector;
use arc_swap::ArcSwap;
use crossbeam_channel::Receiver;
use group::Group;
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
    /// The graph holds more points.
    Extended {
        /// The graph.
        head: Arc<Head>,
        /// Slots that it holds.
        covered: usize,
    },
    /// There is a table without dead points, and a graph for it.
    Rebuilt(Rebuilt),
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

/// A table without the dead points of `base`.
pub struct Rebuilt {
    /// The state that it was made of.
    pub base: View,
    /// Its live rows.
    pub table: Table,
    /// The graph for them.
    pub head: Arc<Head>,
    /// Slots that the graph holds.
    pub covered: usize,
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
    /// The graph is too far behind.
    #[error(
        "{pending} documents wait to enter the graph, the limit is {PENDING_POINTS_MAX}: writes wait until it has caught up"
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
    pub(crate) counters: Counters,
    /// Slots of the table that the shard was opened with; 0 once it was rebuilt.
    pub(crate) opened_with: usize,
    /// The state as it will be published.
    pub(crate) view: View,
    pub(crate) views: Arc<ArcSwap<View>>,
    pub(crate) queue: Receiver<Command>,
    pub(crate) builder: Wake,
}

impl Writer {
    /// Works until it is told to stop, or nobody is left who could tell it anything.
    pub(crate) fn run(mut self) {
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
                    | Command::Rebuilt(_)
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
                if Arc::ptr_eq(&head, &self.view.head) {
                    self.view.covered = covered;
                    self.publish();
                }
            }
            Command::Rebuilt(rebuilt) => self.take_over(rebuilt),
            Command::Stop => return false,
        }
        true
    }

    fn capture(&self, folder: &std::path::Path) -> Result<View, WriteError> {
        self.store.with(|store| store.checkpoint(folder)).ok_or(WriteError::Closed)??;
        Ok(self.view.clone())
    }

    fn take_over(&mut self, rebuilt: Rebuilt) {
        let Rebuilt { base, mut table, head, covered } = rebuilt;
        if !Arc::ptr_eq(&base.head, &self.view.head) {
            // It was made of a table that has been replaced since: its slots mean nothing here.
            return;
        }
        self.view.table.catch_up(&base.table, &mut table);
        tracing::info!(documents = table.live(), dropped = base.table.dead(), "rebuilt the graph without dead points");
        self.opened_with = 0;
        self.view.table = table;
        self.view.head = head;
        self.view.covered = covered;
        self.publish();
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

    /// Points that wait for the graph, but for those that were there when the shard was opened: to refuse writes would
    /// not make their build any shorter.
    fn behind(&self) -> usize {
        self.view.table.len().saturating_sub(self.view.covered.max(self.opened_with))
    }

    fn write(&mut self, group: Group) -> Result<(), WriteError> {
        let (changes, counters) = group.into_changes();
        if changes.is_empty() {
            return Ok(());
        }
        // Numbers are not used again after a failure: part of the batch may have reached the disk.
        self.counters = counters;
        let durability = self.settings.durability;
        self.store.with(|store| store.commit(&changes, &counters, durability)).ok_or(WriteError::Closed)??;
        for change in changes {
            self.apply(change);
        }
        self.view.position.seq = counters.seq;
        self.publish();
        Ok(())
    }

    fn apply(&mut self, change: Change) {
        if let Some(point) = change.killed {
            self.view.table.kill(point);
        }
        if let Some(document) = change.document {
            self.view.table.push(Arc::new(Row::new(change.id, document)));
        }
    }

    fn publish(&self) {
        self.views.store(Arc::new(self.view.clone()));
        self.builder.wake();
    }
}
