//! Servers side by side: documents go in over the wire, and each search is a request of its own.

mod annuli;
mod chroma;
mod daemon;
mod load;
mod milvus;
mod pgvector;
mod postgres;
pub(crate) mod results;

use crate::clock::Patience;
use crate::connection::ExchangeFailed;
use crate::dataset::cache::Cache;
use crate::dataset::split::{part, shuffled};
use crate::dataset::{Dataset, Neighbours};
use crate::files::FileFailed;
use crate::library::environment::NoEnvironment;
use crate::library::process::WorkerFailed;
use crate::progress::Progress;
use crate::recall::Judge;
use crate::remote_index::{Encoding, IndexFailed};
use crate::server::ServerFailed;
use crate::truth;
use annuli_api::v1::metadata::WireMetadata;
use annuli_core::{Number, Value};
use clap::ValueEnum;
use daemon::DaemonFailed;
use load::Race;
use milvus::Edition;
use postgres::PostgresFailed;
use results::{Ingest, ServerFiltered, ServersResults};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// A server that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Peer {
    /// Ours, with vectors as lists of numbers.
    AnnuliJson,
    /// Ours, with vectors in base64.
    AnnuliBase64,
    Chroma,
    Pgvector,
    Milvus,
    MilvusLite,
}

/// How servers are compared.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    pub peers: Vec<Peer>,
    pub program: PathBuf,
    pub shards: u32,
    pub connections: Vec<NonZeroUsize>,
    pub rounds: NonZeroUsize,
    pub seconds_per_round: f64,
    pub queries_max: usize,
    pub m: usize,
    pub ef_construction: usize,
    /// Recall at which speeds are compared: that of the narrowest beam which reaches it.
    pub recall: f64,
    /// Searches to measure: among all rows, or among those whose part is less.
    pub among: Vec<Option<u8>>,
}

/// Why a server is not compared, or not to the end.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Environment(#[from] NoEnvironment),
    #[error(transparent)]
    Daemon(#[from] DaemonFailed),
    #[error(transparent)]
    Server(#[from] ServerFailed),
    #[error(transparent)]
    Index(#[from] IndexFailed),
    #[error(transparent)]
    Exchange(#[from] ExchangeFailed),
    #[error(transparent)]
    Postgres(#[from] PostgresFailed),
    #[error(transparent)]
    Worker(#[from] WorkerFailed),
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Unusable(String),
}

/// What is asked: how wide to search, among which rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    ef: usize,
    /// Only rows whose part is less.
    parts_below: Option<u8>,
}

/// A server that runs.
trait Server {
    /// What it says of itself, or the version that is pinned.
    fn version(&self) -> String;

    /// Stores everything and waits until it is searchable.
    fn ingest(&mut self, set: &Set<'_>) -> Result<Ingest, Failed>;

    /// As many connections, ready to ask this question with any query of the set.
    fn clients(&mut self, set: &Set<'_>, question: Question, count: usize) -> Result<Vec<Box<dyn Client>>, Failed>;

    /// The same of an index with no more documents than an answer holds: what a request costs besides its search. None
    /// where nobody asks for that.
    fn clients_without_search(&mut self, _set: &Set<'_>, _count: usize) -> Result<Vec<Box<dyn Client>>, Failed> {
        Ok(Vec::new())
    }

    /// Memory of its processes (Pss).
    fn memory_bytes(&self) -> Option<u64>;

    /// Stops it, starts it, and returns once it has answered the first search; seconds from the start on.
    fn restart(&mut self, set: &Set<'_>) -> Result<f64, Failed>;
}

/// One connection.
trait Client: Send {
    /// Asks for the nearest rows to a query and waits.
    fn ask(&mut self, query: usize) -> Result<Vec<usize>, Failed>;
}

/// What every server is given.
struct Set<'a> {
    dataset: &'a Dataset,
    /// The queries that are asked, by their numbers; a fair sample.
    queries: Vec<usize>,
    m: usize,
    ef_construction: usize,
}

/// Compares; who cannot take part is named with the reason.
pub(crate) fn compare(
    settings: &Settings,
    dataset: &Dataset,
    neighbours: &Neighbours,
    cache: &Cache,
    progress: &Progress,
) -> Result<ServersResults, FileFailed> {
    if settings.peers.is_empty() {
        return Ok(ServersResults::default());
    }
    let labelled = with_parts(dataset);
    let mut queries = shuffled(dataset.queries.nrows());
    queries.truncate(settings.queries_max);
    let set = Set { dataset: &labelled, queries, m: settings.m, ef_construction: settings.ef_construction };
    let mut race = Race::new(settings, &set, progress);
    for &peer in &settings.peers {
        race.enter(peer.as_str(), || peer.start(settings, &set));
    }
    for &parts_below in &settings.among {
        match parts_below {
            None => {
                let judge = Judge::new(&labelled, neighbours);
                race.search(None, &judge, |results, load| results.search = Some(load));
                race.note_memory();
            }
            Some(share) => {
                let eligible: Vec<bool> = (0..dataset.base.nrows()).map(|row| part(row) < share).collect();
                let nearest = truth::among(dataset, &eligible, share, cache)?;
                let judge = Judge::among(&labelled, &nearest, eligible);
                race.search(Some(share), &judge, |results, load| {
                    results.filtered.push(ServerFiltered { percent: share, load });
                });
            }
        }
    }
    if settings.among.contains(&None) {
        race.restart();
    }
    Ok(race.results())
}

/// The same documents, each with its part for metadata: what filters ask for.
fn with_parts(dataset: &Dataset) -> Dataset {
    let metadata = |row| WireMetadata([("part".into(), Value::Number(Number::Integer(part(row).into())))].into());
    Dataset {
        name: dataset.name,
        metric: dataset.metric,
        ids: (0..dataset.base.nrows()).map(|row| row.to_string()).collect(),
        metadata: (0..dataset.base.nrows()).map(metadata).collect(),
        base: dataset.base.clone(),
        queries: dataset.queries.clone(),
        shipped_neighbours: None,
        filtered: Vec::new(),
    }
}

impl Peer {
    /// As on the command line and in reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AnnuliJson => "annuli-json",
            Self::AnnuliBase64 => "annuli-base64",
            Self::Chroma => "chroma",
            Self::Pgvector => "pgvector",
            Self::Milvus => "milvus",
            Self::MilvusLite => "milvus-lite",
        }
    }

    fn start(self, settings: &Settings, set: &Set<'_>) -> Result<Box<dyn Server>, Failed> {
        Ok(match self {
            Self::AnnuliJson => Box::new(annuli::Annuli::start(settings, set, Encoding::Numbers)?),
            Self::AnnuliBase64 => Box::new(annuli::Annuli::start(settings, set, Encoding::Base64)?),
            Self::Chroma => Box::new(chroma::Chroma::start()?),
            Self::Pgvector => Box::new(pgvector::Pgvector::start()?),
            Self::Milvus => Box::new(milvus::Milvus::start(Edition::Standalone, set)?),
            Self::MilvusLite => Box::new(milvus::Milvus::start(Edition::Lite, set)?),
        })
    }
}

/// After a restart: until the first request with an answer.
const FIRST_ANSWER: Patience = Patience { every: Duration::from_millis(2), at_most: Duration::from_secs(300) };
