//! `gone/<index-uuid>`: an index that was deleted.

use super::layout::LayoutId;
use super::{Key, UnreadableRecord, decode, encode, unusable};
use annuli_core::{IndexName, ShardId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A deleted index, until every shard of it is removed: by its primary, which may be down for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// The name that it had.
    pub name: IndexName,
    /// The layout of the primaries that held it.
    pub layout: LayoutId,
    /// Shards that are yet to be removed.
    pub left: BTreeSet<ShardId>,
}

#[derive(Serialize, Deserialize)]
struct Json {
    name: String,
    #[serde(default, skip_serializing_if = "LayoutId::is_first")]
    layout: LayoutId,
    left: Vec<u32>,
}

impl Tombstone {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let left = self.left.iter().map(|shard| shard.0).collect();
        encode(Json { name: self.name.as_str().to_owned(), layout: self.layout, left })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { name, layout, left } = decode(key, bytes)?;
        let name = IndexName::new(&name).map_err(|error| unusable(key, error))?;
        Ok(Self { name, layout, left: left.into_iter().map(ShardId).collect() })
    }
}
