//! The dumps of all indexes in one place.

use crate::checked::{Checked, PutCheckedError};
use crate::dump_id::DumpId;
use crate::file::{DumpFile, DumpKey};
use crate::files::{BeginDumpError, DumpFiles, NewFile, PublishError, StoreFault};
use crate::listing::{DumpState, DumpSummary, ListedDump};
use crate::local::LocalFiles;
use crate::manifest::{Manifest, archive_name};
use crate::manifest_json::{self, ManifestTooLarge};
use crate::stored::{ReadManifestError, StoredDump};
use annuli_core::id::{IndexUuid, ShardId};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Dumps, by the layout that the crate's documentation shows, wherever their files are kept. Cheap to clone.
///
/// It gives no order: of two processes that commit the same dump with different manifests at the same moment, both may
/// be refused. Who may commit what is for the coordination of processes to say.
#[derive(Debug, Clone)]
pub struct DumpStore {
    files: Arc<dyn DumpFiles>,
}

/// The archive of a shard, in the making. Dropped before it is published it leaves nothing.
pub struct NewArchive {
    file: Box<dyn NewFile>,
}

/// A dump that was not committed.
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
    /// It was committed before, as something else.
    #[error("dump {dump} has another manifest already: a dump never changes, take a new one")]
    OtherManifest {
        /// The dump.
        dump: DumpId,
    },
    /// An archive is missing.
    #[error("archive `{}` of dump {dump} is missing", archive_name(*shard))]
    NoArchive {
        /// The dump.
        dump: DumpId,
        /// Whose archive it is.
        shard: ShardId,
    },
    /// An archive is not the one that was recorded.
    #[error("archive `{}` of dump {dump} has {found} bytes, {recorded} are recorded", archive_name(*shard))]
    ArchiveBytes {
        /// The dump.
        dump: DumpId,
        /// Whose archive it is.
        shard: ShardId,
        /// Its length.
        found: u64,
        /// Length in the manifest.
        recorded: u64,
    },
    /// No reader would accept the manifest.
    #[error(transparent)]
    TooLarge(#[from] ManifestTooLarge),
    /// What was written is not what is read.
    #[error("the manifest was written, and what is there now is not it: {0}")]
    Unreadable(ReadManifestError),
    /// Something could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// A dump that the store does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store `{place}` has no dump {dump}")]
pub struct NoSuchDump {
    place: String,
    dump: DumpId,
}

/// A dump that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FindDumpError {
    /// Nothing has its id.
    #[error(transparent)]
    Absent(#[from] NoSuchDump),
    /// It has no valid manifest.
    #[error(transparent)]
    Manifest(#[from] ReadManifestError),
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// A dump that was not deleted, or not wholly.
#[derive(Debug, thiserror::Error)]
pub enum DeleteDumpError {
    /// Nothing has its id.
    #[error(transparent)]
    Absent(#[from] NoSuchDump),
    /// Something could not be removed. Deleting again continues.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// An archive that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenArchiveError {
    /// It is not there.
    #[error("archive `{}` of dump {dump} is missing", archive_name(*shard))]
    Absent {
        /// The dump.
        dump: DumpId,
        /// Whose archive it is.
        shard: ShardId,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl DumpStore {
    /// The dumps whose files are kept there.
    pub fn new(files: Arc<dyn DumpFiles>) -> Self {
        Self { files }
    }

    /// The dumps in a folder, which the first of them creates.
    pub fn in_folder(root: impl Into<PathBuf>) -> Self {
        Self::new(Arc::new(LocalFiles::new(root)))
    }

    /// The place as messages name it, without any secret.
    pub fn place(&self) -> String {
        self.files.place()
    }

    /// Whether all of it is in that folder, and so belongs to whoever has the folder.
    pub fn lies_in(&self, folder: &Path) -> bool {
        self.files.lies_in(folder)
    }

    /// Begins a dump under an id that was never used before. Until it is committed it is no dump;
    /// [`PendingDump`](crate::PendingDump) begins one that is removed unless it is committed.
    pub fn begin(&self, index: IndexUuid, dump: DumpId) -> Result<(), BeginDumpError> {
        self.files.begin(DumpKey { index, dump })
    }

    /// Begins the archive of one shard of a dump that was begun, perhaps by another process.
    pub fn create_archive(&self, index: IndexUuid, dump: DumpId, shard: ShardId) -> Result<NewArchive, StoreFault> {
        let file = self.files.create(DumpKey { index, dump }, DumpFile::Archive(shard))?;
        Ok(NewArchive { file })
    }

    /// Makes it a dump: every archive looked for, then the manifest's digest, and last the manifest. With the manifest
    /// that it was committed with before, it is left as it is.
    pub fn commit(&self, manifest: &Manifest) -> Result<(), CommitDumpError> {
        let (index, dump) = (manifest.head().index_uuid, manifest.head().dump);
        for record in manifest.shards() {
            let (shard, recorded) = (record.shard, record.archive.bytes());
            match self.files.bytes(DumpKey { index, dump }, DumpFile::Archive(shard))? {
                Some(found) if found == recorded => {}
                Some(found) => return Err(CommitDumpError::ArchiveBytes { dump, shard, found, recorded }),
                None => return Err(CommitDumpError::NoArchive { dump, shard }),
            }
        }
        let json = manifest_json::encode(manifest)?;
        match self.checked_manifest(DumpKey { index, dump }).put(&json) {
            Ok(()) => {}
            Err(PutCheckedError::Differs) => return Err(CommitDumpError::OtherManifest { dump }),
            Err(PutCheckedError::Store(fault)) => return Err(fault.into()),
        }
        // Where two can write the same file at once, the last has written it: only what is read afterwards is so.
        match StoredDump::open(self, index, dump) {
            Ok(stored) if stored.manifest() == manifest => Ok(()),
            Ok(_) => Err(CommitDumpError::OtherManifest { dump }),
            Err(error) => Err(CommitDumpError::Unreadable(error)),
        }
    }

    /// Every dump, oldest first, and everything that is not quite one. Archives are not looked at: verifying does.
    pub fn list(&self) -> Result<Vec<ListedDump>, StoreFault> {
        let mut dumps = Vec::new();
        for DumpKey { index, dump } in self.files.dumps()? {
            let state = match StoredDump::open(self, index, dump) {
                Ok(stored) => DumpState::Complete(Box::new(DumpSummary::of(stored.manifest()))),
                Err(ReadManifestError::Incomplete { .. }) => DumpState::Incomplete,
                Err(error) => DumpState::Damaged(error),
            };
            dumps.push(ListedDump { index, dump, state });
        }
        dumps.sort_by_key(|listed| (listed.dump, listed.index));
        Ok(dumps)
    }

    /// The index that the dump of that id is of, whether or not it has a manifest.
    pub fn index_of(&self, dump: DumpId) -> Result<IndexUuid, FindDumpError> {
        let found = self.files.dumps()?.into_iter().find(|key| key.dump == dump);
        Ok(found.ok_or_else(|| self.no_such(dump))?.index)
    }

    /// The dump of that id, whose manifest is valid.
    pub fn find(&self, dump: DumpId) -> Result<StoredDump, FindDumpError> {
        Ok(StoredDump::open(self, self.index_of(dump)?, dump)?)
    }

    /// The dump of that id and index, whose manifest is valid.
    pub fn open(&self, index: IndexUuid, dump: DumpId) -> Result<StoredDump, FindDumpError> {
        match StoredDump::open(self, index, dump) {
            Err(ReadManifestError::Incomplete { .. }) if self.index_of(dump)? != index => {
                Err(self.no_such(dump).into())
            }
            other => Ok(other?),
        }
    }

    /// The archive of a shard, from its byte `from` on, so that who has read a part of it can go on.
    pub fn open_archive(
        &self,
        index: IndexUuid,
        dump: DumpId,
        shard: ShardId,
        from: u64,
    ) -> Result<Box<dyn Read + Send>, OpenArchiveError> {
        let archive = self.files.open(DumpKey { index, dump }, DumpFile::Archive(shard), from)?;
        archive.ok_or(OpenArchiveError::Absent { dump, shard })
    }

    /// Removes a dump, a damaged one, or what is left of one. It ceases to exist at once; its files follow.
    pub fn delete(&self, index: IndexUuid, dump: DumpId) -> Result<(), DeleteDumpError> {
        if self.files.remove(DumpKey { index, dump })? { Ok(()) } else { Err(self.no_such(dump).into()) }
    }

    fn no_such(&self, dump: DumpId) -> NoSuchDump {
        NoSuchDump { place: self.place(), dump }
    }

    pub(crate) fn checked_manifest(&self, dump: DumpKey) -> Checked<'_> {
        Checked { files: &*self.files, dump, file: DumpFile::Manifest, digest: DumpFile::ManifestDigest }
    }

    pub(crate) fn checked_record(&self, dump: DumpKey, shard: ShardId) -> Checked<'_> {
        Checked { files: &*self.files, dump, file: DumpFile::Record(shard), digest: DumpFile::RecordDigest(shard) }
    }
}

impl NewArchive {
    /// Gives it its name, unless the shard has an archive already: from now on it is there, whole.
    pub fn publish(self) -> Result<(), PublishError> {
        self.file.publish()
    }
}

impl Write for NewArchive {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
