//! Writing and reading documents.

use super::metadata::WireMetadata;
use super::search::Include;
use super::vector::{VectorEncoding, WireVector};
use super::{bounded_list, by_shard, json_value, sum_up_to};
use crate::shard_api::Consistency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Body of `POST …/index`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"documents": [
    {"id": "ann", "vector": [1, 0, 0.2], "metadata": {"age": 31}},
    {"id": "bob", "vector": [0, 1, 0.1], "metadata": {"age": 44}}
]}))]
pub struct IndexRequest {
    /// Documents to store; the last of several with one id wins.
    #[serde(deserialize_with = "bounded_list::batch")]
    pub documents: Vec<IndexDocument>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A document to store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexDocument {
    /// Its id.
    pub id: String,
    /// Its vector.
    pub vector: WireVector,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<WireMetadata>,
    /// Store only if the document's last write has this seq; 0: only if there is no such document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_seq: Option<u64>,
}

/// Body of `POST …/update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"documents": [{"id": "bob", "metadata": {"age": 45}}]}))]
pub struct UpdateRequest {
    /// Changes; the last of several with one id wins.
    #[serde(deserialize_with = "bounded_list::batch")]
    pub documents: Vec<UpdateDocument>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A change of a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateDocument {
    /// Its id.
    pub id: String,
    /// The new vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<WireVector>,
    /// To be merged into the metadata; null removes a field (RFC 7396).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<WireMetadata>,
    /// Change only if the document's last write has this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_seq: Option<u64>,
}

/// Body of `POST …/delete`: either `ids` or `filter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["bob"]}))]
pub struct DeleteRequest {
    /// Documents to remove.
    #[serde(default, deserialize_with = "bounded_list::optional_batch", skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Which documents to remove.
    #[serde(default, deserialize_with = "json_value::deserialize", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<serde_json::Value>,
    /// With a single id: remove only if the document's last write has this seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_seq: Option<u64>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A document that was not written because of its `if_seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conflict {
    /// The document.
    pub id: String,
    /// The seq of its last write; 0: there is no such document.
    pub seq: u64,
}

/// Answer to `POST …/index`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexReply {
    /// Documents stored.
    pub indexed: u64,
    /// Ids that stood in the batch more than once; the last of each was stored.
    pub duplicates: Vec<String>,
    /// Documents not stored because of their `if_seq`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// For each shard that was written to, the seq up to which it is durable.
    #[serde(with = "by_shard")]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub shards: BTreeMap<u32, u64>,
    /// Token of the state after this write.
    pub as_of: String,
}

/// Answer to `POST …/update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UpdateReply {
    /// Documents changed.
    pub updated: u64,
    /// Ids of which there is no document.
    pub missing: Vec<String>,
    /// Ids that stood in the batch more than once; the last of each was taken.
    pub duplicates: Vec<String>,
    /// Documents not changed because of their `if_seq`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// For each shard that was written to, the seq up to which it is durable.
    #[serde(with = "by_shard")]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub shards: BTreeMap<u32, u64>,
    /// Token of the state after this write.
    pub as_of: String,
}

/// Answer to `POST …/delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeleteReply {
    /// Documents removed.
    pub deleted: u64,
    /// For each shard that was written to, the seq up to which it is durable.
    #[serde(with = "by_shard")]
    #[schema(value_type = BTreeMap<String, u64>)]
    pub shards: BTreeMap<u32, u64>,
    /// Token of the state after this write.
    pub as_of: String,
}

/// Body of `POST …/documents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["ann", "bob"]}))]
pub struct GetRequest {
    /// Documents to read.
    #[serde(deserialize_with = "bounded_list::batch")]
    pub ids: Vec<String>,
    /// Parts to return; both if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<Vec<Include>>,
    /// How vectors are written; as numbers if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_encoding: Option<VectorEncoding>,
    /// Answer only from a state that has at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Who may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Query of `GET …/documents/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct GetOneQuery {
    /// Answer only from a state that has at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Who may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Answer to `GET …/documents/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GetOneReply {
    /// The document.
    #[serde(flatten)]
    pub document: StoredDocument,
    /// Token of the state that was read.
    pub as_of: String,
}

/// Query of `GET …/documents`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Where the last page ended, as it said in `next`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Documents on a page; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Which documents, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Parts to return, joined by commas; `metadata` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<String>,
    /// How vectors are written; as numbers if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_encoding: Option<VectorEncoding>,
    /// Answer only from a state that has at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Who may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoredDocument {
    /// Its id.
    pub id: String,
    /// The seq of its last write, for `if_seq`.
    pub seq: u64,
    /// Its vector, as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<WireVector>,
    /// Its metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<WireMetadata>,
}

/// Answer to `POST …/documents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GetReply {
    /// The documents that there are, in the order asked.
    pub documents: Vec<StoredDocument>,
    /// Ids of which there is no document.
    pub missing: Vec<String>,
    /// Token of the state that was read.
    pub as_of: String,
}

/// Answer to `GET …/documents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListReply {
    /// Documents in the order of their ids.
    pub documents: Vec<StoredDocument>,
    /// Cursor of the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Token of the state that was read.
    pub as_of: String,
}

/// Body of `POST …/count`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"filter": {"age": {"$lt": 40}}}))]
pub struct CountRequest {
    /// Which documents; all if absent.
    #[serde(default, deserialize_with = "json_value::deserialize", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<serde_json::Value>,
    /// Answer only from a state that has at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Who may answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// Time allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// Answer to `POST …/count`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CountReply {
    /// How many.
    pub count: u64,
    /// Token of the state that was counted.
    pub as_of: String,
}

impl StoredDocument {
    fn bytes_about(&self) -> usize {
        let metadata = self.metadata.as_ref().map_or(0, WireMetadata::bytes_about);
        64 + self.id.len() + metadata + self.vector.as_ref().map_or(0, WireVector::bytes_about)
    }
}

impl GetReply {
    /// About how many bytes it has when it is written; it is not looked at any further when they are `enough`.
    pub fn bytes_about(&self, enough: usize) -> usize {
        let missing: usize = self.missing.iter().map(|id| id.len() + 4).sum();
        256 + missing + sum_up_to(enough, self.documents.iter().map(StoredDocument::bytes_about))
    }
}

impl ListReply {
    /// About how many bytes it has when it is written; it is not looked at any further when they are `enough`.
    pub fn bytes_about(&self, enough: usize) -> usize {
        256 + sum_up_to(enough, self.documents.iter().map(StoredDocument::bytes_about))
    }
}
