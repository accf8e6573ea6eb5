//! Which states of an index replicas serve: a part of the index's record.

use super::{ReplicaId, TaskId};
use annuli_core::{Generation, ShardId};
use annuli_dump::{DumpId, InvalidDumpId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A dump that has become a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberedDump {
    /// Its number.
    pub generation: Generation,
    /// The dump.
    pub dump: DumpId,
}

/// How replicas prepare what comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Way {
    /// Beside what they serve: they have room for both.
    #[default]
    Beside,
    /// In its place: they let go of what they serve first, and answer nothing of the index meanwhile.
    Drain,
}

/// The generations of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Generations {
    /// The last number that was given; 0: none was.
    pub last: u64,
    /// What routers ask replicas for.
    pub official: Option<NumberedDump>,
    /// What was official before. It can be made so again at once; searches that began before the flip end on it.
    pub retiring: Option<NumberedDump>,
    /// What a rollout is about to make official.
    pub preparing: Option<Preparing>,
    /// Somebody has rolled back: no rollout begins by itself until somebody has asked for one.
    pub held: bool,
}

/// A generation that replicas prepare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preparing {
    /// Which.
    pub of: NumberedDump,
    /// The task.
    pub rollout: TaskId,
    /// Replicas that may prepare it. It grows as those before are ready.
    pub allowed: BTreeSet<ReplicaId>,
    /// Where replicas let go of what they serve first: the shards that routers ask for it already. Else `None`: all at once,
    /// when it is official.
    pub over: Option<BTreeSet<ShardId>>,
    /// Replicas that are counted on where they let go of what they serve first, and the shard of each: one that is away may
    /// come back with what it serves.
    pub known: BTreeMap<ReplicaId, ShardId>,
    /// How often somebody has had what failed tried again: a failure counts in the attempt that it is of.
    pub attempt: u32,
}

impl Preparing {
    /// How replicas prepare it.
    pub fn way(&self) -> Way {
        if self.over.is_some() { Way::Drain } else { Way::Beside }
    }
}

impl Generations {
    /// What routers ask the replicas of a shard for.
    pub fn of_shard(&self, shard: ShardId) -> Option<NumberedDump> {
        let preparing = self
            .preparing
            .as_ref()
            .filter(|preparing| preparing.over.as_ref().is_some_and(|over| over.contains(&shard)));
        preparing.map(|preparing| preparing.of).or(self.official)
    }

    /// Whether that replica is to let go of a generation, to prepare another in its place.
    pub fn lets_go(&self, replica: ReplicaId, of: NumberedDump) -> bool {
        let drained = self.preparing.as_ref().filter(|preparing| preparing.way() == Way::Drain);
        drained.is_some_and(|preparing| preparing.of != of && preparing.allowed.contains(&replica))
    }
}

/// Whether nobody has had anything tried again.
pub(super) fn is_first(attempt: &u32) -> bool {
    *attempt == 0
}

#[derive(Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Json {
    last: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    official: Option<NumberedJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retiring: Option<NumberedJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preparing: Option<PreparingJson>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    held: bool,
}

#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct NumberedJson {
    generation: u64,
    dump: Uuid,
}

#[derive(PartialEq, Serialize, Deserialize)]
struct PreparingJson {
    of: NumberedJson,
    rollout: Uuid,
    allowed: BTreeSet<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over: Option<BTreeSet<u32>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    known: BTreeMap<Uuid, u32>,
    #[serde(default, skip_serializing_if = "is_first")]
    attempt: u32,
}

impl From<NumberedDump> for NumberedJson {
    fn from(numbered: NumberedDump) -> Self {
        Self { generation: numbered.generation.0, dump: numbered.dump.uuid() }
    }
}

impl TryFrom<NumberedJson> for NumberedDump {
    type Error = InvalidDumpId;

    fn try_from(json: NumberedJson) -> Result<Self, InvalidDumpId> {
        Ok(Self { generation: Generation(json.generation), dump: DumpId::new(json.dump)? })
    }
}

impl From<&Generations> for Json {
    fn from(generations: &Generations) -> Self {
        let preparing = |preparing: &Preparing| PreparingJson {
            of: preparing.of.into(),
            rollout: preparing.rollout.0,
            allowed: preparing.allowed.iter().map(|replica| replica.0).collect(),
            over: preparing.over.as_ref().map(|over| over.iter().map(|shard| shard.0).collect()),
            known: preparing.known.iter().map(|(replica, shard)| (replica.0, shard.0)).collect(),
            attempt: preparing.attempt,
        };
        Self {
            last: generations.last,
            official: generations.official.map(Into::into),
            retiring: generations.retiring.map(Into::into),
            preparing: generations.preparing.as_ref().map(preparing),
            held: generations.held,
        }
    }
}

impl TryFrom<Json> for Generations {
    type Error = InvalidDumpId;

    fn try_from(json: Json) -> Result<Self, InvalidDumpId> {
        let preparing = |preparing: PreparingJson| {
            Ok(Preparing {
                of: preparing.of.try_into()?,
                rollout: TaskId(preparing.rollout),
                allowed: preparing.allowed.into_iter().map(ReplicaId).collect(),
                over: preparing.over.map(|over| over.into_iter().map(ShardId).collect()),
                known: preparing.known.into_iter().map(|(id, shard)| (ReplicaId(id), ShardId(shard))).collect(),
                attempt: preparing.attempt,
            })
        };
        Ok(Self {
            last: json.last,
            official: json.official.map(TryInto::try_into).transpose()?,
            retiring: json.retiring.map(TryInto::try_into).transpose()?,
            preparing: json.preparing.map(preparing).transpose()?,
            held: json.held,
        })
    }
}
