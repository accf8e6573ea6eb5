//! Writes of points.

use crate::asked::Asked;
use crate::collections::{find, find_to_read};
use crate::envelope::{Reply, said};
use crate::filter;
use crate::payload::{self, Change, ChangePayload};
use crate::point_id::PointId;
use crate::reads::no_point;
use crate::unsupported::{Absent, refuse_fields, unsupported};
use crate::vector::{PointVector, VectorColumn};
use annuli_api::shard_api::Consistency;
use annuli_api::v1::bounded_list::Batch;
use annuli_api::v1::document::{DeleteRequest, IndexDocument, IndexRequest, UpdateDocument, UpdateRequest};
use annuli_api::v1::json_value;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::{ErrorCode, Failure, Index};
use annuli_router::http::dialect::{self, Body, Path, Query};
use annuli_router::{Arrival, Router};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Answer to a write.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct UpdateResult {
    operation_id: u64,
    status: &'static str,
}

impl UpdateResult {
    /// A write that is durable on these shards, as the request wants to hear it.
    pub(crate) fn new(shards: &BTreeMap<u32, u64>, asked: &Asked) -> Self {
        let operation_id = shards.values().copied().max().unwrap_or(0);
        Self { operation_id, status: if asked.waits(false) { "completed" } else { "acknowledged" } }
    }
}

/// What every write needs.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) router: &'a Router,
    pub(crate) index: &'a Arc<Index>,
    pub(crate) asked: &'a Asked,
    pub(crate) arrived: Arrival,
}

impl Target<'_> {
    /// Does work on about so many bytes, beside the thread of the connection if they are many.
    pub(crate) async fn work<R: Send + 'static>(
        self,
        bytes: usize,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let deadline = self.arrived.at + self.router.limits.timeout(self.asked.timeout_ms()?)?;
        dialect::work(self.router, deadline, bytes, work).await
    }
}

/// A point to store.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    id: PointId,
    vector: PointVector,
    #[serde(default)]
    payload: Option<WireMetadata>,
}

/// Points to store, part by part.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Columns {
    ids: Batch<PointId>,
    vectors: VectorColumn,
    #[serde(default)]
    payloads: Option<Batch<Option<WireMetadata>>>,
}

/// Body of `PUT …/points`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upsert {
    #[serde(default)]
    points: Option<Batch<Point>>,
    #[serde(default)]
    batch: Option<Columns>,
    #[serde(default)]
    update_mode: Option<String>,
    #[serde(default)]
    update_filter: Absent,
    #[serde(default)]
    shard_key: Absent,
}

/// `PUT …/points`
pub(crate) async fn upsert(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<Upsert>,
) -> Reply<UpdateResult> {
    let (request, arrived) = read?;
    let index = find(&router, &collection).await?;
    let target = Target { router: &router, index: &index, asked: &asked, arrived };
    Ok(said(arrived.at, store(target, request).await?))
}

async fn store(target: Target<'_>, upsert: Upsert) -> Result<UpdateResult, Failure> {
    let Target { router, index, asked, arrived } = target;
    let request = IndexRequest { documents: upsert.documents()?, timeout_ms: asked.timeout_ms()? };
    let reply = router.index_documents(index, request, arrived).await?;
    Ok(UpdateResult::new(&reply.shards, asked))
}

impl Upsert {
    fn documents(self) -> Result<Vec<IndexDocument>, Failure> {
        refuse_fields(&[("update_filter", &self.update_filter), ("shard_key", &self.shard_key)])?;
        if self.update_mode.as_deref().is_some_and(|mode| mode != "upsert") {
            return Err(unsupported("an `update_mode` other than upsert", "leave it out"));
        }
        match (self.points, self.batch) {
            (Some(Batch(points)), None) => Ok(points.into_iter().map(Point::document).collect()),
            (None, Some(columns)) => columns.documents(),
            _ => Err(invalid("an upsert takes either `points` or `batch`")),
        }
    }
}

impl Point {
    fn document(self) -> IndexDocument {
        let Self { id, vector: PointVector(vector), payload } = self;
        IndexDocument { id: id.text(), vector, metadata: payload, if_seq: None }
    }
}

impl Columns {
    fn documents(self) -> Result<Vec<IndexDocument>, Failure> {
        let Batch(ids) = self.ids;
        let VectorColumn(vectors) = self.vectors;
        let payloads = self.payloads.map_or_else(|| ids.iter().map(|_| None).collect(), |Batch(payloads)| payloads);
        if vectors.len() != ids.len() || payloads.len() != ids.len() {
            let message = format!(
                "a batch has as many of each part: there are {} ids, {} vectors and {} payloads",
                ids.len(),
                vectors.len(),
                payloads.len()
            );
            return Err(invalid(&message));
        }
        let points = ids.into_iter().zip(vectors).zip(payloads);
        Ok(points.map(|((id, vector), payload)| Point { id, vector, payload }.document()).collect())
    }
}

/// Which points a write is about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointSelector {
    #[serde(default)]
    points: Option<Batch<PointId>>,
    #[serde(default, deserialize_with = "json_value::deserialize")]
    filter: Option<serde_json::Value>,
    #[serde(default)]
    shard_key: Absent,
}

/// `POST …/points/delete`
pub(crate) async fn delete(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<PointSelector>,
) -> Reply<UpdateResult> {
    let (request, arrived) = read?;
    let index = find(&router, &collection).await?;
    let target = Target { router: &router, index: &index, asked: &asked, arrived };
    Ok(said(arrived.at, remove(target, request).await?))
}

async fn remove(target: Target<'_>, selector: PointSelector) -> Result<UpdateResult, Failure> {
    let Target { router, index, asked, arrived } = target;
    refuse_fields(&[("shard_key", &selector.shard_key)])?;
    let (ids, filter) = match (selector.points, selector.filter) {
        (Some(Batch(points)), None) if points.is_empty() => {
            return Ok(UpdateResult::new(&BTreeMap::new(), asked));
        }
        (Some(Batch(points)), None) => (Some(points.into_iter().map(PointId::text).collect()), None),
        (None, Some(filter)) => match filter::ids_alone(&filter)? {
            Some(ids) if ids.is_empty() => return Ok(UpdateResult::new(&BTreeMap::new(), asked)),
            Some(ids) => (Some(ids.into_iter().map(PointId::text).collect()), None),
            None => (None, Some(filter::translated(Some(&filter))?.explicit())),
        },
        _ => return Err(invalid("a delete takes either `points` or `filter`")),
    };
    let request = DeleteRequest { ids, filter, if_seq: None, timeout_ms: asked.timeout_ms()? };
    let reply = router.delete_documents(index, request, arrived.at).await?;
    Ok(UpdateResult::new(&reply.shards, asked))
}

/// A new vector of a point.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewVector {
    id: PointId,
    vector: PointVector,
}

/// Body of `PUT …/points/vectors`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateVectors {
    points: Batch<NewVector>,
    #[serde(default)]
    update_filter: Absent,
    #[serde(default)]
    shard_key: Absent,
}

/// `PUT …/points/vectors`
pub(crate) async fn update_vectors(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<UpdateVectors>,
) -> Reply<UpdateResult> {
    let (request, arrived) = read?;
    let index = find(&router, &collection).await?;
    let target = Target { router: &router, index: &index, asked: &asked, arrived };
    Ok(said(arrived.at, exchange(target, request).await?))
}

async fn exchange(target: Target<'_>, request: UpdateVectors) -> Result<UpdateResult, Failure> {
    let Target { router, index, asked, arrived } = target;
    refuse_fields(&[("update_filter", &request.update_filter), ("shard_key", &request.shard_key)])?;
    let Batch(points) = request.points;
    let update = |NewVector { id, vector: PointVector(vector) }| UpdateDocument {
        id: id.text(),
        vector: Some(vector),
        metadata: None,
        if_seq: None,
    };
    let documents = points.into_iter().map(update).collect();
    let request = UpdateRequest { documents, timeout_ms: asked.timeout_ms()? };
    let reply = router.update_documents(index, request, arrived).await?;
    match reply.missing.first() {
        Some(id) => Err(no_point(id)),
        None => Ok(UpdateResult::new(&reply.shards, asked)),
    }
}

/// Body of `POST …/points/batch`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operations {
    operations: Batch<Operation>,
}

/// One write of several.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operation {
    Upsert(Upsert),
    Delete(PointSelector),
    SetPayload(ChangePayload),
    OverwritePayload(ChangePayload),
    DeletePayload(ChangePayload),
    ClearPayload(ChangePayload),
    UpdateVectors(UpdateVectors),
}

/// `POST …/points/batch`: one after the other; what fails ends it.
pub(crate) async fn batch(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<Operations>,
) -> Reply<Vec<UpdateResult>> {
    let (Operations { operations: Batch(operations) }, arrived) = read?;
    // Changes of payloads read what they write.
    let index = find_to_read(&router, &collection, Some(Consistency::Primary)).await?;
    let target = Target { router: &router, index: &index, asked: &asked, arrived };
    let mut results = Vec::with_capacity(operations.len());
    for operation in operations {
        results.push(match operation {
            Operation::Upsert(upsert) => store(target, upsert).await?,
            Operation::Delete(selector) => remove(target, selector).await?,
            Operation::SetPayload(change) => payload::change(target, Change::Set, change).await?,
            Operation::OverwritePayload(change) => payload::change(target, Change::Overwrite, change).await?,
            Operation::DeletePayload(change) => payload::change(target, Change::DeleteKeys, change).await?,
            Operation::ClearPayload(change) => payload::change(target, Change::Clear, change).await?,
            Operation::UpdateVectors(request) => exchange(target, request).await?,
        });
    }
    Ok(said(arrived.at, results))
}

fn invalid(message: &str) -> Failure {
    Failure::new(ErrorCode::InvalidRequest, message)
}
