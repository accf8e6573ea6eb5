//! A dump with a valid manifest.

use crate::disk::{DiskError, open_regular, read_at_most};
use crate::dump_id::DumpId;
use crate::limits::MANIFEST_BYTES_MAX;
use crate::manifest::{Manifest, archive_name};
use crate::manifest_json::{self, DecodeManifestError};
use crate::refusal::ReadArchiveError;
use crate::verify::verify_archive;
use annuli_core::id::{IndexUuid, ShardId};
use std::fs::File;
use std::path::{Path, PathBuf};

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const MANIFEST_DIGEST: &str = "manifest.json.blake3";

/// A dump in a store. Its manifest is valid; its archives are files whose content is yet to be checked.
#[derive(Debug)]
pub struct StoredDump {
    folder: PathBuf,
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
    #[error("dump {dump} is damaged: it has a manifest and no `{MANIFEST_DIGEST}`")]
    NoDigest {
        /// The dump.
        dump: DumpId,
    },
    /// Manifest and digest are not those that were written.
    #[error("dump {dump} is damaged: its manifest does not have the digest in `{MANIFEST_DIGEST}`")]
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
    Disk(#[from] DiskError),
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
    /// An archive is missing or cannot be opened.
    #[error("dump {dump} is damaged: {error}")]
    Disk {
        /// The dump.
        dump: DumpId,
        /// What is wrong.
        error: DiskError,
    },
}

/// Reads every archive of a dump to its end; the first that is wrong is the error. `progress` hears of every portion,
/// in bytes that add up to the manifest's `archive_bytes`.
pub fn verify_dump(dump: &StoredDump, progress: &mut dyn FnMut(u64)) -> Result<(), VerifyDumpError> {
    let id = dump.manifest.head().dump;
    for record in dump.manifest.shards() {
        let mut archive = dump.open_archive(record.shard).map_err(|error| VerifyDumpError::Disk { dump: id, error })?;
        verify_archive(record, &mut archive, progress).map_err(|error| VerifyDumpError::Archive { dump: id, error })?;
    }
    Ok(())
}

impl StoredDump {
    /// Reads and checks the manifest in that folder.
    pub(crate) fn open(folder: PathBuf, index: IndexUuid, dump: DumpId) -> Result<Self, ReadManifestError> {
        let json = read_or(&folder.join(MANIFEST), MANIFEST_BYTES_MAX, ReadManifestError::Incomplete { dump })?;
        if json.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(ReadManifestError::TooLarge { dump });
        }
        let expected = digest_text(&json);
        let digest =
            read_or(&folder.join(MANIFEST_DIGEST), expected.len() as u64, ReadManifestError::NoDigest { dump })?;
        if digest != expected.as_bytes() {
            return Err(ReadManifestError::Digest { dump });
        }
        let manifest = manifest_json::decode(&json).map_err(|error| ReadManifestError::Decode { dump, error })?;
        let head = manifest.head();
        if (head.index_uuid, head.dump) != (index, dump) {
            let (manifest_index, manifest_dump) = (head.index_uuid, head.dump);
            return Err(ReadManifestError::OtherDump { index, dump, manifest_index, manifest_dump });
        }
        Ok(Self { folder, manifest })
    }

    /// What the dump is and holds.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The dump's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the archive of one shard for reading.
    pub fn open_archive(&self, shard: ShardId) -> Result<File, DiskError> {
        open_regular(&self.folder.join(archive_name(shard)))
    }
}

/// What `manifest.json.blake3` holds: the digest as `b3sum --no-names` prints it.
pub(crate) fn digest_text(json: &[u8]) -> String {
    format!("{}\n", blake3::hash(json).to_hex())
}

fn read_or(path: &Path, bytes_max: u64, absent: ReadManifestError) -> Result<Vec<u8>, ReadManifestError> {
    match read_at_most(path, bytes_max) {
        Err(error) if error.is_not_found() => Err(absent),
        other => Ok(other?),
    }
}
