//! `dump/<dump-id>`: a dump of an index, from the moment it is begun until its files are gone.

use super::{Key, UnreadableRecord, decode, encode, unusable};
use annuli_core::{Generation, HistoryId, IndexName, IndexUuid, Seq, ShardId};
use annuli_dump::CreatedAt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A dump. What is in it stands in its manifest; here stands what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpRecord {
    /// The index's name when it was begun.
    pub index: IndexName,
    /// The index.
    pub uuid: IndexUuid,
    /// When it was begun.
    pub created_at: CreatedAt,
    /// How far it is.
    pub state: DumpState,
    /// What each primary has said about its shard.
    pub shards: BTreeMap<ShardId, ShardDump>,
}

/// How far a dump is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpState {
    /// Primaries put their shards into the store.
    Taking,
    /// It has a manifest, and a number.
    Taken(Generation),
    /// It exists no longer; its files are yet to be removed.
    Deleting,
}

/// What a primary has put into the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardDump {
    /// All of its shard, as of that write.
    Done(DumpedShard),
    /// It could not; why.
    Failed(String),
}

/// A shard in a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpedShard {
    history: Uuid,
    seq: u64,
    /// Live documents.
    pub documents: u64,
    /// Size of its archive.
    pub bytes: u64,
}

impl DumpedShard {
    /// A shard as of `seq`.
    pub fn new(history: HistoryId, seq: Seq, documents: u64, bytes: u64) -> Self {
        Self { history: history.0, seq: seq.0, documents, bytes }
    }

    /// The line of writes that `seq` counts.
    pub fn history(&self) -> HistoryId {
        HistoryId(self.history)
    }

    /// The last write in it.
    pub fn seq(&self) -> Seq {
        Seq(self.seq)
    }
}

#[derive(Serialize, Deserialize)]
struct Json {
    index: String,
    uuid: Uuid,
    created_at: String,
    state: StateJson,
    shards: BTreeMap<u32, ShardDump>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateJson {
    Taking,
    Taken { generation: u64 },
    Deleting,
}

impl DumpRecord {
    /// Shards that are in the store.
    pub fn done(&self) -> impl Iterator<Item = (ShardId, &DumpedShard)> {
        self.shards.iter().filter_map(|(shard, dump)| match dump {
            ShardDump::Done(done) => Some((*shard, done)),
            ShardDump::Failed(_) => None,
        })
    }

    /// Its number, once it has one.
    pub fn generation(&self) -> Option<Generation> {
        match self.state {
            DumpState::Taken(generation) => Some(generation),
            DumpState::Taking | DumpState::Deleting => None,
        }
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        encode(Json {
            index: self.index.as_str().to_owned(),
            uuid: self.uuid.0,
            created_at: self.created_at.as_str().to_owned(),
            state: match self.state {
                DumpState::Taking => StateJson::Taking,
                DumpState::Taken(generation) => StateJson::Taken { generation: generation.0 },
                DumpState::Deleting => StateJson::Deleting,
            },
            shards: self.shards.iter().map(|(shard, dump)| (shard.0, dump.clone())).collect(),
        })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { index, uuid, created_at, state, shards } = decode(key, bytes)?;
        Ok(Self {
            index: IndexName::new(&index).map_err(|error| unusable(key, error))?,
            uuid: IndexUuid(uuid),
            created_at: CreatedAt::new(&created_at).map_err(|error| unusable(key, error))?,
            state: match state {
                StateJson::Taking => DumpState::Taking,
                StateJson::Taken { generation } => DumpState::Taken(Generation(generation)),
                StateJson::Deleting => DumpState::Deleting,
            },
            shards: shards.into_iter().map(|(shard, dump)| (ShardId(shard), dump)).collect(),
        })
    }
}
