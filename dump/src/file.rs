//! What a dump is made of, by name.

use crate::dump_id::DumpId;
use annuli_core::id::{IndexUuid, ShardId};
use std::fmt;

/// A dump of an index, as a place keeps it: displayed, it is the path of its folder, `<index-uuid>/<dump-id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DumpKey {
    /// The index.
    pub index: IndexUuid,
    /// The dump.
    pub dump: DumpId,
}

/// A file of a dump; displayed, it is the file's name. Names are persisted, keep stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DumpFile {
    /// What a shard holds.
    Archive(ShardId),
    /// What is known of a shard's archive.
    Record(ShardId),
    /// The digest of that.
    RecordDigest(ShardId),
    /// What makes it a dump.
    Manifest,
    /// The digest of that.
    ManifestDigest,
}

impl fmt::Display for DumpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.dump)
    }
}

impl fmt::Display for DumpFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(shard) => write!(f, "shard-{shard}.tar.zst"),
            Self::Record(shard) => write!(f, "shard-{shard}.json"),
            Self::RecordDigest(shard) => write!(f, "shard-{shard}.json.blake3"),
            Self::Manifest => f.write_str("manifest.json"),
            Self::ManifestDigest => f.write_str("manifest.json.blake3"),
        }
    }
}
