//! What a dump says of the shard that is to be prepared, held against what the catalogue says of its index.

use super::NewGeneration;
use crate::store::meta::Identity;
use annuli_core::ShardId;
use annuli_dump::{DumpId, Manifest, SchemaRecord, ShardRecord};

/// A shard in a dump.
pub(super) struct Dumped<'a> {
    /// What its store must be.
    pub(super) identity: Identity,
    pub(super) record: &'a ShardRecord,
}

/// A dump of something else than the catalogue says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtherDump {
    /// Its schema is not the index's.
    #[error("dump {dump} has another schema than index `{index}`: it cannot be a generation of it")]
    Schema {
        /// The dump.
        dump: DumpId,
        /// The index.
        index: annuli_core::IndexName,
    },
    /// It has no such shard.
    #[error("dump {dump} has no shard {shard}")]
    Shard {
        /// The dump.
        dump: DumpId,
        /// Which.
        shard: ShardId,
    },
}

impl<'a> Dumped<'a> {
    pub(super) fn of(manifest: &'a Manifest, new: &NewGeneration, shard: ShardId) -> Result<Self, OtherDump> {
        if manifest.head().schema != SchemaRecord::from(&new.schema) {
            return Err(OtherDump::Schema { dump: new.dump, index: new.name.clone() });
        }
        let record = manifest.shard(shard).ok_or(OtherDump::Shard { dump: new.dump, shard })?;
        let identity = Identity { index: new.uuid, history: record.history, shard, schema: new.schema };
        Ok(Self { identity, record })
    }
}
