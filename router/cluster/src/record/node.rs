//! `node/<node-id>`: a process, for as long as it lives.

use super::{Key, UnreadableRecord, decode, encode};
use annuli_core::{IndexUuid, ShardId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use uuid::Uuid;

/// One run of a process: a restarted one is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub Uuid);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a process does for its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// It writes.
    Primary,
    /// It stands aside, since another folder served the shard last. Asked where there is no primary, it says so.
    Aside,
}

/// A process that holds one shard of every index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRecord {
    /// Where it is asked: `host:port`. A name is looked up at each connection: what it stands for may move.
    pub address: String,
    /// What it does.
    pub role: Role,
    /// The shard that it holds.
    pub shard: ShardId,
    /// How each index is that it holds the shard of.
    pub serves: BTreeMap<IndexUuid, Served>,
}

/// How the shard of one index is on a node. Why one does not serve the node itself says to who asks: the record stays small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    /// It serves.
    Ready,
    /// It does not.
    Unavailable,
}

#[derive(Serialize, Deserialize)]
struct Json {
    address: String,
    role: Role,
    shard: u32,
    serves: BTreeMap<Uuid, Served>,
}

impl NodeRecord {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let serves = self.serves.iter().map(|(index, served)| (index.0, *served)).collect();
        encode(Json { address: self.address.clone(), role: self.role, shard: self.shard.0, serves })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { address, role, shard, serves } = decode(key, bytes)?;
        let serves = serves.into_iter().map(|(index, served)| (IndexUuid(index), served)).collect();
        Ok(Self { address, role, shard: ShardId(shard), serves })
    }
}
