//! Reads of points: by id, by page, by count.

use crate::asked::Asked;
use crate::collections::find_to_read;
use crate::envelope::{Refusal, Reply, said, said_large};
use crate::filter;
use crate::named;
use crate::payload_selector::PayloadSelector;
use crate::point_id::{PageOffset, PointId, SaidId, just_before};
use crate::points::{Parts, Record, VectorSelector};
use crate::reply_size::ReplySize;
use crate::unsupported::{Absent, refuse_fields};
use annuli_api::shard_api::Consistency;
use annuli_api::v1::bounded_list::Batch;
use annuli_api::v1::document::{CountRequest, GetReply, GetRequest, ListQuery, ListReply, StoredDocument};
use annuli_api::v1::json_value;
use annuli_api::{ErrorCode, Failure, Index};
use annuli_core::limits::LIMIT_DEFAULT;
use annuli_router::http::dialect::{self, Body, Path, Query};
use annuli_router::{Limits, Router};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Instant;

/// Body of `POST …/points`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retrieve {
    ids: Batch<PointId>,
    #[serde(default)]
    with_payload: Option<PayloadSelector>,
    #[serde(default, alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    #[serde(default)]
    shard_key: Absent,
}

/// `POST …/points`
pub(crate) async fn retrieve(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<Retrieve>,
) -> Reply<Vec<Record>> {
    let (Retrieve { ids: Batch(ids), with_payload, with_vector, shard_key }, arrived) = read?;
    refuse_fields(&[("shard_key", &shard_key)])?;
    let index = find_to_read(&router, &collection, asked.consistency()).await?;
    let parts = Parts::new(with_payload, with_vector, true)?;
    if ids.is_empty() {
        return Ok(said_large(arrived.at, Vec::new(), 64));
    }
    let request = get_request(&ids, &parts, &asked)?;
    let reply = router.get_documents(&index, request, arrived.at).await?;
    let bytes = GetReply::bytes_about(&reply, usize::MAX);
    Ok(said_large(arrived.at, reply.documents.into_iter().map(|document| parts.record(document)).collect(), bytes))
}

fn get_request(ids: &[PointId], parts: &Parts, asked: &Asked) -> Result<GetRequest, Failure> {
    Ok(GetRequest {
        ids: ids.iter().map(|id| id.text()).collect(),
        include: Some(parts.include()),
        vector_encoding: None,
        after: None,
        consistency: asked.consistency(),
        timeout_ms: asked.timeout_ms()?,
    })
}

/// `GET …/points/{id}`
pub(crate) async fn get_one(
    State(router): State<Arc<Router>>,
    Path((collection, id)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Reply<Record> {
    let started = dialect::now();
    let index = find_to_read(&router, &collection, asked.consistency()).await?;
    let number = id.parse().map(PointId::Number).ok();
    let point = number.or_else(|| id.parse().map(PointId::Uuid).ok());
    let point = point.ok_or_else(|| {
        Failure::new(
            ErrorCode::InvalidId,
            format_args!("`{id}` is no id: it has to be a whole number from 0 on, or a UUID"),
        )
    })?;
    let parts = Parts::new(None, Some(VectorSelector::Unnamed(true)), true)?;
    let reply = router.get_documents(&index, get_request(&[point], &parts, &asked)?, started).await?;
    let document = reply.documents.into_iter().next().ok_or_else(|| no_point(&id))?;
    Ok(said(started, parts.record(document)))
}

/// There is no such point.
pub(crate) fn no_point(id: &str) -> Failure {
    Failure::new(ErrorCode::DocumentNotFound, format_args!("Not found: No point with id {id} found"))
}

/// Body of `POST …/points/scroll`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scroll {
    #[serde(default)]
    offset: Option<PageOffset>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default, deserialize_with = "json_value::deserialize")]
    filter: Option<Value>,
    #[serde(default)]
    with_payload: Option<PayloadSelector>,
    #[serde(default, alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    #[serde(default)]
    order_by: Absent,
    #[serde(default)]
    shard_key: Absent,
}

/// Answer to `POST …/points/scroll`.
#[derive(Serialize)]
pub(crate) struct Scrolled {
    points: Vec<Record>,
    next_page_offset: Option<SaidId>,
}

/// `POST …/points/scroll`: points in the order of their ids' texts.
pub(crate) async fn scroll(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<Scroll>,
) -> Reply<Scrolled> {
    let (Scroll { offset, limit, filter, with_payload, with_vector, order_by, shard_key }, arrived) = read?;
    refuse_fields(&[("order_by", &order_by), ("shard_key", &shard_key)])?;
    let index = find_to_read(&router, &collection, asked.consistency()).await?;
    let parts = Parts::new(with_payload, with_vector, true)?;
    let limit = Limits::check("`limit`", limit.unwrap_or(LIMIT_DEFAULT), router.limits.k_max)?;
    ReplySize::default().add(limit, with_vector == Some(VectorSelector::Unnamed(true)), &index)?;
    let begins = offset.map_or_else(String::new, |PageOffset(text)| text);
    let (listed, next) = match filter.as_ref().map(filter::ids_alone).transpose()?.flatten() {
        Some(ids) => {
            let (ids, next) = named::page(&ids, &begins, limit);
            (named::read(&router, &index, ids, parts.include(), &asked, arrived.at).await?, next)
        }
        None => {
            let listing = Listing {
                behind: just_before(&begins),
                begins,
                // One more, whose id is where the next page begins.
                limit: limit + 1,
                filter: filter::translated(filter.as_ref())?.optional(),
                include: parts.include_text(),
                consistency: asked.consistency(),
            };
            let mut listed = list(&router, &index, listing, &asked, arrived.at).await?;
            let next = (listed.documents.len() > limit).then(|| listed.documents.pop()).flatten();
            (listed, next.map(|document| document.id))
        }
    };
    let points = listed.documents.into_iter().map(|document| parts.record(document)).collect();
    let scrolled = Scrolled { points, next_page_offset: next.map(SaidId) };
    Ok(said_large(arrived.at, scrolled, listed.bytes_about))
}

/// Documents to be listed.
pub(crate) struct Listing {
    /// Those whose ids are greater; all, where there is nothing.
    pub(crate) behind: Option<String>,
    /// Of these, those whose ids are not less.
    pub(crate) begins: String,
    pub(crate) limit: usize,
    pub(crate) filter: Option<Value>,
    pub(crate) include: String,
    pub(crate) consistency: Option<Consistency>,
}

/// Documents that were.
pub(crate) struct Listed {
    pub(crate) documents: Vec<StoredDocument>,
    pub(crate) bytes_about: usize,
}

/// Lists documents, in as many pages of ours as it takes.
pub(crate) async fn list(
    router: &Router,
    index: &Arc<Index>,
    listing: Listing,
    asked: &Asked,
    started: Instant,
) -> Result<Listed, Refusal> {
    let Listing { behind: mut cursor, begins, limit, filter, include, consistency } = listing;
    let filter = filter.map(|filter| filter.to_string());
    let mut listed = Listed { documents: Vec::new(), bytes_about: 0 };
    while listed.documents.len() < limit {
        let query = ListQuery {
            cursor: cursor.take(),
            limit: Some((limit - listed.documents.len()).min(router.limits.page_documents_max)),
            filter: filter.clone(),
            include: Some(include.clone()),
            consistency,
            timeout_ms: asked.timeout_ms()?,
            ..ListQuery::default()
        };
        let page = router.list_documents(index, query, started).await?;
        listed.bytes_about += ListReply::bytes_about(&page, usize::MAX);
        listed.documents.extend(page.documents.into_iter().filter(|document| document.id >= begins));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(listed)
}

/// Body of `POST …/points/count`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    #[serde(default, deserialize_with = "json_value::deserialize")]
    filter: Option<Value>,
    /// Every count is exact.
    #[serde(default, rename = "exact")]
    _exact: Option<bool>,
    #[serde(default)]
    shard_key: Absent,
}

/// `POST …/points/count`
pub(crate) async fn count(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<Count>,
) -> Reply<Value> {
    let (Count { filter, shard_key, .. }, arrived) = read?;
    refuse_fields(&[("shard_key", &shard_key)])?;
    let index = find_to_read(&router, &collection, asked.consistency()).await?;
    if let Some(ids) = filter.as_ref().map(filter::ids_alone).transpose()?.flatten() {
        let (ids, _) = named::page(&ids, "", usize::MAX);
        let there = named::read(&router, &index, ids, Vec::new(), &asked, arrived.at).await?;
        return Ok(said(arrived.at, json!({"count": there.documents.len()})));
    }
    let request = CountRequest {
        filter: filter::translated(filter.as_ref())?.optional(),
        after: None,
        consistency: asked.consistency(),
        timeout_ms: asked.timeout_ms()?,
    };
    let reply = router.count_documents(&index, request, arrived.at).await?;
    Ok(said(arrived.at, json!({"count": reply.count})))
}
