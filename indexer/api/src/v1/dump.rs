//! Dumps and the tasks that make them.

use crate::error::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Body of `POST …/dumps`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateDump {}

/// Answer to what is done in the background: 202.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStarted {
    /// Its id, for `GET /v1/tasks/{id}`.
    #[serde(with = "uuid::serde::hyphenated")]
    pub task: Uuid,
}

/// How a task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Its id.
    #[serde(with = "uuid::serde::hyphenated")]
    pub id: Uuid,
    /// What it does: `dump`.
    pub kind: String,
    /// How far it is.
    pub status: TaskStatus,
    /// Figures of its progress.
    pub progress: TaskProgress,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It waits for its turn.
    Queued,
    /// It is under way.
    Running,
    /// It is done.
    Succeeded,
    /// It ended without success.
    Failed,
}

/// Figures of a task's progress.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskProgress {
    /// Shards that are done.
    pub shards_done: u32,
    /// Shards in all.
    pub shards_total: u32,
}

/// Answer to `GET /v1/tasks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskList {
    /// The newest first.
    pub tasks: Vec<TaskInfo>,
}

/// A dump in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpInfo {
    /// Its id.
    #[serde(with = "uuid::serde::hyphenated")]
    pub dump: Uuid,
    /// The index that it was taken of.
    pub index: String,
    /// That index's identity.
    #[serde(with = "uuid::serde::hyphenated")]
    pub index_uuid: Uuid,
    /// When it was taken (RFC 3339).
    pub created_at: String,
    /// Shards.
    pub shards: u32,
    /// Documents in all of them.
    pub documents: u64,
    /// Size of its archives.
    pub bytes: u64,
}

/// Answer to `GET …/dumps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpList {
    /// The oldest first.
    pub dumps: Vec<DumpInfo>,
}
