//! Changes of payloads. Each point is read, changed and written again if it is still as it was read.

use crate::asked::Asked;
use crate::collections::find_to_read;
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
use annuli_core::value::Object;
use annuli_core::{Number, Value};
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
    let index = find_to_read(router, collection, Some(Consistency::Primary)).await?;
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
    let request = Arc::new(request);
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
    request: &Arc<ChangePayload>,
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
    request: &Arc<ChangePayload>,
    filter: &serde_json::Value,
) -> Result<Shards, Failure> {
    let Target { router, index, asked, arrived } = target;
    let filter = filter::translated(Some(filter))?.optional();
    let (mut shards, mut behind) = (Shards::new(), None);
    loop {
        let (filter, include, begins) = (filter.clone(), "metadata".to_owned(), String::new());
        // Who changes what matches means what is stored now, and not what a replica still has.
        let consistency = Some(Consistency::Primary);
        let listing = Listing { behind: behind.take(), begins, limit: PART_MAX, filter, include, consistency };
        let listed = list(router, index, listing, asked, arrived.at).await.map_err(|refusal| unfinished(refusal.0))?;
        let Some(last) = listed.documents.last().map(|document| document.id.clone()) else { return Ok(shards) };
        let differing = {
            let request = Arc::clone(request);
            move || {
                let differing = listed.documents.into_iter().filter(|document| request.differs(change, document));
                differing.map(|document| document.id).collect::<Vec<_>>()
            }
        };
        let ids = target.work(listed.bytes_about, differing).await.map_err(unfinished)?;
        if !ids.is_empty() {
            // One that is gone by now matches no more.
            let _gone = change_part(target, change, request, ids, &mut shards).await.map_err(unfinished)?;
        }
        behind = Some(last);
    }
}

/// What became of a change whose time was over: it may be of more points than can be written in the time of one request.
fn unfinished(failure: Failure) -> Failure {
    if failure.code != ErrorCode::DeadlineExceeded {
        return failure;
    }
    let message = format!(
        "{}; the payloads of some points may be changed by now, and the same request sent again goes on with the others",
        failure.message
    );
    Failure { message, ..failure }
}

/// Changes some points; returns the first that is missing.
async fn change_part(
    target: Target<'_>,
    change: Change,
    request: &Arc<ChangePayload>,
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
        let bytes = reply.bytes_about(usize::MAX);
        missing = missing.or(reply.missing.into_iter().next());
        let changed = {
            let request = Arc::clone(request);
            move || {
                let changed = reply.documents.into_iter().filter_map(|document| request.changed(change, document));
                changed.collect::<Vec<_>>()
            }
        };
        let documents = target.work(bytes, changed).await?;
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

    /// Whether the change makes another point of it.
    fn differs(&self, change: Change, document: &StoredDocument) -> bool {
        let WireMetadata(payload) = document.metadata.clone().unwrap_or_default();
        let mut changed = payload.clone();
        self.apply(change, &mut changed);
        !is_same_object(&payload, &changed)
    }

    /// The point as it is to be, if it is not so yet. A change that is sent again begins with points that it has changed: each
    /// is written once.
    fn changed(&self, change: Change, document: StoredDocument) -> Option<IndexDocument> {
        if !self.differs(change, &document) {
            return None;
        }
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

/// Whether two payloads are written alike. Those that filters tell apart are not; nor are 1 and 1.0, which are equal there.
fn is_same_object(a: &Object, b: &Object) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((a, of_a), (b, of_b))| a == b && is_same(of_a, of_b))
}

fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(Number::Integer(a)), Value::Number(Number::Integer(b))) => a == b,
        (Value::Number(Number::Float(a)), Value::Number(Number::Float(b))) => a.to_bits() == b.to_bits(),
        (Value::Number(_), Value::Number(_)) => false,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => is_same_object(a, b),
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_ran_out_of_time_says_how_it_goes_on() {
        let late = unfinished(Failure::new(ErrorCode::DeadlineExceeded, "the deadline passed"));
        assert_eq!(late.code, ErrorCode::DeadlineExceeded);
        assert!(late.message.starts_with("the deadline passed; "), "{late}");
        assert!(late.message.ends_with("the same request sent again goes on with the others"), "{late}");
        let other = Failure::new(ErrorCode::Overloaded, "too much");
        assert_eq!(unfinished(other.clone()), other);
    }
}
