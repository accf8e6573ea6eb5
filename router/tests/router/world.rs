//! A world of fake shards: they answer, refuse or hang as a test says.

use annuli_api::shard_api::{
    BuildStatus, Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Outcome, Position, Read,
    SegmentsStatus, ShardHit, ShardHits, ShardList, ShardSearch, ShardStatus, TailStatus, Written,
};
use annuli_api::v1::dump::DumpInfo;
use annuli_api::{Catalogue, Created, DumpProgress, ErrorCode, Failure, Index, Operations, ShardApi};
use annuli_core::vector::Dim;
use annuli_core::{
    DocId, Filter, HistoryId, HnswParams, IndexName, IndexSchema, IndexUuid, Metric, Quantization, Seq, ShardCount,
    ShardId,
};
use annuli_router::access::Access;
use annuli_router::{Limits, Polling, PollingTable, Router, http};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tower::ServiceExt;
use uuid::Uuid;

/// How a fake shard behaves.
#[derive(Debug, Clone)]
pub(crate) enum Fake {
    /// It finds these, at these distances, and takes every write.
    Finds(Vec<(&'static str, f32)>),
    /// It fails.
    Fails(ErrorCode),
    /// It never answers.
    Hangs,
}

pub(crate) fn position(shard: u32) -> Position {
    Position { history: HistoryId(Uuid::from_u128(u128::from(shard) + 100)), seq: Seq(7) }
}

struct FakeShard {
    id: u32,
    fake: Fake,
}

impl FakeShard {
    async fn answer(&self) -> Result<Position, Failure> {
        match &self.fake {
            Fake::Finds(_) => Ok(position(self.id)),
            Fake::Fails(code) => Err(Failure::new(*code, "so said the test")),
            Fake::Hangs => std::future::pending().await,
        }
    }
}

#[async_trait]
impl ShardApi for FakeShard {
    async fn write(&self, writes: Vec<ConditionalWrite>, _: Instant) -> Result<Written, Failure> {
        let position = self.answer().await?;
        let outcome = |write: &ConditionalWrite| match write.if_seq {
            Some(Seq(seq)) if seq != 7 => Outcome::Conflict(Seq(7)),
            Some(_) | None => Outcome::Written,
        };
        Ok(Written { outcomes: writes.iter().map(outcome).collect(), position })
    }

    async fn delete_matching(&self, _: Arc<Filter>, _: Instant) -> Result<Deleted, Failure> {
        Ok(Deleted { deleted: 1, position: self.answer().await? })
    }

    async fn search(&self, search: ShardSearch, _: Instant) -> Result<ShardHits, Failure> {
        let position = self.answer().await?;
        if search.read.after.is_some_and(|after| after != position) {
            return Err(Failure::new(ErrorCode::StaleToken, "of another history"));
        }
        let Fake::Finds(found) = &self.fake else { unreachable!("it would not have answered") };
        let hit = |(id, distance): &(&str, f32)| ShardHit {
            id: DocId::new(id).unwrap(),
            distance: *distance,
            metadata: None,
            vector: None,
        };
        let hits: Vec<_> = found.iter().map(hit).take(search.k).collect();
        Ok(ShardHits { results: vec![hits; search.queries.len()], position })
    }

    async fn get(&self, ids: Vec<DocId>, _: Read, _: Instant) -> Result<Got, Failure> {
        Ok(Got { documents: vec![None; ids.len()], position: self.answer().await? })
    }

    async fn list(&self, _: ShardList, _: Read, _: Instant) -> Result<Listed, Failure> {
        Ok(Listed { documents: Vec::new(), position: self.answer().await? })
    }

    async fn count(&self, _: Option<Arc<Filter>>, _: Read, _: Instant) -> Result<Counted, Failure> {
        Ok(Counted { count: 10, position: self.answer().await? })
    }

    async fn changes(&self, asked: ChangesAsked, _: Instant) -> Result<Changes, Failure> {
        Ok(Changes { documents: Vec::new(), through: asked.after.seq, position: self.answer().await? })
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        Ok(ShardStatus {
            shard: ShardId(self.id),
            position: self.answer().await?,
            documents: 10,
            pending: 0,
            queued: 3,
            store_bytes: 5_000,
            segments: SegmentsStatus { count: 2, live: 6, dead: 2, bytes: 900 },
            tail: TailStatus { documents: 4, in_head: 1 },
            seal: None,
            merge: Some(BuildStatus {
                id: Uuid::from_u128(u128::from(self.id) + 1_000),
                documents: 6,
                done: 4,
                waits: self.id > 0,
                since: Duration::from_millis(1_500),
            }),
        })
    }
}

/// One index, `test`, that cannot be changed, but may have moved since somebody looked.
struct FakeCatalogue {
    index: Mutex<Arc<Index>>,
    /// What it has become, which is known after a refresh.
    moved: Option<Arc<Index>>,
}

impl FakeCatalogue {
    fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.lock().unwrap())
    }
}

#[async_trait]
impl Catalogue for FakeCatalogue {
    fn resolve(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        let missing = || Failure::new(ErrorCode::IndexNotFound, "only `test` is there");
        let index = self.index();
        (index.name == *name).then_some(index).ok_or_else(missing)
    }

    fn indexes(&self) -> Vec<Result<Arc<Index>, Failure>> {
        vec![Ok(self.index())]
    }

    async fn find(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        self.resolve(name)
    }

    async fn refresh(&self) {
        if let Some(moved) = &self.moved {
            *self.index.lock().unwrap() = Arc::clone(moved);
        }
    }

    fn may_have_moved(&self, index: &Index) -> bool {
        self.moved.as_ref().is_some_and(|moved| moved.uuid != index.uuid)
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn fixed_shards(&self) -> Option<ShardCount> {
        None
    }

    async fn create(&self, _: IndexName, _: IndexSchema) -> Result<Created, Failure> {
        Ok(Created::Existing(self.index()))
    }

    async fn remove(&self, _: IndexName) -> Result<(), Failure> {
        Ok(())
    }

    fn aliases(&self) -> BTreeMap<IndexName, IndexName> {
        BTreeMap::new()
    }

    async fn set_alias(&self, _: IndexName, _: IndexName) -> Result<(), Failure> {
        Ok(())
    }

    async fn remove_alias(&self, _: IndexName) -> Result<(), Failure> {
        Ok(())
    }

    fn operations(&self) -> Option<&dyn Operations> {
        None
    }

    async fn create_dump(&self, _: &Index, progress: DumpProgress) -> Result<DumpInfo, Failure> {
        progress(1);
        Err(Failure::new(ErrorCode::StorageFull, "so said the test"))
    }

    async fn dumps(&self, _: &Index) -> Result<Vec<DumpInfo>, Failure> {
        Ok(Vec::new())
    }

    async fn remove_dump(&self, _: &Index, _: Uuid) -> Result<(), Failure> {
        Ok(())
    }
}

fn index(uuid: u128, fakes: &[Fake]) -> Index {
    let shard = |(id, fake): (u32, &Fake)| Arc::new(FakeShard { id, fake: fake.clone() }) as Arc<dyn ShardApi>;
    Index {
        name: IndexName::new("test").unwrap(),
        uuid: IndexUuid(Uuid::from_u128(uuid)),
        schema: IndexSchema {
            dim: Dim::new(2).unwrap(),
            metric: Metric::Euclidean,
            shards: ShardCount::new(u32::try_from(fakes.len()).unwrap()).unwrap(),
            hnsw: HnswParams::new(None, None).unwrap(),
            quantization: Quantization::Int8,
        },
        shards: (0..).zip(fakes).map(shard).collect(),
    }
}

/// A router over fakes.
pub(crate) struct World {
    router: Arc<Router>,
    service: axum::Router,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

fn router(index: Index, moved: Option<Index>, limits: Limits, polling: &[(&str, Polling)]) -> Router {
    let polling = polling.iter().map(|(endpoint, polling)| ((*endpoint).to_owned(), *polling)).collect();
    let polling = PollingTable::new(&polling).unwrap();
    let catalogue = Arc::new(FakeCatalogue { index: Mutex::new(Arc::new(index)), moved: moved.map(Arc::new) });
    Router::new(catalogue, limits, polling, ShardCount::ONE)
}

impl World {
    pub(crate) fn new(fakes: &[Fake]) -> Self {
        Self::with(fakes, Limits::default(), &[])
    }

    /// For those who have a key alone.
    pub(crate) fn guarded(fakes: &[Fake], access: Access) -> Self {
        Self::of(router(index(1, fakes), None, Limits::default(), &[]).guarded_by(access))
    }

    /// Over an index that has moved to other shards, which the router does not know yet.
    pub(crate) fn moved(before: &[Fake], now: &[Fake]) -> Self {
        Self::of(router(index(1, before), Some(index(2, now)), Limits::default(), &[]))
    }

    pub(crate) fn with(fakes: &[Fake], limits: Limits, polling: &[(&str, Polling)]) -> Self {
        Self::of(router(index(1, fakes), None, limits, polling))
    }

    fn of(router: Router) -> Self {
        let router = Arc::new(router);
        Self { service: http::api(Arc::clone(&router)), router }
    }

    pub(crate) fn service(&self) -> axum::Router {
        self.service.clone()
    }

    pub(crate) fn drain(&self) {
        self.router.drain();
    }

    pub(crate) async fn idle(&self) {
        self.router.idle().await;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(format!("/v1/indexes/test/{path}")).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) }
    }
}

impl Answer {
    /// Ids of the hits of the first query.
    pub(crate) fn ids(&self) -> Vec<&str> {
        let hits = self.body["results"][0]["hits"].as_array().unwrap_or_else(|| panic!("{}", self.body));
        hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect()
    }

    /// Status, code and message of a failure.
    pub(crate) fn failure(&self) -> (u16, &str, &str) {
        let error = &self.body["error"];
        let text = |field: &str| error[field].as_str().unwrap_or_else(|| panic!("{}", self.body));
        (self.status.as_u16(), text("code"), text("message"))
    }
}
