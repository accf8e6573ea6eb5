//! Our own server, over HTTP.

use super::results::Ingest;
use super::{Client, FIRST_ANSWER, Failed, Question, Server, Set, Settings};
use crate::clock::{Stopwatch, poll};
use crate::connection::Connection;
use crate::ingest;
use crate::recall::K;
use crate::remote_index::{Effort, Encoding, RemoteIndex};
use crate::server::{self, Process, Program};
use crate::usage;
use annuli_api::v1::index::WireHnsw;
use annuli_api::v1::search::SearchReply;
use serde_json::json;
use std::sync::Arc;

pub(super) struct Annuli {
    program: Program,
    process: Option<Process>,
    index: RemoteIndex,
    shards: u32,
    /// An index of the same shape with as many documents as an answer holds: its searches compare nothing to speak of.
    small: Option<RemoteIndex>,
    version: String,
    encoding: Encoding,
}

struct HttpClient {
    connection: Connection,
    /// By the number of the query.
    requests: Arc<Vec<Vec<u8>>>,
}

impl Annuli {
    pub(super) fn start(settings: &Settings, set: &Set<'_>, encoding: Encoding) -> Result<Self, Failed> {
        let version = server::version_of(&settings.program)?;
        let program = Program::new(&settings.program, settings.shards)?;
        let process = program.start()?;
        let hnsw = WireHnsw { m: Some(set.m), ef_construction: Some(set.ef_construction) };
        let shards = settings.shards;
        let index = RemoteIndex::create(&process.address, set.dataset, shards, Some(hnsw))?;
        Ok(Self { program, process: Some(process), index, shards, small: None, version, encoding })
    }

    fn request(&self, index: &RemoteIndex, set: &Set<'_>, query: usize, question: Question) -> Vec<u8> {
        let filter = question.parts_below.map(|below| json!({"part": {"$lt": below}}));
        let index = index.clone().encoded(self.encoding);
        index.search(set.dataset, &[query], Effort::Ef(question.ef), filter.as_ref())
    }

    fn connect(
        &self,
        index: &RemoteIndex,
        set: &Set<'_>,
        question: Question,
        count: usize,
    ) -> Result<Vec<Box<dyn Client>>, Failed> {
        let mut requests = vec![Vec::new(); set.dataset.queries.nrows()];
        for &query in &set.queries {
            requests[query] = self.request(index, set, query, question);
        }
        let requests = Arc::new(requests);
        let client =
            |connection| Box::new(HttpClient { connection, requests: Arc::clone(&requests) }) as Box<dyn Client>;
        Ok(index.connect(count)?.into_iter().map(client).collect())
    }
}

impl Server for Annuli {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn ingest(&mut self, set: &Set<'_>) -> Result<Ingest, Failed> {
        let ingest = ingest::measure(&self.index, set.dataset, None)?;
        Ok(Ingest {
            seconds_until_acknowledged: ingest.seconds_until_acknowledged,
            seconds_until_searchable: ingest.seconds_until_built,
            rows_per_second: set.dataset.ids.len() as f64 / ingest.seconds_until_built,
        })
    }

    fn clients(&mut self, set: &Set<'_>, question: Question, count: usize) -> Result<Vec<Box<dyn Client>>, Failed> {
        self.connect(&self.index, set, question, count)
    }

    fn clients_without_search(&mut self, set: &Set<'_>, count: usize) -> Result<Vec<Box<dyn Client>>, Failed> {
        let small = match self.small.take() {
            Some(small) => small,
            None => {
                let small = self.index.create_small(set.dataset, self.shards)?;
                // The last rows: their ids are as long as most.
                let rows = set.dataset.ids.len();
                small.fill(set.dataset, rows.saturating_sub(K)..rows)?;
                small
            }
        };
        let clients = self.connect(&small, set, Question { ef: K, parts_below: None }, count);
        self.small = Some(small);
        clients
    }

    fn memory_bytes(&self) -> Option<u64> {
        usage::proportional_bytes(self.process.as_ref()?.pid())
    }

    fn restart(&mut self, set: &Set<'_>) -> Result<f64, Failed> {
        if let Some(process) = self.process.take() {
            process.stop()?;
        }
        let watch = Stopwatch::start();
        let process = self.program.start()?;
        self.index = self.index.moved_to(&process.address);
        self.process = Some(process);
        let request = self.request(&self.index, set, set.queries[0], Question { ef: K, parts_below: None });
        let mut connection = self.index.connect(1)?.remove(0);
        poll(FIRST_ANSWER, || {
            let reply: SearchReply = match connection.send(&request)? {
                reply if reply.status == 200 => reply.read()?,
                _ => return Ok(None),
            };
            Ok::<_, Failed>(reply.results.first().is_some_and(|result| !result.hits.is_empty()).then_some(()))
        })?
        .ok_or_else(|| Failed::Unusable("no answer after a restart".to_owned()))?;
        Ok(watch.seconds())
    }
}

impl Client for HttpClient {
    fn ask(&mut self, query: usize) -> Result<Vec<usize>, Failed> {
        let reply: SearchReply = self.connection.send(&self.requests[query])?.read()?;
        let hits = reply.results.into_iter().flat_map(|result| result.hits);
        Ok(hits.filter_map(|hit| hit.id.parse().ok()).collect())
    }
}
