//! Searches.

use crate::asked::Asked;
use crate::collections::find_to_read;
use crate::envelope::{Refusal, Reply, said_large};
use crate::filter;
use crate::payload_selector::PayloadSelector;
use crate::points::{Parts, ScoredPoint, VectorSelector, is_beyond, score};
use crate::reads::{Listing, list};
use crate::reply_size::ReplySize;
use crate::unsupported::{Absent, refuse_fields, unsupported};
use crate::vector::{PointVector, Query};
use annuli_api::v1::bounded_list::Queries;
use annuli_api::v1::json_value;
use annuli_api::v1::search::{SearchReply, SearchRequest};
use annuli_api::{Failure, Index};
use annuli_core::limits::LIMIT_DEFAULT;
use annuli_router::http::dialect::{Body, Path, Query as InQuery};
use annuli_router::{Arrival, Limits, Router};
use axum::extract::State;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Body of `POST …/points/query`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryRequest {
    #[serde(default)]
    query: Option<Query>,
    #[serde(default, deserialize_with = "json_value::deserialize")]
    filter: Option<serde_json::Value>,
    #[serde(default)]
    params: Option<SearchParams>,
    #[serde(default)]
    score_threshold: Option<f32>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    offset: Option<usize>,
    #[serde(default, alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    #[serde(default)]
    with_payload: Option<PayloadSelector>,
    #[serde(default)]
    using: Option<String>,
    #[serde(default)]
    prefetch: Absent,
    #[serde(default)]
    lookup_from: Absent,
    #[serde(default)]
    shard_key: Absent,
}

/// How a search is done.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchParams {
    #[serde(default)]
    hnsw_ef: Option<usize>,
    #[serde(default)]
    exact: Option<bool>,
    #[serde(default)]
    indexed_only: Option<bool>,
    /// Hints: what is found is compared by full vectors in any case.
    #[serde(default, rename = "quantization")]
    _quantization: Option<IgnoredAny>,
    #[serde(default, rename = "acorn")]
    _acorn: Option<IgnoredAny>,
}

/// Answer to a query.
#[derive(Serialize)]
pub(crate) struct Points {
    points: Vec<ScoredPoint>,
}

/// `POST …/points/query`
pub(crate) async fn query(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    InQuery(asked): InQuery<Asked>,
    Body(read): Body<QueryRequest>,
) -> Reply<Points> {
    let (request, arrived) = read?;
    let index = find_to_read(&router, &collection, asked.consistency()).await?;
    check_sizes(std::slice::from_ref(&request), &index, &router.limits)?;
    let (points, bytes) = one(&router, &index, request, arrived, &asked).await?;
    Ok(said_large(arrived.at, Points { points }, bytes))
}

/// Body of `POST …/points/query/batch`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryBatch {
    searches: Queries<QueryRequest>,
}

/// `POST …/points/query/batch`
pub(crate) async fn query_batch(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    InQuery(asked): InQuery<Asked>,
    Body(read): Body<QueryBatch>,
) -> Reply<Vec<Points>> {
    let (QueryBatch { searches: Queries(searches) }, arrived) = read?;
    let index = find_to_read(&router, &collection, asked.consistency()).await?;
    check_sizes(&searches, &index, &router.limits)?;
    let (mut answers, mut bytes) = (Vec::with_capacity(searches.len()), 0);
    for request in searches {
        let (points, about) = one(&router, &index, request, arrived, &asked).await?;
        answers.push(Points { points });
        bytes += about;
    }
    Ok(said_large(arrived.at, answers, bytes))
}

/// Body of `POST …/points/search`, by which older clients search.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OldSearch {
    vector: PointVector,
    #[serde(default, deserialize_with = "json_value::deserialize")]
    filter: Option<serde_json::Value>,
    #[serde(default)]
    params: Option<SearchParams>,
    #[serde(default)]
    score_threshold: Option<f32>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    offset: Option<usize>,
    #[serde(default, alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    #[serde(default)]
    with_payload: Option<PayloadSelector>,
    #[serde(default)]
    shard_key: Absent,
}

impl From<OldSearch> for QueryRequest {
    fn from(old: OldSearch) -> Self {
        let OldSearch { vector: PointVector(vector), filter, params, score_threshold, limit, offset, .. } = old;
        let (with_vector, with_payload, shard_key) = (old.with_vector, old.with_payload, old.shard_key);
        let query = Some(Query::Vector(vector));
        Self {
            query,
            filter,
            params,
            score_threshold,
            limit,
            offset,
            with_vector,
            with_payload,
            shard_key,
            ..Self::default()
        }
    }
}

/// `POST …/points/search`
pub(crate) async fn search(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    InQuery(asked): InQuery<Asked>,
    Body(read): Body<OldSearch>,
) -> Reply<Vec<ScoredPoint>> {
    let (request, arrived) = read?;
    let index = find_to_read(&router, &collection, asked.consistency()).await?;
    let (points, bytes) = one(&router, &index, request.into(), arrived, &asked).await?;
    Ok(said_large(arrived.at, points, bytes))
}

/// Refuses queries whose answers would not fit into memory together.
fn check_sizes(requests: &[QueryRequest], index: &Index, limits: &Limits) -> Result<(), Failure> {
    let mut size = ReplySize::default();
    for request in requests {
        let limit = Limits::check("`limit`", request.limit.unwrap_or(LIMIT_DEFAULT), limits.k_max)?;
        let points = request.offset.unwrap_or(0).saturating_add(limit);
        Limits::check("`offset` plus `limit`", points, limits.k_max)?;
        size.add(points, request.with_vector == Some(VectorSelector::Unnamed(true)), index)?;
    }
    Ok(())
}

impl QueryRequest {
    fn check(&self) -> Result<(), Failure> {
        let absent = [("prefetch", &self.prefetch), ("lookup_from", &self.lookup_from), ("shard_key", &self.shard_key)];
        refuse_fields(&absent)?;
        if self.using.as_deref().is_some_and(|name| !name.is_empty()) {
            return Err(unsupported("`using`", "a collection has one unnamed vector"));
        }
        if self.params.as_ref().is_some_and(|params| params.indexed_only == Some(true)) {
            return Err(unsupported("`indexed_only`", "what no graph holds yet is searched as well"));
        }
        Ok(())
    }
}

/// The points of one query, and about how many bytes they are.
async fn one(
    router: &Router,
    index: &Arc<Index>,
    request: QueryRequest,
    arrived: Arrival,
    asked: &Asked,
) -> Result<(Vec<ScoredPoint>, usize), Refusal> {
    request.check()?;
    let parts = Parts::new(request.with_payload, request.with_vector, false)?;
    let filter = filter::translated(request.filter.as_ref())?.optional();
    let (limit, offset) = (request.limit.unwrap_or(LIMIT_DEFAULT), request.offset.unwrap_or(0));
    let (vector, id) = match request.query {
        Some(Query::Vector(vector)) => (Some(vector), None),
        Some(Query::Id(id)) => (None, Some(id.text())),
        None => {
            let listing = Listing {
                behind: None,
                begins: String::new(),
                limit: offset.saturating_add(limit),
                filter,
                include: parts.include_text(),
                consistency: asked.consistency(),
            };
            let listed = list(router, index, listing, asked, arrived.at).await?;
            let bytes = listed.bytes_about;
            let points = listed.documents.into_iter().skip(offset).map(|document| parts.unscored(document));
            return Ok((points.collect(), bytes));
        }
    };
    let params = request.params.unwrap_or_default();
    let search = SearchRequest {
        vector,
        id,
        limit: Some(limit),
        offset: Some(offset),
        ef: params.hnsw_ef,
        exact: params.exact,
        filter,
        include: Some(parts.include()),
        consistency: asked.consistency(),
        timeout_ms: asked.timeout_ms()?,
        ..SearchRequest::default()
    };
    let reply = router.search(index, search, arrived).await?;
    let bytes = SearchReply::bytes_about(&reply, usize::MAX);
    let metric = index.schema.metric;
    let hits = reply.results.into_iter().flat_map(|result| result.hits);
    // Best first, so that the first that is not good enough ends it.
    let good = hits.take_while(|hit| {
        request.score_threshold.is_none_or(|threshold| is_beyond(metric, score(metric, hit), threshold))
    });
    Ok((good.map(|hit| parts.scored(metric, hit)).collect(), bytes))
}
