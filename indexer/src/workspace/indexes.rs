//! The folders of indexes: made, opened, swept.

use super::disk::{DiskFault, make_folder, remove_folder, rename_folder};
use super::{OpenIndex, index_file};
use crate::clock;
use crate::shard::{OpenError, Shard, ShardParts};
use crate::snapshot;
use crate::store::meta::Identity;
use crate::store::{Store, StoreError};
use annuli_api::{ErrorCode, Failure, Index, ShardApi};
use annuli_core::{HistoryId, IndexName, IndexSchema, IndexUuid, ShardId};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Folders that are being made or removed.
const TEMPORARY: [&str; 2] = [".new-", ".removed-"];

/// Why an index does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenIndexError {
    /// Its description cannot be read.
    #[error(transparent)]
    File(#[from] index_file::IndexFileError),
    /// One of its shards does not open.
    #[error("shard {shard}: {reason}")]
    Shard {
        /// Which.
        shard: ShardId,
        /// Why.
        reason: OpenError,
    },
}

impl OpenIndexError {
    /// Whether its description was read, or is not there, and is no description of this release or of one before.
    pub(crate) fn is_of_content(&self) -> bool {
        match self {
            Self::File(error) => error.is_of_content(),
            Self::Shard { .. } => false,
        }
    }
}

/// Why an index cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeIndexError {
    /// A file or folder cannot be written.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// A store cannot be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something that is no index is where it would be.
    #[error("`{}` is there and is no index: move it away, or choose another name", path.display())]
    InTheWay {
        /// What is there.
        path: PathBuf,
    },
}

pub(crate) fn folder(root: &Path, name: &IndexName) -> PathBuf {
    root.join(name.as_str())
}

pub(crate) fn shard_folder(index: &Path, shard: ShardId) -> PathBuf {
    index.join(shard.to_string())
}

/// Removes what an earlier process had not finished making or removing.
pub(crate) fn sweep(root: &Path) -> Result<(), DiskFault> {
    for entry in fs::read_dir(root).map_err(DiskFault::of("read the folder", root))? {
        let path = entry.map_err(DiskFault::of("read the folder", root))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if TEMPORARY.iter().any(|start| name.starts_with(start)) {
            tracing::info!(folder = %path.display(), "removing what was left unfinished");
            remove_folder(&path)?;
        }
    }
    Ok(())
}

/// Names of the indexes that there are. Folders that cannot be one are left alone.
pub(crate) fn names(root: &Path) -> Result<Vec<IndexName>, DiskFault> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).map_err(DiskFault::of("read the folder", root))? {
        let entry = entry.map_err(DiskFault::of("read the folder", root))?;
        let Some(Ok(name)) = entry.file_name().to_str().map(IndexName::new) else { continue };
        if entry.path().join("index.json").exists() {
            names.push(name);
        } else {
            tracing::warn!(folder = %entry.path().display(), "no index: it has no index.json; it is left alone");
        }
    }
    names.sort();
    Ok(names)
}

/// Opens the index in the folder of its name.
pub(super) fn open(root: &Path, name: &IndexName, parts: &ShardParts) -> Result<OpenIndex, OpenIndexError> {
    let (uuid, schema) = describe(root, name)?;
    let shards: Vec<_> = schema
        .shards
        .shards()
        .map(|shard| open_shard(root, name, (uuid, schema), shard, parts).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let handles = shards.iter().map(|shard| Arc::clone(shard) as Arc<dyn ShardApi>).collect();
    Ok(OpenIndex { index: Arc::new(Index { name: name.clone(), uuid, schema, shards: handles }), shards })
}

/// What the index in the folder of its name is.
pub(crate) fn describe(root: &Path, name: &IndexName) -> Result<(IndexUuid, IndexSchema), OpenIndexError> {
    Ok(index_file::read(&folder(root, name), name)?)
}

/// Opens one shard of an index.
pub(crate) fn open_shard(
    root: &Path,
    name: &IndexName,
    (index, schema): (IndexUuid, IndexSchema),
    shard: ShardId,
    parts: &ShardParts,
) -> Result<Shard, OpenIndexError> {
    let identity = Identity { index, history: HistoryId(Uuid::nil()), shard, schema };
    let folder = shard_folder(&folder(root, name), shard);
    snapshot::sweep(&folder);
    Shard::open(&folder, &identity, parts).map_err(|reason| OpenIndexError::Shard { shard, reason })
}

/// An index whose folder is being made beside those that are there.
pub(crate) struct NewIndex {
    root: PathBuf,
    folder: PathBuf,
    uuid: IndexUuid,
    schema: IndexSchema,
}

impl NewIndex {
    /// Begins what is to be the index `name`, with an identity of its own. What is in its way is told now, and not when all
    /// of it is made.
    pub(super) fn begin(root: &Path, name: &IndexName, schema: IndexSchema) -> Result<Self, MakeIndexError> {
        let path = folder(root, name);
        if path.symlink_metadata().is_ok() {
            return Err(MakeIndexError::InTheWay { path });
        }
        Ok(Self::begin_as(root, IndexUuid(clock::new_uuid()), schema)?)
    }

    /// Begins with the identity that the index has elsewhere already.
    pub(crate) fn begin_as(root: &Path, uuid: IndexUuid, schema: IndexSchema) -> Result<Self, DiskFault> {
        let folder = root.join(format!("{}{uuid}", TEMPORARY[0]));
        make_folder(&folder)?;
        Ok(Self { root: root.to_owned(), folder, uuid, schema })
    }

    /// Makes the empty store of a shard, with a history of its own.
    pub(crate) fn make_store(&self, shard: ShardId) -> Result<Store, MakeIndexError> {
        let folder = self.shard_folder(shard).join("db");
        make_folder(&folder)?;
        Ok(Store::create(&folder, &self.identity(shard))?)
    }

    /// The same for a store that is about to be loaded, with so much memory for that.
    pub(super) fn make_store_to_load(&self, shard: ShardId, buffer_bytes: usize) -> Result<Store, MakeIndexError> {
        let folder = self.shard_folder(shard).join("db");
        make_folder(&folder)?;
        Ok(Store::create_to_load(&folder, &self.identity(shard), buffer_bytes)?)
    }

    /// The folder of a shard, whether or not it is there.
    pub(crate) fn shard_folder(&self, shard: ShardId) -> PathBuf {
        shard_folder(&self.folder, shard)
    }

    /// The identity of a shard, with a history that no other has.
    pub(super) fn identity(&self, shard: ShardId) -> Identity {
        Identity { index: self.uuid, history: HistoryId(clock::new_uuid()), shard, schema: self.schema }
    }

    /// Gives the index its name; from now on it is there. Its stores must be closed.
    pub(crate) fn publish(self, name: &IndexName) -> Result<(), MakeIndexError> {
        index_file::write(&self.folder, name, self.uuid, &self.schema, clock::utc_now())?;
        let published = folder(&self.root, name);
        rename_folder(&self.folder, &published).inspect_err(|_| {
            // It has its name, and might lose it with the power: who is told that there is no index shall find none.
            if !self.folder.exists() && fs::rename(&published, &self.folder).is_err() {
                tracing::error!(index = %name, "an index that could not be made durable is there nevertheless");
            }
        })?;
        Ok(())
    }

    /// A folder beside the shards, for what is only needed while the index is made.
    pub(super) fn scratch(&self, name: &str) -> Result<PathBuf, DiskFault> {
        let folder = self.folder.join(format!(".{name}"));
        make_folder(&folder)?;
        Ok(folder)
    }
}

impl Drop for NewIndex {
    fn drop(&mut self) {
        // Gone when it was published; else nothing of it shall stay, and the next start sweeps what does.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Takes the index out of the workspace; its stores must be closed.
pub(crate) fn remove(root: &Path, name: &IndexName) -> Result<(), DiskFault> {
    discard(root, &folder(root, name))
}

/// Removes an index that was published and is not what it should be. Why it is not is more to know than that it is still
/// there: that is said in the log.
pub(super) fn withdraw(root: &Path, name: &IndexName) {
    if let Err(fault) = remove(root, name) {
        tracing::error!(index = %name, %fault, "an index that was made and is not sound cannot be removed");
    }
}

/// Where something is made that is not there yet: until it gets its name, the next start sweeps it.
pub(crate) fn unfinished(root: &Path) -> PathBuf {
    root.join(format!("{}{}", TEMPORARY[0], clock::new_uuid()))
}

/// Removes a folder below `root`: once it has lost its name it is gone, whatever becomes of the rest.
pub(crate) fn discard(root: &Path, folder: &Path) -> Result<(), DiskFault> {
    let removed = root.join(format!("{}{}", TEMPORARY[1], clock::new_uuid()));
    rename_folder(folder, &removed)?;
    remove_folder(&removed)
}

/// How an index that did not open answers.
pub(crate) fn unavailable(name: &IndexName, error: &OpenIndexError) -> Failure {
    Failure::new(ErrorCode::IndexUnavailable, format_args!("index `{name}` does not open: {error}"))
        .with("index", name.as_str())
}
