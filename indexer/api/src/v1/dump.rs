//! Dumps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `POST …/dumps`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDump {}

/// Body of `POST /v1/indexes/{name}/restore`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreDump {
    /// The dump that the index is made of.
    #[serde(with = "uuid::serde::hyphenated")]
    pub dump: Uuid,
}

/// A dump in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// Its number, by which replicas serve it. Dumps of a cluster have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
}

/// Answer to `GET …/dumps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DumpList {
    /// The oldest first.
    pub dumps: Vec<DumpInfo>,
}
