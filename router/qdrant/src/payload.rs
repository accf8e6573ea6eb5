//! Changes of payloads. Each point is read, changed and written again if it is still as it was read.

use crate::asked::Asked;
use crate::collections::find;
use crate::envelope::{Reply, said};
use crate::filter;
use crate::payload_selector::{path, remove};
use crate::point_id::PointId;
use crate::reads::{Listing, list, no_point};
use crate::unsupported::{Absent, refuse_fields};
use crate::writes::{Target, UpdateResult};
use annuli_api::shard_api::Consistency;
use annuli_api::v1::bounded_list::Batch;
use annuli_api::v1::document::{GetRequest, IndexDocument, IndexRequest, StoredDocument};
use annuli_api::v1::json_value;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::vector::VectorEncoding;
use annuli_api::{ErrorCode, Failure};
use annuli_core::Value;
use annuli_core::value::Object;
use annuli_router::Router;
use annuli_router::http::dialect::{Body, Path, Query};
use axum::extract::State;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often points are read again that somebody else has changed meanwhile.
const ATTEMPTS_MAX: usize = 8;

/// Points that are read and written at once: some megabytes of vectors.
const PART_MAX: usize = 500;

/// What becomes of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its fields take the place of those of the same name; null removes one.
    Set,
    /// It takes the place of the payload.
    Overwrite,
    /// Fields are removed.
    DeleteKeys,
    /// All fields are removed.
    Clear,
}

/// Body of a change.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePayload {
    #[serde(default)]
    payload: Option<WireMetadata>,
    #[serde(default)]
    keys: Option<Vec<String>>,
    #[serde(default)]
    points: Option<Batch<PointId>>,
    #[serde(default, deserialize_with = "json_value::deserialize")]
    filter: Option<serde_json::Value>,
    #[serde(default)]
    key: Absent,
    #[serde(default)]
    shard_key: Absent,
}

async fn answer(
    router: &Router,
    collection: &str,
    asked: &Asked,
    change: Change,
    body: Body<ChangePayload>,
) -> Reply<UpdateResult> {
    let (request, arrived) = body.0?;
    let index = find(router, collection).await?;
    let target = Target { router, index: &index, asked, arrived };
    Ok(said(arrived.at, self::change(target, change, request).await?))
}

/// `POST …/points/payload`
pub(crate) async fn set(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    body: Body<ChangePayload>,
) -> Reply<UpdateResult> {
    answer(&router, &collection, &asked, Change::Set, body).await
}

/// `PUT …/points/payload`
pub(crate) async fn overwrite(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    body: Body<ChangePayload>,
) -> Reply<UpdateResult> {
    answer(&router, &collection, &asked, Change::Overwrite, body).await
}

/// `POST …/points/payload/delete`
pub(crate) async fn delete_keys(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    body: Body<ChangePayload>,
) -> Reply<UpdateResult> {
    answer(&router, &collection, &asked, Change::DeleteKeys, body).await
}

/// `POST …/points/payload/clear`
pub(crate) async fn clear(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    body: Body<ChangePayload>,
) -> Reply<UpdateResult> {
    answer(&router, &collection, &asked, Change::Clear, body).await
}

/// Changes the payloads of the points that a request names. A point that is missing does not keep the others from being
/// changed; it is named then.
pub(crate) async fn change(
    target: Target<'_>,
    change: Change,
    request: ChangePayload,
) -> Result<UpdateResult, Failure> {
    refuse_fields(&[("key", &request.key), ("shard_key", &request.shard_key)])?;
    request.check(change)?;
    let shards = match (&request.points, &request.filter) {
        (Some(Batch(points)), None) => change_named(target, change, &request, points).await?,
        (None, Some(filter)) => change_matching(target, change, &request, filter).await?,
        _ => {
            return Err(Failure::new(
                ErrorCode::InvalidRequest,
                "a change of payloads takes either `points` or `filter`",
            ));
        }
    };
    Ok(UpdateResult::new(&shards, target.asked))
}

/// The newest write of each shard.
type Shards = BTreeMap<u32, u64>;

async fn change_named(
    target: Target<'_>,
    change: Change,
    request: &ChangePayload,
    points: &[PointId],
) -> Result<Shards, Failure> {
    let ids: Vec<String> = points.iter().map(|id| id.text()).collect::<BTreeSet<_>>().into_iter().collect();
    let (mut shards, mut missing) = (Shards::new(), None);
    for part in ids.chunks(PART_MAX) {
        missing = missing.or(change_part(target, change, request, part.to_vec(), &mut shards).await?);
    }
    missing.map_or(Ok(shards), |id| Err(no_point(&id)))
}

/// Page by page in the order of ids, so that each point is met once.
async fn change_matching(
    target: Target<'_>,
    change: Change,
    request: &ChangePayload,
    filter: &serde_json::Value,
) -> Result<Shards, Failure> {
    let Target { router, index, asked, arrived } = target;
    let filter = filter::translated(Some(filter))?.optional();
    let (mut shards, mut behind) = (Shards::new(), None);
    loop {
        let (filter, include, begins) = (filter.clone(), String::new(), String::new());
        // Who changes what matches means what is stored now, and not what a replica still has.
        let consistency = Some(Consistency::Primary);
        let listing = Listing { behind: behind.take(), begins, limit: PART_MAX, filter, include, consistency };
        let listed = list(router, index, listing, asked, arrived.at).await.map_err(|refusal| refusal.0)?;
        let ids: Vec<String> = listed.documents.into_iter().map(|document| document.id).collect();
        let Some(last) = ids.last().cloned() else { return Ok(shards) };
        // One that is gone by now matches no more.
        let _gone = change_part(target, change, request, ids, &mut shards).await?;
        behind = Some(last);
    }
}

/// Changes some points; returns the first that is missing.
async fn change_part(
    target: Target<'_>,
    change: Change,
    request: &ChangePayload,
    mut ids: Vec<String>,
    shards: &mut Shards,
) -> Result<Option<String>, Failure> {
    let Target { router, index, asked, arrived } = target;
    let timeout_ms = asked.timeout_ms()?;
    let mut missing = None;
    for _ in 0..ATTEMPTS_MAX {
        let read = GetRequest {
            ids,
            include: None,
            vector_encoding: Some(VectorEncoding::Base64),
            after: None,
            // What is written next is written there.
            consistency: Some(Consistency::Primary),
            timeout_ms,
        };
        let reply = router.get_documents(index, read, arrived.at).await?;
        missing = missing.or(reply.missing.into_iter().next());
        let documents: Vec<_> =
            reply.documents.into_iter().filter_map(|document| request.changed(change, document)).collect();
        if documents.is_empty() {
            return Ok(missing);
        }
        let all: Vec<_> = documents.iter().map(|document| document.id.clone()).collect();
        let written = router.index_documents(index, IndexRequest { documents, timeout_ms }, arrived).await;
        ids = match written {
            Ok(reply) => {
                shards.extend(reply.shards);
                reply.conflicts.into_iter().map(|conflict| conflict.id).collect()
            }
            Err(failure) if failure.code == ErrorCode::SeqConflict => all,
            Err(failure) => return Err(failure),
        };
        if ids.is_empty() {
            return Ok(missing);
        }
    }
    let message = format!("point {} is changed by others all the time: try again", ids[0]);
    Err(Failure::new(ErrorCode::SeqConflict, message))
}

impl ChangePayload {
    fn check(&self, change: Change) -> Result<(), Failure> {
        let needs = match change {
            Change::Set | Change::Overwrite => self.payload.is_none().then_some("`payload`"),
            Change::DeleteKeys => self.keys.is_none().then_some("`keys`"),
            Change::Clear => None,
        };
        match needs {
            Some(needs) => Err(Failure::new(ErrorCode::InvalidRequest, format_args!("{needs} is missing"))),
            None => Ok(()),
        }
    }

    /// The point as it is to be.
    fn changed(&self, change: Change, document: StoredDocument) -> Option<IndexDocument> {
        let StoredDocument { id, seq, vector, metadata } = document;
        let WireMetadata(mut payload) = metadata.unwrap_or_default();
        self.apply(change, &mut payload);
        Some(IndexDocument { id, vector: vector?, metadata: Some(WireMetadata(payload)), if_seq: Some(seq) })
    }

    fn apply(&self, change: Change, payload: &mut Object) {
        let said = self.payload.iter().flat_map(|WireMetadata(said)| said);
        match change {
            Change::Set => {
                for (name, value) in said {
                    match value {
                        Value::Null => drop(payload.remove(name)),
                        Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Array(_) | Value::Object(_) => {
                            payload.insert(name.clone(), value.clone());
                        }
                    }
                }
            }
            Change::Overwrite => *payload = said.map(|(name, value)| (name.clone(), value.clone())).collect(),
            Change::DeleteKeys => {
                for key in self.keys.iter().flatten() {
                    remove(payload, &path(key));
                }
            }
            Change::Clear => payload.clear(),
        }
    }
}
