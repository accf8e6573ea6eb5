//! A node makes its shard of an index from a dump: of a new index, or of one whose shard it has lost.

use super::{Entry, NewShard, Node, open_entry};
use crate::stop::{Stop, Stopper};
use crate::workspace::indexes::{self, NewIndex};
use crate::workspace::restore::{Restoration, RestoreError};
use annuli_api::{ErrorCode, Failure};
use annuli_core::{HistoryId, IndexUuid};
use annuli_dump::{DumpId, DumpStore, FindDumpError};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What makes the shard of an index from a dump.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredShard {
    /// What it becomes.
    pub new: NewShard,
    /// The index that was dumped: another one, or this.
    pub of: IndexUuid,
    /// The dump.
    pub dump: DumpId,
}

/// The restores that are under way, to be given up.
#[derive(Default)]
pub(super) struct Restores(Mutex<BTreeMap<IndexUuid, Stopper>>);

impl Restores {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<IndexUuid, Stopper>> {
        // An entry is put in and taken out whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn give_up_all(&self) {
        self.lock().values().for_each(Stopper::stop);
    }
}

impl Node {
    /// Makes the shard of an index from a dump, with a history of its own, and serves it. Made already, it is left as it
    /// is. On as many shards as the dump has its files are taken as they are; on another number the shard gets the
    /// documents that it owns. Blocks until it is on the disk; other shards are made and removed meanwhile.
    ///
    /// # Errors
    /// When the dump cannot be used, or nobody wants it any longer. Nothing of it is there.
    pub fn restore(&self, restored: &RestoredShard, store: &DumpStore) -> Result<HistoryId, Failure> {
        let uuid = restored.new.uuid;
        let (stopper, stop) = Stop::new();
        self.0.restores.lock().insert(uuid, stopper);
        let made = self.fill(restored, store, &stop);
        self.0.restores.lock().remove(&uuid);
        made
    }

    /// Nobody wants the restore of that index any longer.
    pub fn give_up_restore(&self, index: IndexUuid) {
        if let Some(stopper) = self.0.restores.lock().get(&index) {
            stopper.stop();
        }
    }

    fn fill(&self, restored: &RestoredShard, store: &DumpStore, stop: &Stop) -> Result<HistoryId, Failure> {
        let RestoredShard { new, of, dump } = restored;
        if let Some(entry) = self.0.held.load().by_name.get(&new.name) {
            return self.made_already(new, entry);
        }
        let shard = self.place().shard;
        let stored = store.open(*of, *dump).map_err(|error| found(&error))?;
        let folder = NewIndex::begin_as(&self.0.root, new.uuid, new.schema).map_err(RestoreError::from)?;
        let documents = Restoration::new(&folder, &stored, new.schema, stop)?.make(&[shard], &mut || {})?;
        let _changing = self.changing();
        if stop.is_told() {
            return Err(RestoreError::Stopped.into());
        }
        if let Some(entry) = self.0.held.load().by_name.get(&new.name) {
            return self.made_already(new, entry);
        }
        folder.publish(&new.name).map_err(RestoreError::from)?;
        let entry = open_entry(&self.0.root, &new.name, self.0.place, &self.0.parts);
        let made = match &entry {
            Entry::Open { shard, .. } if shard.view().live() as u64 == documents => Ok(shard.view().position.history),
            Entry::Open { shard, .. } => {
                shard.close();
                Err(RestoreError::Served { found: shard.view().live() as u64, stored: documents }.into())
            }
            Entry::Damaged { failure, .. } => Err(failure.clone()),
        };
        if made.is_err() {
            indexes::remove(&self.0.root, &new.name).map_err(RestoreError::from)?;
            return made;
        }
        self.change(|held| held.insert(new.name.clone(), entry.clone()));
        tracing::info!(index = %new.name, uuid = %new.uuid, %shard, %dump, documents, "restored a shard");
        made
    }
}

fn found(error: &FindDumpError) -> Failure {
    let code = match error {
        FindDumpError::Absent(_) => ErrorCode::DumpNotFound,
        FindDumpError::Manifest(_) | FindDumpError::Store(_) => ErrorCode::StorageFailed,
    };
    Failure::new(code, error)
}
