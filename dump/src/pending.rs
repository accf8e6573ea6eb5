//! A dump in the making.

use crate::disk::{DiskError, open_regular, sync_folder, write_new};
use crate::dump_id::DumpId;
use crate::manifest::{Manifest, ShardRecord, archive_name};
use crate::manifest_json::{self, ManifestTooLarge};
use crate::store::{LocalStore, remove};
use crate::stored::{MANIFEST, MANIFEST_DIGEST, digest_text};
use annuli_core::id::{IndexUuid, ShardId};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A folder that becomes a dump by `commit`, and nothing if it is dropped before. Archives may be created and written
/// from several threads.
#[derive(Debug)]
pub struct PendingDump {
    store: LocalStore,
    index: IndexUuid,
    dump: DumpId,
    committed: bool,
}

/// A dump that was not committed. Its folder is gone.
#[derive(Debug, thiserror::Error)]
pub enum CommitDumpError {
    /// The manifest belongs elsewhere.
    #[error(
        "dump {dump} of index {index} cannot be committed with the manifest of dump {manifest_dump} of index \
         {manifest_index}"
    )]
    OtherDump {
        /// The index that the dump was begun for.
        index: IndexUuid,
        /// The dump that was begun.
        dump: DumpId,
        /// The index in the manifest.
        manifest_index: IndexUuid,
        /// The dump in the manifest.
        manifest_dump: DumpId,
    },
    /// An archive is not the one that was recorded.
    #[error("archive `{}` of dump {dump} has {found} bytes, {recorded} are recorded", archive_name(*shard))]
    ArchiveBytes {
        /// The dump.
        dump: DumpId,
        /// Whose archive it is.
        shard: ShardId,
        /// Length of the file.
        found: u64,
        /// Length in the manifest.
        recorded: u64,
    },
    /// No reader would accept the manifest.
    #[error(transparent)]
    TooLarge(#[from] ManifestTooLarge),
    /// An archive is missing, or something could not be written.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl PendingDump {
    pub(crate) const fn new(store: LocalStore, index: IndexUuid, dump: DumpId) -> Self {
        Self { store, index, dump, committed: false }
    }

    /// Creates the archive of one shard.
    pub fn create_archive(&self, shard: ShardId) -> Result<File, DiskError> {
        self.store.create_archive(self.index, self.dump, shard)
    }

    /// Makes it a dump: every archive synced, then the digest, and last, in one step, the manifest.
    pub fn commit(mut self, manifest: &Manifest) -> Result<(), CommitDumpError> {
        self.check_identity(manifest)?;
        let folder = self.folder();
        for record in manifest.shards() {
            self.sync_archive(&folder, record)?;
        }
        let json = manifest_json::encode(manifest)?;
        write_new(&folder.join(MANIFEST_DIGEST), digest_text(&json).as_bytes())?;
        let unnamed = folder.join("manifest.json.tmp");
        write_new(&unnamed, &json)?;
        // All other names must last before the manifest has its own.
        sync_folder(&folder)?;
        fs::rename(&unnamed, folder.join(MANIFEST)).map_err(DiskError::at("rename", &unnamed))?;
        sync_folder(&folder)?;
        self.committed = true;
        Ok(())
    }

    fn check_identity(&self, manifest: &Manifest) -> Result<(), CommitDumpError> {
        let head = manifest.head();
        if (head.index_uuid, head.dump) == (self.index, self.dump) {
            return Ok(());
        }
        Err(CommitDumpError::OtherDump {
            index: self.index,
            dump: self.dump,
            manifest_index: head.index_uuid,
            manifest_dump: head.dump,
        })
    }

    /// Whoever wrote the archive may have forgotten to, or may be another process: syncing a file covers the writes of
    /// all who had it open.
    fn sync_archive(&self, folder: &Path, record: &ShardRecord) -> Result<(), CommitDumpError> {
        let path = folder.join(record.archive_name());
        let file = open_regular(&path)?;
        let found = file.metadata().map_err(DiskError::at("open", &path))?.len();
        let recorded = record.archive.bytes();
        if found != recorded {
            return Err(CommitDumpError::ArchiveBytes { dump: self.dump, shard: record.shard, found, recorded });
        }
        Ok(file.sync_all().map_err(DiskError::at("sync", &path))?)
    }

    fn folder(&self) -> PathBuf {
        self.store.folder(self.index, self.dump)
    }
}

impl Drop for PendingDump {
    fn drop(&mut self) {
        if !self.committed {
            // Nobody can be told if this fails too: the folder has no manifest, and a listing calls it incomplete.
            let _ = remove(&self.folder());
        }
    }
}
