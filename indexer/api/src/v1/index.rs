//! Managing indexes and aliases.

use crate::error::{ErrorCode, Failure};
use annuli_core::id::ShardCount;
use annuli_core::{HnswParams, IndexSchema, Metric, Quantization, vector::Dim};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Body of `PUT /v1/indexes/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"dim": 3, "metric": "cosine"}))]
pub struct CreateIndex {
    /// Components of every vector.
    pub dim: u64,
    /// `cosine`, `euclidean` or `inner_product`.
    pub metric: String,
    /// Into how many parts the index is split; the server's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// How graphs are built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hnsw: Option<WireHnsw>,
    /// `none`, `int8` or `int4`; `int8` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<String>,
}

/// How graphs are built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WireHnsw {
    /// Links of a node.
    #[serde(default)]
    pub m: Option<usize>,
    /// Width of the beam while building.
    #[serde(default)]
    pub ef_construction: Option<usize>,
}

impl CreateIndex {
    /// The schema that is asked for.
    ///
    /// # Errors
    /// `invalid_schema`, naming the field and its bounds.
    pub fn schema(&self, default_shards: ShardCount) -> Result<IndexSchema, Failure> {
        fn refuse(error: impl std::fmt::Display) -> Failure {
            Failure::new(ErrorCode::InvalidSchema, error)
        }
        let hnsw = self.hnsw.unwrap_or_default();
        let quantization = self.quantization.as_deref();
        Ok(IndexSchema {
            dim: Dim::new(self.dim).map_err(refuse)?,
            metric: Metric::from_name(&self.metric).map_err(refuse)?,
            shards: self.shards.map_or(Ok(default_shards), ShardCount::new).map_err(refuse)?,
            hnsw: HnswParams::new(hnsw.m, hnsw.ef_construction).map_err(refuse)?,
            quantization: quantization.map_or(Ok(Quantization::Int8), Quantization::from_name).map_err(refuse)?,
        })
    }
}

impl From<&IndexSchema> for CreateIndex {
    fn from(schema: &IndexSchema) -> Self {
        Self {
            dim: schema.dim.get() as u64,
            metric: schema.metric.name().to_owned(),
            shards: Some(schema.shards.get()),
            hnsw: Some(WireHnsw { m: Some(schema.hnsw.m()), ef_construction: Some(schema.hnsw.ef_construction()) }),
            quantization: Some(schema.quantization.name().to_owned()),
        }
    }
}

/// How an index is: answer to `GET /v1/indexes/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IndexInfo {
    /// Its name.
    pub name: String,
    /// Its identity.
    #[serde(with = "uuid::serde::hyphenated")]
    pub uuid: Uuid,
    /// What it holds.
    #[serde(flatten)]
    pub schema: CreateIndex,
    /// How it is.
    pub status: IndexStatus,
    /// Live documents on the shards that answered.
    pub documents: u64,
    /// Names that stand for it.
    pub aliases: Vec<String>,
    /// Its shards, by number.
    pub shard_status: Vec<ShardInfo>,
}

/// How an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IndexStatus {
    /// Every shard serves, and its graph holds every document.
    Ready,
    /// Every shard serves; documents that a graph does not hold yet are scanned exactly.
    Building,
    /// At least one shard does not serve.
    Unavailable,
}

/// How a shard is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardInfo {
    /// Its number.
    pub shard: u32,
    /// Its last write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Live documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
    /// Documents that wait for a graph, or for their graph to become one with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
    /// Its segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<SegmentsInfo>,
    /// What is in no segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<TailInfo>,
    /// Segments that are being made; nothing when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<BuildInfo>,
    /// Why it does not serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

/// The segments of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SegmentsInfo {
    /// How many.
    pub count: u64,
    /// Live documents in them.
    pub documents: u64,
    /// Dead documents in them, until they are written again.
    pub dead: u64,
    /// Their files, in bytes.
    pub bytes: u64,
}

/// Documents of a shard that are in no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TailInfo {
    /// How many, dead ones included.
    pub documents: u64,
    /// Those of them that a small graph holds; the others are scanned by each search.
    pub in_head: u64,
}

/// A segment that is being made. It is a task, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuildInfo {
    /// The id of the task.
    #[serde(with = "uuid::serde::hyphenated")]
    pub task: Uuid,
    /// Of what it is made.
    pub kind: BuildKind,
    /// It waits for its turn.
    pub waits: bool,
    /// Of how many documents.
    pub documents: u64,
    /// Those of them that its graph holds.
    pub done: u64,
    /// How long ago it was asked for, in milliseconds.
    pub running_ms: u64,
}

/// Of what a segment is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuildKind {
    /// Of new documents.
    Seal,
    /// Of segments.
    Merge,
}

/// Answer to `GET /v1/indexes`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IndexList {
    /// Every index, by name.
    pub indexes: Vec<IndexInfo>,
    /// Why an index that is there cannot be served as a whole; its name is among the details.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unavailable: Vec<Failure>,
}

/// Body of `PUT /v1/aliases/{alias}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"index": "faces"}))]
pub struct SetAlias {
    /// The index that the alias is to stand for.
    pub index: String,
}

/// Answer to `GET /v1/aliases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AliasList {
    /// Each alias with its index.
    pub aliases: BTreeMap<String, String>,
}
