//! Searches and reads.

use crate::document::JinaDocument;
use crate::endpoint::{Call, Done};
use crate::shape::SaidDocument;
use crate::{filter, target};
use annuli_api::shard_api::Consistency;
use annuli_api::v1::document::{GetRequest, ListQuery};
use annuli_api::v1::search::{Include, SearchRequest};
use annuli_api::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;

/// Parameters of a search that are called as ours are.
const OURS: [&str; 9] =
    ["limit", "ef", "offset", "exact", "score_threshold", "allow_partial", "consistency", "after", "timeout_ms"];

/// Documents that a filter finds where it names no limit, as AnnLite has it.
const FILTER_LIMIT_DEFAULT: usize = 20;

/// `/search`: the nearest of each document, among its `matches`.
pub(crate) async fn search(mut call: Call<'_>) -> Result<Done, Failure> {
    let mut request: SearchRequest = call.parameters.read(&OURS)?;
    let index = target::find(call.router, call.parameters).await?;
    if call.documents.is_empty() {
        return Ok(Done { documents: Vec::new(), told: None });
    }
    let embedding = |document: &JinaDocument| {
        let embedding = document.embedding.clone();
        embedding.ok_or_else(|| without_embedding(document.id.as_deref().unwrap_or_default()))
    };
    let embeddings = move |documents: &[JinaDocument]| documents.iter().map(embedding).collect::<Result<_, Failure>>();
    request.vectors = Some(call.of_documents(request.timeout_ms, embeddings).await?);
    request.filter = call.parameters.filter().map(filter::translated);
    request.include = Some(vec![Include::Metadata, Include::Vector]);
    let reply = call.router.search(&index, request, call.arrived).await?;
    let (shape, metric) = (call.shape, index.schema.metric.name());
    let told = json!({"as_of": reply.as_of, "shards": reply.shards, "took_ms": reply.took_ms});
    let results = reply
        .results
        .into_iter()
        .map(|result| result.hits.into_iter().map(|hit| SaidDocument::hit(shape, metric, hit)).collect::<Vec<_>>());
    let documents = call.echo().into_iter().zip(results).map(|(query, matches)| query.with_matches(matches)).collect();
    Ok(Done { documents, told: Some(told) })
}

#[derive(Deserialize)]
struct Page {
    limit: Option<usize>,
    offset: Option<usize>,
    #[serde(flatten)]
    freshness: Freshness,
}

/// How fresh what is read has to be, and by when.
#[derive(Deserialize)]
struct Freshness {
    after: Option<String>,
    consistency: Option<Consistency>,
    timeout_ms: Option<u64>,
}

/// `/filter`: documents by their tags, in the order of their ids.
pub(crate) async fn filter(call: Call<'_>) -> Result<Done, Failure> {
    let Page { limit, offset, freshness } =
        call.parameters.read(&["limit", "offset", "after", "consistency", "timeout_ms"])?;
    if offset.unwrap_or(0) > 0 {
        let message = "`parameters.offset` is not supported by /filter: page by GET /v1/indexes/{name}/documents";
        return Err(Failure::new(ErrorCode::InvalidRequest, message));
    }
    let index = target::find(call.router, call.parameters).await?;
    let query = ListQuery {
        limit: Some(limit.unwrap_or(FILTER_LIMIT_DEFAULT)),
        filter: call.parameters.filter().map(|filter| filter::translated(filter).to_string()),
        include: Some("metadata,vector".to_owned()),
        after: freshness.after,
        consistency: freshness.consistency,
        timeout_ms: freshness.timeout_ms,
        ..ListQuery::default()
    };
    let reply = call.router.list_documents(&index, query, call.arrived.at).await?;
    let said = |document: annuli_api::v1::document::StoredDocument| {
        SaidDocument::stored(call.shape, document.id, document.vector, document.metadata)
    };
    let documents = reply.documents.into_iter().map(said).collect();
    Ok(Done { documents, told: Some(json!({"as_of": reply.as_of})) })
}

/// `/fill_embedding`: the documents of the request with their stored embeddings.
pub(crate) async fn fill_embedding(call: Call<'_>) -> Result<Done, Failure> {
    let Freshness { after, consistency, timeout_ms } = call.parameters.read(&["after", "consistency", "timeout_ms"])?;
    let index = target::find(call.router, call.parameters).await?;
    let request = GetRequest {
        ids: call.documents.iter().filter_map(|document| document.id.clone()).collect(),
        include: Some(vec![Include::Vector]),
        vector_encoding: None,
        after,
        consistency,
        timeout_ms,
    };
    let reply = call.router.get_documents(&index, request, call.arrived.at).await?;
    if let Some(id) = reply.missing.first() {
        let message = format!("index `{}` has no document `{id}`", index.name);
        return Err(Failure::new(ErrorCode::DocumentNotFound, message));
    }
    let mut vectors: HashMap<_, _> = reply.documents.into_iter().map(|read| (read.id, read.vector)).collect();
    let ids: Vec<_> = call.documents.iter().map(|document| document.id.clone().unwrap_or_default()).collect();
    let filled = call.echo().into_iter().zip(ids);
    let documents = filled.map(|(said, id)| said.with_embedding(vectors.remove(&id).flatten())).collect();
    Ok(Done { documents, told: None })
}

/// A document that needs a vector and has none.
pub(crate) fn without_embedding(id: &str) -> Failure {
    let message = format!("document `{id}` has no `embedding`: embed it first, this is an index and no encoder");
    Failure::new(ErrorCode::InvalidVector, message).with("id", id)
}
