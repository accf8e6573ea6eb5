//! Searching.

use super::metadata::WireMetadata;
use super::vector::{VectorEncoding, WireVector};
use super::{bounded_list, by_shard, json_value, sum_up_to};
use crate::error::Failure;
use crate::shard_api::Consistency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Body of `POST …/search`: one of `vector`, `vectors` and `id`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"vector": [1, 0.1, 0], "limit": 1, "filter": {"age": {"$lt": 40}}}))]
pub struct SearchRequest {
    /// One query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<WireVector>,
    /// Several queries.
    #[serde(default, deserialize_with = "bounded_list::optional_queries", skip_serializing_if = "Option::is_none")]
    pub vectors: Option<Vec<WireVector>>,
    /// The vector of this document is the query; the document itself is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Hits of each query; 10 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Width of the search beam: larger finds more and takes longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ef: Option<usize>,
    /// Which documents count.
    #[serde(default, deserialize_with = "json_value::deserialize", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<serde_json::Value>,
    /// Nearest hits to leave out, for paging.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// Leave out hits of a lower score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_threshold: Option<f32>,
    /// Parts of a document to return; `metadata` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<Include>>,
    /// How vectors are written; as numbers if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_encoding: Option<VectorEncoding>,
    /// Compare with every document instead of walking the graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<bool>,
    /// Answer from the shards that can, naming those that cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_partial: Option<bool>,
    /// Who may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// Answer only from a state that has at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Parts of a document beside its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// Its metadata.
    Metadata,
    /// Its vector, as it was sent.
    Vector,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WireHit {
    /// The document.
    pub id: String,
    /// How far it is from the query; a smaller distance is nearer.
    pub distance: f32,
    /// How similar it is to the query; a larger score is nearer.
    pub score: f32,
    /// If asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<WireMetadata>,
    /// If asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<WireVector>,
}

/// The answers to one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryResult {
    /// Nearest first.
    pub hits: Vec<WireHit>,
}

/// Which shards answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShardsReport {
    /// Shards that were asked.
    pub total: usize,
    /// Shards that answered.
    pub successful: usize,
    /// Shards that did not, with the reason.
    pub failed: Vec<FailedShard>,
    /// The seq that each answered from.
    #[serde(with = "by_shard")]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub seqs: BTreeMap<u32, u64>,
}

/// A shard that did not answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailedShard {
    /// Its number.
    pub shard: u32,
    /// Why.
    pub error: Failure,
}

/// Answer to `POST …/search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchReply {
    /// One for each query, in order.
    pub results: Vec<QueryResult>,
    /// Which shards answered.
    pub shards: ShardsReport,
    /// Token of the state that was searched.
    pub as_of: String,
    /// Time from the parsed request to the merged answer, in milliseconds.
    pub took_ms: f64,
}

impl SearchReply {
    /// About how many bytes it has when it is written; it is not looked at any further when they are `enough`.
    pub fn bytes_about(&self, enough: usize) -> usize {
        let hit = |hit: &WireHit| {
            let metadata = hit.metadata.as_ref().map_or(0, WireMetadata::bytes_about);
            64 + hit.id.len() + metadata + hit.vector.as_ref().map_or(0, WireVector::bytes_about)
        };
        512 + sum_up_to(enough, self.results.iter().flat_map(|result| &result.hits).map(hit))
    }
}
