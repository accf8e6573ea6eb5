//! `cluster`: what never changes while a cluster lives.

use super::{Key, UnreadableRecord, decode, encode, unusable};
use annuli_core::ShardCount;
use serde::{Deserialize, Serialize};

/// What a cluster is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterRecord {
    /// Shards of every index.
    pub shards: ShardCount,
}

#[derive(Serialize, Deserialize)]
struct Json {
    shards: u32,
}

impl ClusterRecord {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        encode(Json { shards: self.shards.get() })
    }

    /// From what is stored.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { shards } = decode(&Key::Cluster, bytes)?;
        Ok(Self { shards: ShardCount::new(shards).map_err(|error| unusable(&Key::Cluster, error))? })
    }
}
