//! A router that speaks Qdrant over models of shards.

use annuli_api::v1::document::{IndexDocument, IndexRequest};
use annuli_api::v1::vector::WireVector;
use annuli_contract::ModelCatalogue;
use annuli_core::ShardCount;
use annuli_router::access::{Access, Key, KeyRing, Keys, MetricsAccess, Role};
use annuli_router::http::dialect;
use annuli_router::{Arrival, Limits, PollingTable, Router};
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt;

pub(crate) struct Server {
    router: Arc<Router>,
    service: axum::Router,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::of(limits, Access::Open)
    }

    /// A server that asks for keys, of which each is called by what its role may do, four times.
    pub(crate) fn with_keys() -> Self {
        let key = |role: Role| Key::new(role.name(), role, &format!("{}-", role.name()).repeat(4)).unwrap();
        let ring = KeyRing::new(Keys::new(Role::ALL.map(key).to_vec()).unwrap());
        Self::of(Limits::default(), Access::Keys { ring, metrics: MetricsAccess::Read })
    }

    fn of(limits: Limits, access: Access) -> Self {
        let polling = PollingTable::new(&BTreeMap::new()).unwrap();
        let router = Router::new(Arc::new(ModelCatalogue::default()), limits, polling, ShardCount::ONE);
        let router = Arc::new(router.guarded_by(access));
        Self { service: dialect::alone(Arc::clone(&router), annuli_qdrant::dialect()), router }
    }

    /// A server with the collection `c` of that distance and four points, the last of them with a UUID.
    pub(crate) async fn with_points(distance: &str) -> Self {
        let server = Self::new();
        server.put("/collections/c", &json!({"vectors": {"size": 2, "distance": distance}})).await.ok();
        let points = json!([
            {"id": 1, "vector": [3, 4], "payload": {"color": "red", "size": 1, "at": {"x": 1, "y": 2}}},
            {"id": 2, "vector": [1, 0], "payload": {"color": "red", "size": 2}},
            {"id": 10, "vector": [0, 2], "payload": {"color": "blue", "size": 3, "tags": ["a", "b"]}},
            {"id": UUID, "vector": [-1, 0]},
        ]);
        server.put("/collections/c/points?wait=true", &json!({ "points": points })).await.ok();
        server
    }

    /// A server with the collection `c` of documents with these ids, as any protocol may have stored them.
    pub(crate) async fn with_foreign_ids(ids: &[&str]) -> Self {
        let server = Self::new();
        server.put("/collections/c", &json!({"vectors": {"size": 2, "distance": "Dot"}})).await.ok();
        let document = |id: &&str| IndexDocument {
            id: (*id).to_owned(),
            vector: WireVector::Numbers(vec![1.0, 0.0]),
            metadata: None,
            if_seq: None,
        };
        let request = IndexRequest { documents: ids.iter().map(document).collect(), timeout_ms: None };
        let index = server.router.index("c").await.unwrap();
        let arrived = Arrival { at: dialect::now(), bytes: 100 };
        server.router.index_documents(&index, request, arrived).await.unwrap();
        server
    }

    pub(crate) fn drain(&self) {
        self.router.drain();
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.send_with(&[], method, path, body).await
    }

    pub(crate) async fn send_with(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let mut request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, Some(body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, Some(body)).await
    }

    /// A query of the collection `c`.
    pub(crate) async fn query(&self, body: &Value) -> Answer {
        self.post("/collections/c/points/query", body).await
    }
}

/// The id of a point that has no number.
pub(crate) const UUID: &str = "936da01f-9abd-4d9d-80c7-02af85c822a8";

impl Answer {
    /// The result of a request that succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!((self.status, &self.body["status"]), (200, &json!("ok")), "{}", self.body);
        assert!(self.body["time"].is_number(), "{}", self.body);
        self.body["result"].clone()
    }

    /// The status and the message of a request that failed.
    #[track_caller]
    pub(crate) fn refused(&self) -> (u16, &str) {
        (self.status, self.body["status"]["error"].as_str().unwrap_or_else(|| panic!("{}", self.body)))
    }
}

/// The ids of points.
pub(crate) fn ids(points: &Value) -> Value {
    points.as_array().unwrap_or_else(|| panic!("{points}")).iter().map(|point| point["id"].clone()).collect()
}
