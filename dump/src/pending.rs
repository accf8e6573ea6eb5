//! A dump in the making by one process.

use crate::dump_id::DumpId;
use crate::files::{BeginDumpError, StoreFault};
use crate::manifest::Manifest;
use crate::store::{CommitDumpError, DumpStore, NewArchive};
use annuli_core::id::{IndexUuid, ShardId};

/// A dump that becomes one by `commit`, and nothing if it is dropped before.
#[derive(Debug)]
pub struct PendingDump {
    store: DumpStore,
    index: IndexUuid,
    dump: DumpId,
    committed: bool,
}

impl PendingDump {
    /// Begins a dump under an id that was never used before.
    pub fn begin(store: &DumpStore, index: IndexUuid, dump: DumpId) -> Result<Self, BeginDumpError> {
        store.begin(index, dump)?;
        Ok(Self { store: store.clone(), index, dump, committed: false })
    }

    /// Begins the archive of one shard.
    pub fn create_archive(&self, shard: ShardId) -> Result<NewArchive, StoreFault> {
        self.store.create_archive(self.index, self.dump, shard)
    }

    /// Makes it a dump, as [`DumpStore::commit`] does. If that fails it is removed.
    pub fn commit(mut self, manifest: &Manifest) -> Result<(), CommitDumpError> {
        let head = manifest.head();
        if (head.index_uuid, head.dump) != (self.index, self.dump) {
            return Err(CommitDumpError::OtherDump {
                index: self.index,
                dump: self.dump,
                manifest_index: head.index_uuid,
                manifest_dump: head.dump,
            });
        }
        self.store.commit(manifest)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for PendingDump {
    fn drop(&mut self) {
        if !self.committed {
            // Nobody can be told if this fails too: it has no manifest, and a listing calls it incomplete.
            let _ = self.store.delete(self.index, self.dump);
        }
    }
}
