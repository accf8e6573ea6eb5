//! Libraries of our own language, each served by a process of this program as the Python ones are by theirs.

pub(crate) mod annuli;
mod hnsw_rs;

use crate::clock::{self, Stopwatch};
use crate::dataset::npy::{self, UnreadableNpy};
use crate::dataset::row;
use crate::files::{self, FileFailed};
use crate::library::protocol::{Hello, Reply, Request};
use annuli_api::v1::filter::UnreadableFilter;
use annuli_core::Quantization;
use annuli_core::metric::UnknownMetric;
use annuli_core::vector::InvalidVector;
use annuli_core::{Metric, Vector};
use clap::ValueEnum;
use std::io::{self, BufRead, Write};

/// Which library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Our own, walking over codes.
    Annuli,
    /// Our own in single precision throughout.
    AnnuliFull,
    /// The crate.
    HnswRs,
}

impl Engine {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Annuli => "annuli",
            Self::AnnuliFull => "annuli-full",
            Self::HnswRs => "hnsw-rs",
        }
    }

    const fn version(self) -> &'static str {
        match self {
            Self::Annuli | Self::AnnuliFull => concat!("annuli-core ", env!("CARGO_PKG_VERSION")),
            Self::HnswRs => hnsw_rs::VERSION,
        }
    }
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error(transparent)]
    Npy(#[from] UnreadableNpy),
    #[error(transparent)]
    Vector(#[from] InvalidVector),
    #[error(transparent)]
    Metric(#[from] UnknownMetric),
    #[error(transparent)]
    NoIndex(#[from] annuli::NoIndex),
    #[error(transparent)]
    Filter(#[from] UnreadableFilter),
    #[error("nothing is built yet")]
    NothingBuilt,
    #[error("queries {first} to {end} of {count}")]
    NoSuchQueries { first: usize, end: usize, count: usize },
    #[error("this library does not filter")]
    NoFilter,
}

/// Why the worker ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerEnded {
    #[error("standard input or output: {0}")]
    Talk(#[from] io::Error),
    #[error("a request that is none: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Serves `engine` until standard input ends.
pub(crate) fn serve(engine: Engine) -> Result<(), WorkerEnded> {
    let mut replies = io::stdout().lock();
    tell(&mut replies, &Hello { version: engine.version().to_owned() })?;
    let mut worker = Worker { engine, queries: Vec::new(), index: None, ef: 0 };
    for line in io::stdin().lock().lines() {
        let request = serde_json::from_str(&line?)?;
        let reply = worker.carry_out(request);
        tell(
            &mut replies,
            &reply.unwrap_or_else(|error| Reply { error: Some(error.to_string()), ..Reply::default() }),
        )?;
    }
    Ok(())
}

fn tell(replies: &mut impl Write, reply: &impl serde::Serialize) -> Result<(), WorkerEnded> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    replies.write_all(&line)?;
    Ok(replies.flush()?)
}

/// An index that was built.
enum Index {
    Annuli(Box<annuli::Index>),
    HnswRs(hnsw_rs::Index),
}

struct Worker {
    engine: Engine,
    queries: Vec<Vector>,
    index: Option<Index>,
    ef: usize,
}

impl Worker {
    fn carry_out(&mut self, request: Request) -> Result<Reply, Refused> {
        match request {
            Request::Load { queries } => {
                let queries = npy::floats(&files::read(&queries)?)?;
                let queries = (0..queries.nrows()).map(|number| Vector::new(row(&queries, number).to_vec()));
                self.queries = queries.collect::<Result<_, _>>()?;
                Ok(Reply::default())
            }
            Request::Build { base, parts, metric, m, ef_construction, threads } => {
                let base = npy::floats(&files::read(&base)?)?;
                let parts = parts.map(|parts| Ok::<_, Refused>(npy::integers(&files::read(&parts)?)?)).transpose()?;
                let metric = Metric::from_name(&metric)?;
                let annuli = |quantization| {
                    let options = annuli::Options { metric, quantization, m, ef_construction, threads };
                    Ok::<_, Refused>(Index::Annuli(Box::new(annuli::Index::build(&base, parts.as_ref(), options)?)))
                };
                let (index, reply) = timed(|| match self.engine {
                    Engine::Annuli => annuli(Quantization::Int8),
                    Engine::AnnuliFull => annuli(Quantization::None),
                    Engine::HnswRs => Ok(Index::HnswRs(hnsw_rs::Index::build(&base, m, ef_construction, threads))),
                });
                self.index = Some(index?);
                Ok(reply)
            }
            Request::Configure { ef, threads, parts_below } => {
                self.ef = ef;
                match self.index.as_mut().ok_or(Refused::NothingBuilt)? {
                    Index::Annuli(index) => index.configure(threads, parts_below)?,
                    Index::HnswRs(_) if parts_below.is_some() => return Err(Refused::NoFilter),
                    Index::HnswRs(index) => index.set_threads(threads),
                }
                Ok(Reply::default())
            }
            Request::Search { first, count, k, answers } => {
                let (found, reply) = self.search(first, count, k)?;
                Ok(Reply { answers: answers.then_some(found), ..reply })
            }
        }
    }

    fn search(&mut self, first: usize, count: usize, k: usize) -> Result<(Vec<Vec<usize>>, Reply), Refused> {
        let index = self.index.as_mut().ok_or(Refused::NothingBuilt)?;
        let (end, of) = (first.saturating_add(count), self.queries.len());
        let queries = self.queries.get(first..end).ok_or(Refused::NoSuchQueries { first, end, count: of })?;
        Ok(timed(|| match index {
            Index::Annuli(index) => index.search(queries, k, self.ef),
            Index::HnswRs(index) => index.search(queries, k, self.ef),
        }))
    }
}

/// What `call` returns, and how long it took.
fn timed<T>(call: impl FnOnce() -> T) -> (T, Reply) {
    let (watch, before) = (Stopwatch::start(), clock::own_cpu_seconds());
    let result = call();
    let (seconds, cpu_seconds) = (watch.seconds(), clock::own_cpu_seconds() - before);
    (result, Reply { seconds, cpu_seconds, ..Reply::default() })
}
