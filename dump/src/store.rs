//! A folder of dumps on a local disk, or on one that several machines mount.

use crate::disk::{DiskError, create_folders, folder_names, sync_folder};
use crate::dump_id::{DumpId, parse_uuid};
use crate::listing::{DumpState, DumpSummary, ListedDump};
use crate::manifest::archive_name;
use crate::pending::PendingDump;
use crate::stored::{MANIFEST, ReadManifestError, StoredDump};
use annuli_core::id::{IndexUuid, ShardId};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Dumps of all indexes, by the layout that the crate's documentation shows.
#[derive(Debug, Clone)]
pub struct LocalStore {
    root: PathBuf,
}

/// A dump that was not begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginDumpError {
    /// Ids are never used twice, not even after a failure.
    #[error("dump {dump} of index {index} exists already: a dump needs a new id")]
    Exists {
        /// The index.
        index: IndexUuid,
        /// The dump.
        dump: DumpId,
    },
    /// Its folder could not be made.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A dump that the store does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store `{}` has no dump {dump}", root.display())]
pub struct NoSuchDump {
    root: PathBuf,
    dump: DumpId,
}

/// A dump that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FindDumpError {
    /// No folder has its id.
    #[error(transparent)]
    Absent(#[from] NoSuchDump),
    /// It has no valid manifest.
    #[error(transparent)]
    Manifest(#[from] ReadManifestError),
    /// The store could not be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A dump that was not deleted, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum DeleteDumpError {
    /// No folder has its id.
    #[error(transparent)]
    Absent(#[from] NoSuchDump),
    /// Something could not be removed. Deleting again continues.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl LocalStore {
    /// A store in that folder, which the first dump creates.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Begins a dump under an id that was never used before. Until it is committed it is no dump.
    pub fn begin(&self, index: IndexUuid, dump: DumpId) -> Result<PendingDump, BeginDumpError> {
        let index_folder = self.root.join(index.to_string());
        create_folders(&index_folder)?;
        let folder = self.folder(index, dump);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(BeginDumpError::Exists { index, dump });
            }
            other => other.map_err(DiskError::at("create", &folder))?,
        }
        let pending = PendingDump::new(self.clone(), index, dump);
        sync_folder(&index_folder)?;
        Ok(pending)
    }

    /// Creates the archive of one shard within a dump that was begun, perhaps by another process.
    pub fn create_archive(&self, index: IndexUuid, dump: DumpId, shard: ShardId) -> Result<File, DiskError> {
        let path = self.folder(index, dump).join(archive_name(shard));
        OpenOptions::new().write(true).create_new(true).open(&path).map_err(DiskError::at("create", &path))
    }

    /// Every dump, oldest first, and every folder that is not quite one. Archives are not looked at: verifying does.
    pub fn list(&self) -> Result<Vec<ListedDump>, DiskError> {
        let mut dumps = Vec::new();
        for index in self.indexes()? {
            let names = folder_names(&self.root.join(index.to_string()))?;
            for dump in names.iter().filter_map(|name| DumpId::parse(name).ok()) {
                let state = match StoredDump::open(self.folder(index, dump), index, dump) {
                    Ok(stored) => DumpState::Complete(Box::new(DumpSummary::of(stored.manifest()))),
                    Err(ReadManifestError::Incomplete { .. }) => DumpState::Incomplete,
                    Err(error) => DumpState::Damaged(error),
                };
                dumps.push(ListedDump { index, dump, state });
            }
        }
        dumps.sort_by_key(|listed| (listed.dump, listed.index));
        Ok(dumps)
    }

    /// The dump of that id, whose manifest is valid.
    pub fn find(&self, dump: DumpId) -> Result<StoredDump, FindDumpError> {
        let index = self.index_of(dump)?.ok_or_else(|| self.no_such(dump))?;
        Ok(StoredDump::open(self.folder(index, dump), index, dump)?)
    }

    /// Removes a dump, a damaged one, or what is left of one. It ceases to exist at once; its files follow.
    pub fn delete(&self, dump: DumpId) -> Result<(), DeleteDumpError> {
        let index = self.index_of(dump)?.ok_or_else(|| self.no_such(dump))?;
        Ok(remove(&self.folder(index, dump))?)
    }

    pub(crate) fn folder(&self, index: IndexUuid, dump: DumpId) -> PathBuf {
        self.root.join(index.to_string()).join(dump.to_string())
    }

    fn indexes(&self) -> Result<Vec<IndexUuid>, DiskError> {
        Ok(folder_names(&self.root)?.iter().filter_map(|name| parse_uuid(name)).map(IndexUuid).collect())
    }

    fn index_of(&self, dump: DumpId) -> Result<Option<IndexUuid>, DiskError> {
        Ok(self.indexes()?.into_iter().find(|index| self.folder(*index, dump).is_dir()))
    }

    fn no_such(&self, dump: DumpId) -> NoSuchDump {
        NoSuchDump { root: self.root.clone(), dump }
    }
}

/// Takes the manifest away before anything else, so that a dump half removed is never taken for a whole one.
pub(crate) fn remove(folder: &Path) -> Result<(), DiskError> {
    let manifest = folder.join(MANIFEST);
    match fs::rename(&manifest, folder.join("manifest.json.deleted")) {
        // It was never committed, or an earlier deletion was cut off here.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => other.map_err(DiskError::at("rename", &manifest))?,
    }
    sync_folder(folder)?;
    fs::remove_dir_all(folder).map_err(DiskError::at("remove", folder))
}
