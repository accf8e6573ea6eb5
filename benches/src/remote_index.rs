//! One index of the program under test: what the benchmark asks of it.

mod cluster;
mod task;

use crate::clock::{Patience, poll};
use crate::connection::{Connection, ExchangeFailed, Reply, request};
use crate::dataset::{Dataset, row};
use crate::recall::K;
use annuli_api::v1::document::{IndexDocument, IndexRequest};
use annuli_api::v1::index::{CreateIndex, IndexInfo, IndexStatus, WireHnsw};
use annuli_api::v1::path;
use annuli_api::v1::search::SearchRequest;
use annuli_api::v1::vector::{WireVector, to_base64};
pub(crate) use cluster::ReplicasSeen;
use serde::Serialize;
use serde_json::Value;
use std::ops::Range;
use std::time::Duration;
pub(crate) use task::TaskFailed;

/// Time that one request is given: a benchmark would rather see a slow answer than none.
const TIMEOUT_MS: u64 = 60_000;

/// Building the largest graph here takes minutes; in an hour something has stopped.
const UNTIL_BUILT: Patience = Patience { every: Duration::from_millis(20), at_most: Duration::from_secs(3600) };

/// Why an index is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexFailed {
    #[error(transparent)]
    Exchange(#[from] ExchangeFailed),
    #[error("there is an index `{index}` already: delete it first, a benchmark starts with an empty one")]
    Exists { index: String },
    #[error("index `{index}` is not ready after {} s", UNTIL_BUILT.at_most.as_secs())]
    NeverReady { index: String },
    #[error("{replicas} replicas do not serve index `{index}` after {} s", UNTIL_BUILT.at_most.as_secs())]
    NeverServed { index: String, replicas: usize },
    #[error("index `{index}` holds {found} documents, {sent} were sent")]
    Documents { index: String, found: u64, sent: u64 },
}

/// How many queries a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// One: `vector`.
    Single,
    /// A hundred: `vectors`.
    Batched,
}

impl Shape {
    pub(crate) const ALL: [Self; 2] = [Self::Single, Self::Batched];

    pub(crate) const fn queries_per_request(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Batched => 100,
        }
    }
}

/// How thoroughly is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// With every document compared.
    Exact,
    /// With a beam of this width through the graph.
    Ef(usize),
}

/// How a query's vector is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// A list of numbers.
    Numbers,
    /// Little-endian bytes in base64.
    Base64,
}

/// An index by its address and name.
#[derive(Debug, Clone)]
pub(crate) struct RemoteIndex {
    address: String,
    name: String,
    /// Of queries; documents travel in base64.
    encoding: Encoding,
}

impl RemoteIndex {
    /// Creates the index for `dataset`, empty, at a program that listens at `address`. Without `hnsw` its graphs are
    /// built as the program does by itself.
    pub(crate) fn create(
        address: &str,
        dataset: &Dataset,
        shards: u32,
        hnsw: Option<WireHnsw>,
    ) -> Result<Self, IndexFailed> {
        Self::create_named(format!("bench-{}", dataset.name.as_str()), address, dataset, shards, hnsw)
    }

    /// Creates a second index, for a few documents of `dataset`.
    pub(crate) fn create_small(&self, dataset: &Dataset, shards: u32) -> Result<Self, IndexFailed> {
        Self::create_named(format!("{}-few", self.name), &self.address, dataset, shards, None)
    }

    fn create_named(
        name: String,
        address: &str,
        dataset: &Dataset,
        shards: u32,
        hnsw: Option<WireHnsw>,
    ) -> Result<Self, IndexFailed> {
        let index = Self { address: address.to_owned(), name, encoding: Encoding::Base64 };
        if index.call("GET", path::INDEX, &[])?.status != 404 {
            return Err(IndexFailed::Exists { index: index.name });
        }
        let schema = CreateIndex {
            dim: dataset.base.ncols() as u64,
            metric: dataset.metric.name().to_owned(),
            shards: Some(shards),
            hnsw,
            quantization: None,
        };
        index.call("PUT", path::INDEX, &to_json(&schema))?.expect_success()?;
        Ok(index)
    }

    /// Where it is asked: `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The same index at another address: of its program after a restart, or of another router.
    pub(crate) fn moved_to(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// The same index, asked with vectors written in another way.
    pub(crate) fn encoded(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    pub(crate) fn delete(&self) -> Result<(), IndexFailed> {
        self.call("DELETE", path::INDEX, &[])?.expect_success()?;
        Ok(())
    }

    /// Stores these rows and waits until they are all that there is.
    pub(crate) fn fill(&self, dataset: &Dataset, rows: Range<usize>) -> Result<(), IndexFailed> {
        let count = rows.len();
        Connection::open(&self.address)?.send(&self.store(dataset, rows))?.expect_success()?;
        self.wait_until_built(count)
    }

    pub(crate) fn connect(&self, connections: usize) -> Result<Vec<Connection>, ExchangeFailed> {
        Connection::open_many(&self.address, connections)
    }

    /// Waits until every shard serves and its graph holds every document; `documents` must be there then.
    pub(crate) fn wait_until_built(&self, documents: usize) -> Result<(), IndexFailed> {
        let mut connection = Connection::open(&self.address)?;
        let ask = self.request("GET", path::INDEX, &[]);
        let built = poll(UNTIL_BUILT, || {
            let info: IndexInfo = connection.send(&ask)?.read()?;
            Ok::<_, IndexFailed>(is_built(&info).then_some(info))
        })?;
        let Some(info) = built else { return Err(IndexFailed::NeverReady { index: self.name.clone() }) };
        let sent = documents as u64;
        if info.documents == sent {
            return Ok(());
        }
        Err(IndexFailed::Documents { index: self.name.clone(), found: info.documents, sent })
    }

    /// A request that stores these rows.
    pub(crate) fn store(&self, dataset: &Dataset, rows: Range<usize>) -> Vec<u8> {
        let document = |number: usize| IndexDocument {
            id: dataset.ids[number].clone(),
            vector: WireVector::Base64(to_base64(row(&dataset.base, number))),
            metadata: Some(dataset.metadata[number].clone()),
            if_seq: None,
        };
        let body = IndexRequest { documents: rows.map(document).collect(), timeout_ms: Some(TIMEOUT_MS) };
        self.request("POST", path::DOCUMENTS_INDEX, &to_json(&body))
    }

    /// A request for the nearest documents of each of these queries, without their metadata.
    pub(crate) fn search(
        &self,
        dataset: &Dataset,
        queries: &[usize],
        effort: Effort,
        filter: Option<&Value>,
    ) -> Vec<u8> {
        let vector = |&query: &usize| {
            let vector = row(&dataset.queries, query);
            match self.encoding {
                Encoding::Numbers => WireVector::Numbers(vector.to_vec()),
                Encoding::Base64 => WireVector::Base64(to_base64(vector)),
            }
        };
        let (one, several) = match queries {
            [query] => (Some(vector(query)), None),
            _ => (None, Some(queries.iter().map(vector).collect())),
        };
        let (exact, ef) = match effort {
            Effort::Exact => (Some(true), None),
            Effort::Ef(ef) => (None, Some(ef)),
        };
        let body = SearchRequest {
            vector: one,
            vectors: several,
            limit: Some(K),
            ef,
            filter: filter.cloned(),
            include: Some(Vec::new()),
            exact,
            timeout_ms: Some(TIMEOUT_MS),
            ..SearchRequest::default()
        };
        self.request("POST", path::SEARCH, &to_json(&body))
    }

    fn request(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        request(method, &self.address, &path.replace("{name}", &self.name), body)
    }

    fn call(&self, method: &str, path: &str, body: &[u8]) -> Result<Reply, ExchangeFailed> {
        Connection::open(&self.address)?.send(&self.request(method, path, body))
    }
}

fn is_built(info: &IndexInfo) -> bool {
    info.status == IndexStatus::Ready && info.shard_status.iter().all(|shard| shard.pending == Some(0))
}

fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("wire types have text for keys and finite numbers")
}
