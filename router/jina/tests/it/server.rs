//! A router that speaks Jina over models of shards, and the captured conversations.

use annuli_contract::ModelCatalogue;
use annuli_core::{Metric, ShardCount};
use annuli_router::access::{Access, Key, KeyRing, Keys, MetricsAccess, Role};
use annuli_router::{Limits, PollingTable, Router, http};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower::ServiceExt;

pub(crate) struct Server {
    router: Arc<Router>,
    service: axum::Router,
}

/// One request with the answer of a real server.
#[derive(Deserialize)]
pub(crate) struct Captured {
    pub(crate) step: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) status: u16,
    pub(crate) reply: Value,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
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
        let service = http::api_with(Arc::clone(&router), vec![annuli_jina::dialect(Metric::Cosine)]);
        Self { router, service }
    }

    pub(crate) fn drain(&self) {
        self.router.drain();
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_with(&[], method, path, body).await
    }

    pub(crate) async fn send_with(&self, headers: &[(&str, &str)], method: &str, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let mut request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &body.to_string()).await
    }

    pub(crate) async fn replay(&self, captured: &Captured) -> Answer {
        self.send(&captured.method, &captured.path, &captured.body).await
    }

    /// A server with three documents on the unit circle, near to, beside and opposite of (1, 0).
    pub(crate) async fn with_three() -> Self {
        let server = Self::new();
        let documents = json!([
            {"id": "near", "embedding": [1, 0.1], "tags": {"size": 1}, "text": "close by"},
            {"id": "beside", "embedding": [0, 1], "tags": {"size": 2}},
            {"id": "opposite", "embedding": [-1, 0], "tags": {"size": 3}},
        ]);
        let answer = server.post("/index", &json!({ "data": documents })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        server
    }
}

impl Answer {
    pub(crate) fn ids(&self, pointer: &str) -> Vec<&str> {
        let list = self.body.pointer(pointer).and_then(Value::as_array).unwrap_or_else(|| panic!("{}", self.body));
        list.iter().map(|document| document["id"].as_str().unwrap()).collect()
    }

    /// The message of the exception that the client raises.
    pub(crate) fn raised(&self) -> &str {
        self.body["header"]["status"]["exception"]["args"][0].as_str().unwrap_or_else(|| panic!("{}", self.body))
    }
}

/// The steps of a conversation.
pub(crate) fn conversation(lines: &str) -> Vec<Captured> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
