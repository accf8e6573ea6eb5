//! A cluster: who is there, and what each serves.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Answer to `GET /v1/cluster`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterInfo {
    /// Who coordinates, as it calls itself; nobody at the moment, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<String>,
    /// How often a coordinator was elected.
    pub epoch: u64,
    /// Into how many shards indexes are divided; no process that holds one has joined, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// The number of shards that the cluster moves to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextShards>,
    /// Every index, by name.
    pub indexes: BTreeMap<String, ClusterIndex>,
}

/// A number of shards that a cluster moves to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextShards {
    /// The number.
    pub shards: u32,
    /// Of those shards that have a primary, how many there are: nothing is begun before all have.
    pub primaries: u32,
    /// Indexes that have moved.
    pub indexes_moved: u32,
    /// Indexes in all.
    pub indexes_total: u32,
    /// What keeps indexes from moving, in words: a task that comes first, or what the last attempt failed at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
}

/// Body of `POST /v1/cluster/reshard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reshard {
    /// Into how many shards every index is to be divided.
    pub shards: u32,
}

/// Answer to `POST` and `DELETE /v1/cluster/reshard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resharding {
    /// Into how many shards indexes are divided; no process that holds one has joined, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// The number of shards that the cluster moves to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextShards>,
}

/// Answer to `POST /v1/cluster/coordinator/step-down`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SteppedDown {
    /// Who coordinated until then, as it calls itself; nobody did, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinator: Option<String>,
    /// In which epoch that was. Whoever is elected next has a later one.
    pub epoch: u64,
}

/// An index of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterIndex {
    /// What replicas serve; nothing yet, if absent: the primaries answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// What is being rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparing: Option<u64>,
    /// Somebody has rolled back: no rollout begins by itself until one is asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Its shards.
    pub shards: Vec<ClusterShard>,
}

/// A shard of an index, by who serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterShard {
    /// Which.
    pub shard: u32,
    /// Who writes it; nobody at the moment, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<ClusterPrimary>,
    /// Who answers searches.
    pub replicas: Vec<ClusterReplica>,
}

/// The primary of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterPrimary {
    /// Where it is asked.
    pub address: String,
    /// `ready` or `unavailable`.
    pub state: String,
}

/// A replica of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterReplica {
    /// Which, over all its processes.
    #[serde(with = "uuid::serde::hyphenated")]
    pub id: Uuid,
    /// Where it is asked.
    pub address: String,
    /// The generations that it has or is to have: `ready`, what is being done, or why it failed.
    pub generations: BTreeMap<u64, String>,
}
