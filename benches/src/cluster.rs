//! Ours when it is operated: how fast it is dumped and restored, beside the system's own tools, and what more replicas
//! and more shards add, and what searches notice of rollouts and
//! of clients that are slow.

mod crowd;
mod dumps;
mod limits;
mod processes;
mod quota;
pub(crate) mod results;
mod rollouts;
mod scaling;
mod searchers;
mod slow_clients;
mod writes;

use crate::connection::ExchangeFailed;
use crate::dataset::Dataset;
use crate::files::FileFailed;
use crate::library::results::Skipped;
use crate::progress::Progress;
use crate::remote_index::{IndexFailed, RemoteIndex, TaskFailed};
use crate::server::ServerFailed;
use crate::tool::ToolFailed;
use crate::{ingest, server};
use annuli_api::v1::index::WireHnsw;
use quota::NoQuota;
use results::ClusterResults;
use serde::Serialize;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// How ours is measured while it is operated.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    pub program: PathBuf,
    /// Of the index that is dumped.
    pub shards: u32,
    /// Numbers of replicas and of shards that are compared, the smallest first.
    pub steps: Vec<u32>,
    /// Dumps that are rolled out in a row, at least.
    pub rollouts: NonZeroUsize,
    /// Searches that are answered meanwhile, at least.
    pub searches: u64,
    pub rounds: NonZeroUsize,
    pub seconds_per_round: f64,
    pub m: usize,
    pub ef_construction: usize,
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
    Task(#[from] TaskFailed),
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error(transparent)]
    Quota(#[from] NoQuota),
    #[error("slow clients: {0}")]
    Crowd(#[from] io::Error),
}

/// Measures dumps.
pub(crate) fn dumps(settings: &Settings, dataset: &Dataset, results: &mut ClusterResults, progress: &Progress) {
    let measured = settings.check().and_then(|()| dumps::measure(settings, dataset, progress));
    results.dumps = results.keep("annuli's dumps", measured);
}

/// Measures more and more replicas and shards.
pub(crate) fn scaling(settings: &Settings, dataset: &Dataset, results: &mut ClusterResults, progress: &Progress) {
    let measured = settings.check().and_then(|()| scaling::measure(settings, dataset, progress));
    results.scaling = results.keep("annuli's scaling", measured);
}

/// Measures rollouts.
pub(crate) fn rollouts(settings: &Settings, dataset: &Dataset, results: &mut ClusterResults, progress: &Progress) {
    let measured = settings.check().and_then(|()| rollouts::measure(settings, dataset, progress));
    results.rollouts = results.keep("annuli's rollouts", measured);
}

/// Measures slow clients.
pub(crate) fn slow_clients(settings: &Settings, dataset: &Dataset, results: &mut ClusterResults, progress: &Progress) {
    let measured = settings.check().and_then(|()| slow_clients::measure(settings, dataset, progress));
    results.slow_clients = results.keep("annuli beside slow clients", measured);
}

impl Settings {
    /// Says so at once if there is no program.
    fn check(&self) -> Result<(), Failed> {
        server::version_of(&self.program)?;
        Ok(())
    }

    /// An index with all of `dataset`, at whoever takes requests at `address`.
    fn fill(&self, address: &str, dataset: &Dataset, shards: u32) -> Result<RemoteIndex, Failed> {
        let hnsw = WireHnsw { m: Some(self.m), ef_construction: Some(self.ef_construction) };
        let index = RemoteIndex::create(address, dataset, shards, Some(hnsw))?;
        ingest::measure(&index, dataset, None)?;
        Ok(index)
    }
}

impl ClusterResults {
    /// What came of it; else notes why nothing did.
    fn keep<T>(&mut self, what: &'static str, measured: Result<T, Failed>) -> Option<T> {
        let note = |error: Failed| self.skipped.push(Skipped { peer: what, reason: error.to_string() });
        measured.map_err(note).ok()
    }
}
