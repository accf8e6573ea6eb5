//! A peer that has built its index and waits for searches.

use super::Settings;
use super::inputs::Inputs;
use super::peer::{NoPeer, Peer};
use super::process::{Process, WorkerFailed};
use super::protocol::Request;
use super::results::{Build, Memory, PeerResults, Skipped};
use crate::usage;

pub(super) struct Contender {
    pub peer: Peer,
    pub process: Process,
    /// Whether it dropped out.
    pub failed: bool,
    build: Build,
    rows: usize,
    /// Of its process with the library loaded and the queries read, before there was an index.
    bytes_before: Option<u64>,
}

/// Why a peer does not take part.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoContender {
    #[error(transparent)]
    Peer(#[from] NoPeer),
    #[error(transparent)]
    Worker(#[from] WorkerFailed),
}

impl Contender {
    pub(super) fn new(peer: Peer, settings: &Settings, inputs: &Inputs) -> Result<Self, NoContender> {
        let mut process = Process::start(&mut peer.command()?)?;
        process.ask(&Request::Load { queries: inputs.queries.clone() })?;
        let bytes_before = usage::proportional_bytes(process.pid());
        let threads = settings.build_threads.get();
        let reply = process.ask(&Request::Build {
            base: inputs.base.clone(),
            parts: (!settings.shares.is_empty() && peer.filters()).then(|| inputs.parts_file.clone()),
            metric: inputs.metric.name().to_owned(),
            m: settings.m,
            ef_construction: settings.ef_construction,
            threads,
        })?;
        let build = Build { threads, seconds: reply.seconds, cpu_seconds: reply.cpu_seconds };
        Ok(Self { peer, process, failed: false, build, rows: inputs.parts.len(), bytes_before })
    }

    /// What is known before any search.
    pub(super) fn results(&self) -> PeerResults {
        PeerResults {
            name: self.peer.as_str(),
            version: self.process.version.clone(),
            build: self.build,
            memory: None,
            search: Vec::new(),
            filtered: Vec::new(),
        }
    }

    /// What the index has added to its process, with all that searches have touched so far.
    pub(super) fn memory(&self) -> Option<Memory> {
        if self.failed {
            return None;
        }
        let bytes = usage::proportional_bytes(self.process.pid())?.checked_sub(self.bytes_before?)?;
        Some(Memory { bytes, bytes_per_vector: bytes as f64 / self.rows as f64 })
    }

    /// Takes no further part; what it did so far counts.
    pub(super) fn drop_out(&mut self, error: &WorkerFailed) -> Skipped {
        self.failed = true;
        Skipped { peer: self.peer.as_str(), reason: error.to_string() }
    }
}
