//! An index of one test's own.

use crate::client::{Answer, Client};
use crate::server::{Server, Shared};
use crate::wait::wait_for;
use annuli_api::v1::search::{SearchReply, WireHit};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};

/// An index, by its name.
#[derive(Clone)]
pub struct Index {
    /// The server that holds it.
    pub client: Client,
    /// Its name.
    pub name: String,
    /// Keeps the shared server, if that is the one.
    _server: Option<Shared>,
}

impl Index {
    /// Creates an index on the shared server, of a name that no other test of this run has.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn fresh(schema: &Value) -> Self {
        let server = Server::shared();
        let index = Self::create(&server.client(), schema);
        Self { _server: Some(server), ..index }
    }

    /// Creates an index of a name that no other test of this run has.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn create(client: &Client, schema: &Value) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("index-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        Self::create_named(client, &name, schema)
    }

    /// Creates an index of that name.
    ///
    /// # Panics
    /// When it is refused.
    #[track_caller]
    pub fn create_named(client: &Client, name: &str, schema: &Value) -> Self {
        let index = Self::named(client, name);
        index.client.put(&index.path(""), schema).ok();
        index
    }

    /// The index of that name, whether or not it is there.
    pub fn named(client: &Client, name: &str) -> Self {
        Self { client: client.clone(), name: name.to_owned(), _server: None }
    }

    /// The path of the index, and what comes behind it.
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/indexes/{}{rest}", self.name)
    }

    /// What the index says about itself.
    #[track_caller]
    pub fn info(&self) -> Value {
        self.client.get(&self.path("")).ok()
    }

    /// What the index says about itself when all that there is to build is built.
    #[track_caller]
    pub fn built(&self) -> Value {
        wait_for("the graph", || {
            let info = self.info();
            (info["status"] == "ready").then_some(info)
        })
    }

    /// The last seq of each shard.
    ///
    /// # Panics
    /// When a shard does not say.
    #[track_caller]
    pub fn seqs(&self) -> Vec<u64> {
        let info = self.info();
        let shards = info["shard_status"].as_array().expect("a list of shards");
        shards.iter().map(|shard| shard["seq"].as_u64().expect("a shard that answers")).collect()
    }

    /// Posts to an endpoint of the index: `index`, `update`, `delete`, `search`, `documents`, `count`.
    #[track_caller]
    pub fn post(&self, endpoint: &str, body: &Value) -> Answer {
        self.client.post(&self.path(&format!("/{endpoint}")), body)
    }

    /// Stores documents.
    ///
    /// # Panics
    /// When they are refused.
    #[track_caller]
    pub fn store(&self, documents: &Value) -> Value {
        self.post("index", &json!({"documents": documents})).ok()
    }

    /// Searches, and expects an answer.
    #[track_caller]
    pub fn search(&self, request: &Value) -> SearchReply {
        self.post("search", request).read()
    }

    /// The hits of a search with one query.
    ///
    /// # Panics
    /// When there is not exactly one result.
    #[track_caller]
    pub fn hits(&self, request: &Value) -> Vec<WireHit> {
        let mut results = self.search(request).results;
        assert_eq!(results.len(), 1, "one query has one result");
        results.remove(0).hits
    }

    /// The ids of the hits of a search with one query, nearest first.
    #[track_caller]
    pub fn found(&self, request: &Value) -> Vec<String> {
        self.hits(request).into_iter().map(|hit| hit.id).collect()
    }

    /// How many documents there are.
    #[track_caller]
    pub fn count(&self) -> u64 {
        self.count_matching(&json!({}))
    }

    /// How many documents match.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn count_matching(&self, filter: &Value) -> u64 {
        self.post("count", &json!({"filter": filter})).ok()["count"].as_u64().expect("a count")
    }

    /// A document as it is stored; null if there is none.
    #[track_caller]
    pub fn document(&self, id: &str) -> Value {
        let reply = self.post("documents", &json!({"ids": [id]})).ok();
        reply["documents"].get(0).cloned().unwrap_or(Value::Null)
    }

    /// Every document, page by page, by id.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn documents(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.client.get(&self.path(&format!("/documents?limit=1000&include=metadata,vector{cursor}")));
            let page = page.ok();
            all.extend(page["documents"].as_array().expect("a page").iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", percent_encoded(next)),
                None => return all,
            }
        }
    }

    /// Makes requests, and asserts that they leave no trace in the index.
    ///
    /// # Panics
    /// When they do.
    #[track_caller]
    pub fn untouched(&self, requests: impl FnOnce(&Self)) {
        let before = (self.seqs(), self.documents());
        requests(self);
        assert_eq!((self.seqs(), self.documents()), before, "what was refused has left a trace");
    }
}

/// A text as one segment of a path, or one value of a query string.
pub fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
