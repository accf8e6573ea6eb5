//! What is done in the background.

use super::canary::CanaryProgress;
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// Answer to what is done in the background: 202.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskStarted {
    /// Its id, for `GET /v1/tasks/{id}`.
    #[serde(with = "uuid::serde::hyphenated")]
    pub task: Uuid,
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskInfo {
    /// Its id.
    #[serde(with = "uuid::serde::hyphenated")]
    pub id: Uuid,
    /// What it does: `dump`, `rollout`, `restore`, `reshard`, `seal` or `merge`.
    pub kind: String,
    /// Of which index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<String>,
    /// Of which shard, if it is of one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<u32>,
    /// How far it is.
    pub status: TaskStatus,
    /// Figures of its progress.
    pub progress: TaskProgress,
    /// Why it failed; of one that is paused, what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It waits for its turn.
    Queued,
    /// It is under way.
    Running,
    /// It waits for somebody to let it go on.
    Paused,
    /// It is done.
    Succeeded,
    /// It ended without success.
    Failed,
    /// What it had done was taken back, as somebody has asked.
    RolledBack,
    /// It ended before it was begun, or with what it was about.
    Cancelled,
}

impl TaskStatus {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will come of the task.
    pub const fn is_over(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Paused => false,
            Self::Succeeded | Self::Failed | Self::RolledBack | Self::Cancelled => true,
        }
    }
}

/// Figures of a task's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TaskProgress {
    /// Of what is done shard by shard.
    Shards {
        /// Shards that are done.
        shards_done: u32,
        /// Shards in all.
        shards_total: u32,
    },
    /// Of what is done replica by replica.
    Replicas {
        /// Replicas that have the generation ready.
        replicas_ready: u32,
        /// Replicas in all.
        replicas_total: u32,
        /// How the generation does on live searches, where it is tried on them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        canary: Option<CanaryProgress>,
    },
    /// Of what is done document by document.
    Documents {
        /// Documents that are done.
        documents_done: u64,
        /// Documents in all.
        documents_total: u64,
    },
}

/// Answer to `GET /v1/tasks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskList {
    /// The newest first.
    pub tasks: Vec<TaskInfo>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_named_as_it_is_written() {
        use TaskStatus::{Cancelled, Failed, Paused, Queued, RolledBack, Running, Succeeded};
        for status in [Queued, Running, Paused, Succeeded, Failed, RolledBack, Cancelled] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }
}
