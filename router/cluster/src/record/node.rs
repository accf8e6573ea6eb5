//! `node/<node-id>`: a process, for as long as it lives.

use super::layout::{LayoutId, Place};
use super::{Key, TaskId, UnreadableRecord, decode, encode, generation};
use annuli_api::Failure;
use annuli_core::{Generation, IndexUuid, ShardId};
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
    /// It answers searches, from generations.
    Replica,
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
    /// The shard that it holds, of which layout.
    pub place: Place,
    /// How each index is that it holds the shard of, if it is a primary.
    pub serves: BTreeMap<IndexUuid, Served>,
    /// What it has prepared, if it is a replica.
    pub replica: Option<ReplicaRecord>,
}

/// A replica's folder: the same whichever process runs over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReplicaId(pub Uuid);

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a replica says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaRecord {
    /// Which it is.
    pub id: ReplicaId,
    /// How each generation is that it has, or is to have.
    pub generations: BTreeMap<(IndexUuid, Generation), Prepared>,
    /// The rollout of each index that it knows to be under way, and to which generation: it says the above by what that one
    /// asks of it, and not by what one before it did.
    pub heard: BTreeMap<IndexUuid, (TaskId, Generation)>,
}

/// How a generation is on a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prepared {
    /// It is being prepared: what is done now.
    Under(String),
    /// It serves.
    Ready,
    /// It could not be prepared, or cannot be served.
    Failed {
        /// Why.
        why: String,
        /// The rollout that it was to be prepared for; `None`: it is, or was, official.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rollout: Option<TaskId>,
        /// Which attempt of that rollout it was.
        #[serde(default, skip_serializing_if = "generation::is_first")]
        attempt: u32,
        /// What is to be changed before it can be.
        #[serde(default, skip_serializing_if = "Blame::is_replica")]
        blame: Blame,
    },
}

/// What a failed preparation is due to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// Something there or on the way: it may do later, and elsewhere.
    #[default]
    Replica,
    /// The dump: another one is needed.
    Dump,
}

impl Blame {
    /// What a failure says.
    pub fn of(failure: &Failure) -> Self {
        if failure.blames_the_dump() { Self::Dump } else { Self::Replica }
    }

    fn is_replica(&self) -> bool {
        *self == Self::Replica
    }
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
    #[serde(default, skip_serializing_if = "LayoutId::is_first")]
    layout: LayoutId,
    serves: BTreeMap<Uuid, Served>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replica: Option<ReplicaJson>,
}

#[derive(Serialize, Deserialize)]
struct ReplicaJson {
    id: ReplicaId,
    generations: BTreeMap<Uuid, BTreeMap<u64, Prepared>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    heard: BTreeMap<Uuid, HeardJson>,
}

#[derive(Serialize, Deserialize)]
struct HeardJson {
    rollout: TaskId,
    generation: u64,
}

impl From<&ReplicaRecord> for ReplicaJson {
    fn from(record: &ReplicaRecord) -> Self {
        let mut generations: BTreeMap<Uuid, BTreeMap<u64, Prepared>> = BTreeMap::new();
        for ((index, generation), prepared) in &record.generations {
            generations.entry(index.0).or_default().insert(generation.0, prepared.clone());
        }
        let heard = |(index, (rollout, generation)): (&IndexUuid, &(TaskId, Generation))| {
            (index.0, HeardJson { rollout: *rollout, generation: generation.0 })
        };
        Self { id: record.id, generations, heard: record.heard.iter().map(heard).collect() }
    }
}

impl From<ReplicaJson> for ReplicaRecord {
    fn from(json: ReplicaJson) -> Self {
        let of_index = |(index, generations): (Uuid, BTreeMap<u64, Prepared>)| {
            generations.into_iter().map(move |(number, prepared)| ((IndexUuid(index), Generation(number)), prepared))
        };
        let heard = |(index, HeardJson { rollout, generation }): (Uuid, HeardJson)| {
            (IndexUuid(index), (rollout, Generation(generation)))
        };
        let generations = json.generations.into_iter().flat_map(of_index).collect();
        Self { id: json.id, generations, heard: json.heard.into_iter().map(heard).collect() }
    }
}

impl NodeRecord {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let serves = self.serves.iter().map(|(index, served)| (index.0, *served)).collect();
        let replica = self.replica.as_ref().map(Into::into);
        let Place { layout, shard } = self.place;
        encode(Json { address: self.address.clone(), role: self.role, shard: shard.0, layout, serves, replica })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { address, role, shard, layout, serves, replica } = decode(key, bytes)?;
        let serves = serves.into_iter().map(|(index, served)| (IndexUuid(index), served)).collect();
        let place = Place { layout, shard: ShardId(shard) };
        Ok(Self { address, role, place, serves, replica: replica.map(Into::into) })
    }
}
