//! Rollouts.

use super::canary::CanaryTerms;
use super::task::TaskStarted;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `POST …/rollouts`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"max_unavailable": 1, "approve": true}))]
pub struct StartRollout {
    /// To this generation; to the newest, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Replicas of one shard that prepare it at once, at most; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Let each replica let go of what it serves before it prepares: for those without room for two generations. Meanwhile
    /// shards answer from different generations, and what was before is not at hand for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<bool>,
    /// Wait before the generation is made official, until somebody resumes the rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<bool>,
    /// Try the generation on a share of the live searches first, once every replica has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryTerms>,
    /// Only say what would be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<bool>,
}

/// Answer to `POST …/rollouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum RolloutAnswer {
    /// It was asked for: 202.
    Started(TaskStarted),
    /// It would be done so: 200.
    Planned(RolloutPlan),
}

/// What a rollout would do, by who is there now and if nothing fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RolloutPlan {
    /// To this generation.
    pub generation: u64,
    /// Which is this dump.
    #[serde(with = "uuid::serde::hyphenated")]
    pub dump: Uuid,
    /// Tasks of the index that are to end before.
    pub waits_for: Vec<Uuid>,
    /// One after the other; none, if the replicas serve that generation already.
    pub steps: Vec<PlannedStep>,
}

/// A step of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum PlannedStep {
    /// Replicas prepare the generation, all of these at once; the next step waits for them.
    Prepare {
        /// Which.
        replicas: Vec<PlannedReplica>,
    },
    /// Replicas let go of what they serve, then prepare the generation, all of these at once; the next step waits for them.
    Drain {
        /// Which.
        replicas: Vec<PlannedReplica>,
    },
    /// Routers ask for the generation of a shard from now on.
    Switch {
        /// Which.
        shard: u32,
    },
    /// Live searches are also made in the generation, and compared.
    Compare {
        /// Of a hundred searches so many.
        percent: u32,
        /// Until so many were.
        searches: u32,
        /// Less than so many common hits of a hundred stop the rollout.
        floor_percent: u32,
    },
    /// Somebody has to agree.
    AwaitApproval,
    /// Routers ask for the generation from now on.
    Flip {
        /// In place of this one; of the primaries, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<u64>,
    },
    /// Replicas let go of what was official before, some time later.
    Retire {
        /// Which generation that was.
        generation: u64,
    },
}

/// A replica that prepares a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedReplica {
    /// Of which shard.
    pub shard: u32,
    /// Which, over all its processes.
    #[serde(with = "uuid::serde::hyphenated")]
    pub id: Uuid,
    /// Where it is asked.
    pub address: String,
}

/// What may be said to a rollout: the last part of `POST …/rollouts/{id}/{word}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RolloutWord {
    /// Do nothing more until told to go on.
    Pause,
    /// Go on; a rollout that waits for approval has it by that.
    Resume,
    /// Take back what was done.
    Rollback,
}

impl RolloutWord {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Rollback => "rollback",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_written_as_it_is_read() {
        for word in [RolloutWord::Pause, RolloutWord::Resume, RolloutWord::Rollback] {
            assert_eq!(serde_json::to_value(word).unwrap(), word.name());
        }
    }
}
