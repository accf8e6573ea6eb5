//! `task/<task-id>`: something that somebody has asked for and that takes a while.

use super::layout::{Layout, LayoutId};
use super::{Canary, Key, NumberedDump, Origin, UnreadableRecord, Way, decode, encode, generation, index, unusable};
use annuli_api::Failure;
use annuli_api::v1::task::TaskStatus;
use annuli_core::{IndexName, IndexUuid, ShardCount};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A task. A dump has the id of the task that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub Uuid);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A task of the coordinator. Those of one index are done one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRecord {
    /// Name of the index when it was asked for.
    pub index: IndexName,
    /// The index.
    pub uuid: IndexUuid,
    /// What is to be done.
    pub work: Work,
    /// How far it is.
    pub status: TaskStatus,
    /// Why it failed.
    pub error: Option<Failure>,
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Takes a dump.
    Dump {
        /// Replicas are to get it then, so.
        then_rollout: Option<Way>,
    },
    /// Moves the replicas to a generation.
    Rollout(Rollout),
    /// Makes the index from a dump. The primaries do it, and end the task: none of it is the coordinator's.
    Restore(Origin),
    /// Moves the index to another layout: takes a dump, then lets the primaries of that make it there.
    Reshard(Layout),
}

/// A rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollout {
    /// To what.
    pub to: NumberedDump,
    /// Replicas of one shard that prepare it at once, at most.
    pub max_unavailable: u32,
    /// How each does.
    pub way: Way,
    /// Whether somebody has to agree before it is made official.
    pub approval: Approval,
    /// How it is tried on live searches before, if it is.
    pub canary: Option<Canary>,
    /// Who has asked for it.
    pub asked_by: AskedBy,
    /// What was official when it was made so.
    pub flipped_from: Option<Flipped>,
}

/// A rollout has made its generation official.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flipped {
    /// What was official before; `None`: the primaries answered.
    pub from: Option<NumberedDump>,
}

/// Who has asked for a rollout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedBy {
    /// Somebody.
    #[default]
    Person,
    /// Nobody: it was time. After a rollback it is not begun.
    Schedule,
}

/// Whether a rollout waits for somebody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It does not.
    NotNeeded,
    /// It will, when every replica is ready.
    Awaited,
    /// Every replica is ready: it does.
    Asked,
    /// It was given.
    Given,
}

#[derive(Serialize, Deserialize)]
struct Json {
    index: String,
    uuid: Uuid,
    work: WorkJson,
    status: TaskStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WorkJson {
    Dump {
        then_rollout: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        drain: bool,
    },
    Rollout(RolloutJson),
    Restore(index::OriginJson),
    Reshard {
        shards: u32,
        layout: LayoutId,
    },
}

#[derive(Serialize, Deserialize)]
struct RolloutJson {
    to: generation::NumberedJson,
    max_unavailable: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    drain: bool,
    approval: Approval,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    canary: Option<Canary>,
    #[serde(default)]
    asked_by: AskedBy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flipped: Option<FlippedJson>,
}

#[derive(Serialize, Deserialize)]
struct FlippedJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<generation::NumberedJson>,
}

fn way(drain: bool) -> Way {
    if drain { Way::Drain } else { Way::Beside }
}

impl TaskRecord {
    /// Whether nothing more will come of it.
    pub fn is_over(&self) -> bool {
        self.status.is_over()
    }

    /// Whether it moves the index to another layout.
    pub fn is_move(&self) -> bool {
        matches!(self.work, Work::Reshard(_))
    }

    /// The rollout, if it is one.
    pub fn rollout(&self) -> Option<&Rollout> {
        match &self.work {
            Work::Rollout(rollout) => Some(rollout),
            Work::Dump { .. } | Work::Restore(_) | Work::Reshard(_) => None,
        }
    }

    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let work = match self.work {
            Work::Dump { then_rollout } => {
                WorkJson::Dump { then_rollout: then_rollout.is_some(), drain: then_rollout == Some(Way::Drain) }
            }
            Work::Rollout(Rollout { to, max_unavailable, way, approval, canary, asked_by, flipped_from }) => {
                let flipped = flipped_from.map(|flipped| FlippedJson { from: flipped.from.map(Into::into) });
                let (to, drain) = (to.into(), way == Way::Drain);
                WorkJson::Rollout(RolloutJson { to, max_unavailable, drain, approval, canary, asked_by, flipped })
            }
            Work::Restore(origin) => WorkJson::Restore(origin.into()),
            Work::Reshard(Layout { id, shards }) => WorkJson::Reshard { shards: shards.get(), layout: id },
        };
        let (index, uuid) = (self.index.as_str().to_owned(), self.uuid.0);
        encode(Json { index, uuid, work, status: self.status, error: self.error.clone() })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { index, uuid, work, status, error } = decode(key, bytes)?;
        let numbered = |json: generation::NumberedJson| json.try_into().map_err(|error| unusable(key, error));
        let work = match work {
            WorkJson::Dump { then_rollout, drain } => Work::Dump { then_rollout: then_rollout.then(|| way(drain)) },
            WorkJson::Rollout(RolloutJson { to, max_unavailable, drain, approval, canary, asked_by, flipped }) => {
                let flipped_from = match flipped {
                    Some(FlippedJson { from }) => Some(Flipped { from: from.map(numbered).transpose()? }),
                    None => None,
                };
                let (to, way) = (numbered(to)?, way(drain));
                Work::Rollout(Rollout { to, max_unavailable, way, approval, canary, asked_by, flipped_from })
            }
            WorkJson::Restore(origin) => Work::Restore(origin.try_into().map_err(|error| unusable(key, error))?),
            WorkJson::Reshard { shards, layout: id } => {
                let shards = ShardCount::new(shards).map_err(|error| unusable(key, error))?;
                Work::Reshard(Layout { id, shards })
            }
        };
        let index = IndexName::new(&index).map_err(|error| unusable(key, error))?;
        Ok(Self { index, uuid: IndexUuid(uuid), work, status, error })
    }
}
