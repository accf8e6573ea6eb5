//! The manifest: what a dump is, and what it holds.

use crate::created_at::CreatedAt;
use crate::dump_id::DumpId;
use crate::file::DumpFile;
use crate::record::ArchiveRecord;
use annuli_core::id::{HistoryId, IndexName, IndexUuid, Seq, ShardCount, ShardId};
use annuli_core::vector::Dim;
use annuli_core::{HnswParams, IndexSchema, Metric, Quantization};

/// A dump's table of contents. It lists every shard of the schema exactly once, by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    head: ManifestHead,
    shards: Vec<ShardRecord>,
}

/// What a dump is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestHead {
    /// The dump.
    pub dump: DumpId,
    /// The index's name when it was dumped. It may have another today: the UUID tells which index this is.
    pub index: IndexName,
    /// The index.
    pub index_uuid: IndexUuid,
    /// When the dump was begun.
    pub created_at: CreatedAt,
    /// What a restored index is created with.
    pub schema: SchemaRecord,
}

/// An index's schema as the dump stores it. Only the number of shards means something to the format; whoever restores
/// turns the rest into the core's schema, which checks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaRecord {
    /// Dimension of the vectors.
    pub dim: u32,
    /// Name of the metric.
    pub metric: String,
    /// Number of shards.
    pub shards: ShardCount,
    /// Parameters of the graph.
    pub hnsw: HnswRecord,
    /// Name of the quantization.
    pub quantization: String,
}

/// Parameters of an index's graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswRecord {
    /// Links of a node.
    pub m: u32,
    /// Width of the beam while building.
    pub ef_construction: u32,
}

/// A schema that no index of this release can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the dump's schema cannot be used: {what}")]
pub struct UnusableSchema {
    what: String,
}

impl SchemaRecord {
    /// The schema of an index that is made of the dump, with the dump's number of shards.
    pub fn schema(&self) -> Result<IndexSchema, UnusableSchema> {
        fn refuse(error: impl std::fmt::Display) -> UnusableSchema {
            UnusableSchema { what: error.to_string() }
        }
        let size = |number: u32| usize::try_from(number).map_err(refuse);
        let (m, ef_construction) = (size(self.hnsw.m)?, size(self.hnsw.ef_construction)?);
        Ok(IndexSchema {
            dim: Dim::new(u64::from(self.dim)).map_err(refuse)?,
            metric: Metric::from_name(&self.metric).map_err(refuse)?,
            shards: self.shards,
            hnsw: HnswParams::new(Some(m), Some(ef_construction)).map_err(refuse)?,
            quantization: Quantization::from_name(&self.quantization).map_err(refuse)?,
        })
    }
}

impl From<&IndexSchema> for SchemaRecord {
    fn from(schema: &IndexSchema) -> Self {
        let small = |number: usize| u32::try_from(number).expect("the schema's bounds are below 65,536");
        Self {
            dim: small(schema.dim.get()),
            metric: schema.metric.name().to_owned(),
            shards: schema.shards,
            hnsw: HnswRecord { m: small(schema.hnsw.m()), ef_construction: small(schema.hnsw.ef_construction()) },
            quantization: schema.quantization.name().to_owned(),
        }
    }
}

/// One shard of a dump: an exact prefix of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardRecord {
    /// Which shard.
    pub shard: ShardId,
    /// The line of writes that `seq` counts.
    pub history: HistoryId,
    /// The last write that the dump holds.
    pub seq: Seq,
    /// Number of documents alive at that write.
    pub documents: u64,
    /// The archive that holds them.
    pub archive: ArchiveRecord,
}

/// Shards that do not make an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// Too few or too many.
    #[error("the manifest lists {listed} shards, its schema says {expected}")]
    ShardCount {
        /// How many it lists.
        listed: usize,
        /// How many the index has.
        expected: ShardCount,
    },
    /// One is listed twice, or does not exist.
    #[error("the manifest lists shard {listed} in place of shard {expected}: each shard stands in it once")]
    Shard {
        /// The one listed.
        listed: ShardId,
        /// The one that is not.
        expected: ShardId,
    },
}

impl Manifest {
    /// Puts the shards in order and checks that none is missing or listed twice.
    pub fn new(head: ManifestHead, mut shards: Vec<ShardRecord>) -> Result<Self, InvalidManifest> {
        let expected = head.schema.shards;
        if shards.len() != expected.shards().count() {
            return Err(InvalidManifest::ShardCount { listed: shards.len(), expected });
        }
        shards.sort_by_key(|record| record.shard);
        for (expected, record) in expected.shards().zip(&shards) {
            if record.shard != expected {
                return Err(InvalidManifest::Shard { listed: record.shard, expected });
            }
        }
        Ok(Self { head, shards })
    }

    /// What the dump is.
    pub const fn head(&self) -> &ManifestHead {
        &self.head
    }

    /// Every shard, in order.
    pub fn shards(&self) -> &[ShardRecord] {
        &self.shards
    }

    /// One shard, if the index has it.
    pub fn shard(&self, shard: ShardId) -> Option<&ShardRecord> {
        self.shards.iter().find(|record| record.shard == shard)
    }

    /// Number of documents in the dump.
    pub fn documents(&self) -> u64 {
        self.shards.iter().fold(0, |sum, record| sum.saturating_add(record.documents))
    }

    /// Length of all archives together: what verifying reads.
    pub fn archive_bytes(&self) -> u64 {
        self.shards.iter().map(|record| record.archive.bytes()).sum()
    }

    /// Length of all files together: the room that extracting all shards takes.
    pub fn content_bytes(&self) -> u64 {
        self.shards.iter().map(|record| record.archive.content_bytes()).sum()
    }
}

impl ShardRecord {
    /// File name of the shard's archive.
    pub fn archive_name(&self) -> String {
        archive_name(self.shard)
    }
}

/// File name of a shard's archive, within the dump's folder.
pub fn archive_name(shard: ShardId) -> String {
    DumpFile::Archive(shard).to_string()
}
