//! Ours alone, beside what it could reach at most: memory read from its start to its end, our engine without a server.

mod batches;
mod exact;
mod restarts;
pub(crate) mod results;

use crate::compare::part::Part;
use crate::connection::ExchangeFailed;
use crate::dataset::{Dataset, Neighbours};
use crate::files::FileFailed;
use crate::ingest;
use crate::library::peer::NoPeer;
use crate::library::process::WorkerFailed;
use crate::library::results::Skipped;
use crate::progress::Progress;
use crate::recall::Judge;
use crate::remote_index::{IndexFailed, RemoteIndex};
use crate::server::{Program, ServerFailed};
use crate::worker::annuli::NoIndex;
use annuli_api::v1::index::WireHnsw;
use results::OwnResults;
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How ours is measured alone.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    pub program: PathBuf,
    /// Over which batches are sent.
    pub connections: NonZeroUsize,
    pub build_threads: NonZeroUsize,
    pub rounds: NonZeroUsize,
    pub seconds_per_round: f64,
    pub queries_max: usize,
    pub m: usize,
    pub ef_construction: usize,
    /// At which batches are compared.
    pub recall: f64,
}

/// Why something was not measured.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Server(#[from] ServerFailed),
    #[error(transparent)]
    Index(#[from] IndexFailed),
    #[error(transparent)]
    Exchange(#[from] ExchangeFailed),
    #[error(transparent)]
    Peer(#[from] NoPeer),
    #[error(transparent)]
    Worker(#[from] WorkerFailed),
    #[error(transparent)]
    Segment(#[from] NoIndex),
    #[error(transparent)]
    Vector(#[from] annuli_core::vector::InvalidVector),
    #[error(transparent)]
    File(#[from] FileFailed),
}

/// As few as possible: one graph, as the engine has one, and one store to open.
const SHARDS: u32 = 1;

/// Measures exact search.
pub(crate) fn exact(dataset: &Dataset, neighbours: &Neighbours, results: &mut OwnResults, progress: &Progress) {
    progress.tell("building a segment, then reading it");
    match exact::measure(dataset, &Judge::new(dataset, neighbours)) {
        Ok(exact) => results.exact = Some(exact),
        Err(error) => results.skipped.push(Skipped { peer: "annuli's exact search", reason: error.to_string() }),
    }
}

/// Fills our own server and measures those of the parts that need it.
pub(crate) fn service(
    settings: &Settings,
    parts: &[Part],
    dataset: &Dataset,
    neighbours: &Neighbours,
    results: &mut OwnResults,
    progress: &Progress,
) {
    if let Err(error) = try_service(settings, parts, dataset, neighbours, results, progress) {
        results.skipped.push(Skipped { peer: "annuli's server alone", reason: error.to_string() });
    }
}

fn try_service(
    settings: &Settings,
    parts: &[Part],
    dataset: &Dataset,
    neighbours: &Neighbours,
    results: &mut OwnResults,
    progress: &Progress,
) -> Result<(), Failed> {
    progress.tell("starting and filling our own server");
    let program = Program::new(&settings.program, SHARDS)?;
    let process = program.start()?;
    let hnsw = WireHnsw { m: Some(settings.m), ef_construction: Some(settings.ef_construction) };
    let index = RemoteIndex::create(&process.address, dataset, SHARDS, Some(hnsw))?;
    ingest::measure(&index, dataset, None)?;
    if parts.contains(&Part::Batches) {
        let judge = Judge::new(dataset, neighbours);
        results.batches = Some(batches::measure(settings, &index, dataset, &judge, progress)?);
    }
    if parts.contains(&Part::Restart) {
        progress.tell("restarting our own server");
        results.restart = Some(restarts::measure(&program, process, index, dataset, settings.rounds)?);
    }
    Ok(())
}
