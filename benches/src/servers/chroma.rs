//! Chroma's server, over its HTTP API (v2).

use super::daemon::Daemon;
use super::results::Ingest;
use super::{Client, Failed, Question, Server, Set};
use crate::clock::Stopwatch;
use crate::connection::{Connection, ExchangeFailed, request};
use crate::dataset::row;
use crate::dataset::split::part;
use crate::library::environment::Environment;
use crate::recall::K;
use crate::workers::share_out;
use annuli_api::v1::vector::to_base64;
use annuli_core::Metric;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

const COLLECTIONS: &str = "/api/v2/tenants/default_tenant/databases/default_database/collections";

/// Documents in a request, and requests under way, as with our own server.
const BATCH: usize = 500;
const CONNECTIONS: usize = 2;

pub(super) struct Chroma {
    program: std::path::PathBuf,
    folder: TempDir,
    address: String,
    daemon: Option<Daemon>,
    /// The collection's id, once there is one.
    collection: String,
    /// The beam that it searches with: a property of the collection, which counts from the next start on.
    ef: usize,
}

struct ChromaClient {
    connection: Connection,
    /// By the number of the query.
    requests: Arc<Vec<Vec<u8>>>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

#[derive(Deserialize)]
struct Answer {
    ids: Vec<Vec<String>>,
}

impl Chroma {
    pub(super) fn start() -> Result<Self, Failed> {
        let program = Environment::Chroma.python()?.with_file_name("chroma");
        let folder = tempfile::Builder::new().prefix("annuli-chroma-").tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut server = Self { program, folder, address, daemon: None, collection: String::new(), ef: 0 };
        server.launch()?;
        Ok(server)
    }

    fn launch(&mut self) -> Result<(), Failed> {
        let mut command = Command::new(&self.program);
        let port = self.address.rsplit(':').next().unwrap_or_default();
        command.arg("run").arg("--path").arg(self.folder.path().join("data"));
        command.args(["--host", "127.0.0.1", "--port", port]).env("ANONYMIZED_TELEMETRY", "False");
        let ask = request("GET", &self.address, "/api/v2/heartbeat", &[]);
        let is_ready = || {
            let reply = Connection::open(&self.address).and_then(|mut connection| connection.send(&ask));
            reply.is_ok_and(|reply| reply.status == 200)
        };
        self.daemon = Some(Daemon::start(&mut command, &self.folder.path().join("log"), is_ready)?);
        Ok(())
    }

    fn relaunch(&mut self) -> Result<(), Failed> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop()?;
        }
        self.launch()
    }

    fn path(&self, call: &str) -> String {
        format!("{COLLECTIONS}/{}{call}", self.collection)
    }

    fn call<T: DeserializeOwned>(&self, method: &str, path: &str, body: &Value) -> Result<T, ExchangeFailed> {
        let bytes = request(method, &self.address, path, body.to_string().as_bytes());
        Connection::open(&self.address)?.send(&bytes)?.read()
    }

    /// Searches with this beam from now on.
    fn set_width(&mut self, ef: usize) -> Result<(), Failed> {
        if self.ef != ef {
            let body = json!({"new_configuration": {"hnsw": {"ef_search": ef}}});
            let _: Value = self.call("PUT", &self.path(""), &body)?;
            self.relaunch()?;
            self.ef = ef;
        }
        Ok(())
    }
}

impl Server for Chroma {
    fn version(&self) -> String {
        // The server tells the version of its API.
        Environment::Chroma.pinned("chromadb").unwrap_or_else(|_| "chromadb".to_owned())
    }

    fn ingest(&mut self, set: &Set<'_>) -> Result<Ingest, Failed> {
        let space = match set.dataset.metric {
            Metric::Euclidean => "l2",
            Metric::Cosine => "cosine",
            Metric::InnerProduct => "ip",
        };
        self.ef = K;
        let hnsw = json!({
            "space": space, "ef_construction": set.ef_construction, "max_neighbors": set.m, "ef_search": self.ef,
        });
        let created: Created =
            self.call("POST", COLLECTIONS, &json!({"name": "bench", "configuration": {"hnsw": hnsw}}))?;
        self.collection = created.id;
        let rows = set.dataset.base.nrows();
        let mut connections = Connection::open_many(&self.address, CONNECTIONS)?;
        let watch = Stopwatch::start();
        share_out(&mut connections, rows.div_ceil(BATCH), |connection, batch| {
            let batch: Vec<usize> = (batch * BATCH..rows.min((batch + 1) * BATCH)).collect();
            let body = json!({
                "ids": batch.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "embeddings": batch.iter().map(|&number| to_base64(row(&set.dataset.base, number))).collect::<Vec<_>>(),
                "metadatas": batch.iter().map(|&number| json!({"part": part(number)})).collect::<Vec<_>>(),
            });
            let bytes = request("POST", &self.address, &self.path("/add"), body.to_string().as_bytes());
            connection.send(&bytes)?.expect_success()
        })?;
        let seconds_until_acknowledged = watch.seconds();
        // A search works off what is still in its log first.
        let mut client = self.clients(set, Question { ef: self.ef, parts_below: None }, 1)?.remove(0);
        client.ask(set.queries[0])?;
        let seconds_until_searchable = watch.seconds();
        Ok(Ingest {
            seconds_until_acknowledged,
            seconds_until_searchable,
            rows_per_second: rows as f64 / seconds_until_searchable,
        })
    }

    fn clients(&mut self, set: &Set<'_>, question: Question, count: usize) -> Result<Vec<Box<dyn Client>>, Failed> {
        self.set_width(question.ef)?;
        let mut requests = vec![Vec::new(); set.dataset.queries.nrows()];
        for &query in &set.queries {
            let vector = row(&set.dataset.queries, query);
            let mut body = json!({"query_embeddings": [vector], "n_results": K, "include": ["distances"]});
            if let Some(below) = question.parts_below {
                body["where"] = json!({"part": {"$lt": below}});
            }
            requests[query] = request("POST", &self.address, &self.path("/query"), body.to_string().as_bytes());
        }
        let requests = Arc::new(requests);
        let client =
            |connection| Box::new(ChromaClient { connection, requests: Arc::clone(&requests) }) as Box<dyn Client>;
        Ok(Connection::open_many(&self.address, count)?.into_iter().map(client).collect())
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.daemon.as_ref()?.memory_bytes()
    }

    fn restart(&mut self, set: &Set<'_>) -> Result<f64, Failed> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop()?;
        }
        let watch = Stopwatch::start();
        self.launch()?;
        let mut client = self.clients(set, Question { ef: self.ef, parts_below: None }, 1)?.remove(0);
        client.ask(set.queries[0])?;
        Ok(watch.seconds())
    }
}

impl Client for ChromaClient {
    fn ask(&mut self, query: usize) -> Result<Vec<usize>, Failed> {
        let answer: Answer = self.connection.send(&self.requests[query])?.read()?;
        Ok(answer.ids.into_iter().flatten().filter_map(|id| id.parse().ok()).collect())
    }
}
