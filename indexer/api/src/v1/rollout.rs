//! Rollouts.

use serde::{Deserialize, Serialize};

/// Body of `POST …/rollouts`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRollout {
    /// To this generation; to the newest, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Replicas of one shard that prepare it at once, at most; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Wait before the generation is made official, until somebody resumes the rollout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<bool>,
}

/// What may be said to a rollout: the last part of `POST …/rollouts/{id}/{word}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RolloutWord {
    /// Do nothing more until told to go on.
    Pause,
    /// Go on; a rollout that waits for approval has it by that.
    Resume,
    /// Take back what was done.
    Rollback,
}
