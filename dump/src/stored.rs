//! A dump with a valid manifest.

use crate::checked::ReadCheckedError;
use crate::dump_id::DumpId;
use crate::file::{DumpFile, DumpKey};
use crate::files::StoreFault;
use crate::limits::MANIFEST_BYTES_MAX;
use crate::manifest::Manifest;
use crate::manifest_json::{self, DecodeManifestError};
use crate::refusal::ReadArchiveError;
use crate::store::{DumpStore, OpenArchiveError};
use crate::verify::verify_archive;
use annuli_core::id::{IndexUuid, ShardId};
use std::io::Read;

/// A dump in a store. Its manifest is valid; its archives are files whose content is yet to be checked.
#[derive(Debug)]
pub struct StoredDump {
    store: DumpStore,
    manifest: Manifest,
}

/// A manifest that makes no dump.
#[derive(Debug, thiserror::Error)]
pub enum ReadManifestError {
    /// There is none.
    #[error("dump {dump} is incomplete: it has no manifest")]
    Incomplete {
        /// The dump.
        dump: DumpId,
    },
    /// The digest beside it is gone.
    #[error("dump {dump} is damaged: it has a manifest and no `{}`", DumpFile::ManifestDigest)]
    NoDigest {
        /// The dump.
        dump: DumpId,
    },
    /// Manifest and digest are not those that were written.
    #[error("dump {dump} is damaged: its manifest does not have the digest in `{}`", DumpFile::ManifestDigest)]
    Digest {
        /// The dump.
        dump: DumpId,
    },
    /// Too long to be read.
    #[error("dump {dump} is damaged: its manifest has more than {MANIFEST_BYTES_MAX} bytes")]
    TooLarge {
        /// The dump.
        dump: DumpId,
    },
    /// Not the manifest of a dump, or that of a newer release.
    #[error("dump {dump} cannot be read: {error}")]
    Decode {
        /// The dump.
        dump: DumpId,
        /// What is wrong.
        error: DecodeManifestError,
    },
    /// The manifest of another dump.
    #[error("dump {dump} of index {index} has the manifest of dump {manifest_dump} of index {manifest_index}")]
    OtherDump {
        /// The index, by the folder's name.
        index: IndexUuid,
        /// The dump, by the folder's name.
        dump: DumpId,
        /// The index in the manifest.
        manifest_index: IndexUuid,
        /// The dump in the manifest.
        manifest_dump: DumpId,
    },
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// A dump that is not wholly sound.
#[derive(Debug, thiserror::Error)]
pub enum VerifyDumpError {
    /// An archive is not what the manifest says.
    #[error("dump {dump} is damaged: {error}")]
    Archive {
        /// The dump.
        dump: DumpId,
        /// What is wrong.
        error: ReadArchiveError,
    },
    /// An archive is missing.
    #[error("dump {dump} is damaged: its archive `{}` is missing", DumpFile::Archive(*shard))]
    NoArchive {
        /// The dump.
        dump: DumpId,
        /// Whose archive it is.
        shard: ShardId,
    },
    /// The store could not be read.
    #[error("dump {dump} cannot be verified: {error}")]
    Store {
        /// The dump.
        dump: DumpId,
        /// What is wrong.
        error: StoreFault,
    },
}

/// Reads every archive of a dump to its end; the first that is wrong is the error. `progress` hears of every portion,
/// in bytes that add up to the manifest's `archive_bytes`.
pub fn verify_dump(stored: &StoredDump, progress: &mut dyn FnMut(u64)) -> Result<(), VerifyDumpError> {
    let dump = stored.manifest.head().dump;
    for record in stored.manifest.shards() {
        let mut archive = stored.open_archive(record.shard).map_err(|error| match error {
            OpenArchiveError::Absent { dump, shard } => VerifyDumpError::NoArchive { dump, shard },
            OpenArchiveError::Store(error) => VerifyDumpError::Store { dump, error },
        })?;
        verify_archive(record, &mut archive, progress).map_err(|error| VerifyDumpError::Archive { dump, error })?;
    }
    Ok(())
}

impl StoredDump {
    /// Reads and checks the manifest of that dump.
    pub(crate) fn open(store: &DumpStore, index: IndexUuid, dump: DumpId) -> Result<Self, ReadManifestError> {
        let json = read_manifest(store, DumpKey { index, dump })?;
        let manifest = manifest_json::decode(&json).map_err(|error| ReadManifestError::Decode { dump, error })?;
        let head = manifest.head();
        if (head.index_uuid, head.dump) != (index, dump) {
            let (manifest_index, manifest_dump) = (head.index_uuid, head.dump);
            return Err(ReadManifestError::OtherDump { index, dump, manifest_index, manifest_dump });
        }
        Ok(Self { store: store.clone(), manifest })
    }

    /// What the dump is and holds.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest as it is stored, read again: JSON for programs.
    pub fn manifest_json(&self) -> Result<Vec<u8>, ReadManifestError> {
        let head = self.manifest.head();
        read_manifest(&self.store, DumpKey { index: head.index_uuid, dump: head.dump })
    }

    /// Opens the archive of one shard for reading.
    pub fn open_archive(&self, shard: ShardId) -> Result<Box<dyn Read + Send>, OpenArchiveError> {
        self.open_archive_from(shard, 0)
    }

    /// Opens the archive of one shard for reading from a byte on.
    pub fn open_archive_from(&self, shard: ShardId, from: u64) -> Result<Box<dyn Read + Send>, OpenArchiveError> {
        let head = self.manifest.head();
        self.store.open_archive(head.index_uuid, head.dump, shard, from)
    }
}

fn read_manifest(store: &DumpStore, key: DumpKey) -> Result<Vec<u8>, ReadManifestError> {
    let dump = key.dump;
    store.checked_manifest(key).read(MANIFEST_BYTES_MAX).map_err(|error| match error {
        ReadCheckedError::Absent => ReadManifestError::Incomplete { dump },
        ReadCheckedError::NoDigest => ReadManifestError::NoDigest { dump },
        ReadCheckedError::Digest => ReadManifestError::Digest { dump },
        ReadCheckedError::TooLarge => ReadManifestError::TooLarge { dump },
        ReadCheckedError::Store(fault) => ReadManifestError::Store(fault),
    })
}
