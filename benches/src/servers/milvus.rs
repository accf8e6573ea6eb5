//! Milvus's server, or that of Milvus-Lite, asked over gRPC by their Python client: a process for each connection, so
//! that none waits for another's interpreter.

use super::daemon::Daemon;
use super::results::Ingest;
use super::{Client, Failed, Question, Server, Set};
use crate::library::environment::{Environment, scripts};
use crate::library::inputs::Inputs;
use crate::library::process::Process;
use crate::library::protocol::Request;
use crate::recall::K;
use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edition {
    /// The whole server, in many processes.
    Standalone,
    /// One process of Python that speaks the same protocol.
    Lite,
}

pub(super) struct Milvus {
    edition: Edition,
    address: String,
    daemon: Option<Daemon>,
    inputs: Inputs,
    /// Where each query stands in the file of queries.
    places: Arc<HashMap<usize, usize>>,
    version: String,
    folder: TempDir,
}

struct MilvusClient {
    process: Process,
    places: Arc<HashMap<usize, usize>>,
}

impl Edition {
    const fn environment(self) -> Environment {
        match self {
            Self::Standalone => Environment::Milvus,
            Self::Lite => Environment::MilvusLite,
        }
    }

    fn command(self, data: &Path, port: &str) -> Result<Command, Failed> {
        let python = self.environment().python()?;
        Ok(match self {
            Self::Standalone => {
                let mut command = Command::new(python.with_file_name("milvus-server"));
                command.arg("--data").arg(data).args(["--proxy-port", port]);
                command
            }
            Self::Lite => {
                let mut command = Command::new(python.with_file_name("milvus-lite"));
                command.args(["server", "--host", "127.0.0.1", "--port", port, "--data-dir"]).arg(data);
                command
            }
        })
    }
}

impl Milvus {
    pub(super) fn start(edition: Edition, set: &Set<'_>) -> Result<Self, Failed> {
        let folder = tempfile::Builder::new().prefix("annuli-milvus-").tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let inputs = Inputs::write(set.dataset, set.queries.len())?;
        let places = Arc::new(inputs.order.iter().copied().zip(0..).collect());
        let mut server = Self { edition, address, daemon: None, inputs, places, version: String::new(), folder };
        server.launch()?;
        Ok(server)
    }

    fn launch(&mut self) -> Result<(), Failed> {
        let port = self.address.rsplit(':').next().unwrap_or_default();
        let mut command = self.edition.command(&self.folder.path().join("data"), port)?;
        let is_ready = || TcpStream::connect(&self.address).is_ok();
        self.daemon = Some(Daemon::start(&mut command, &self.folder.path().join("log"), is_ready)?);
        Ok(())
    }

    fn client(&self) -> Result<Process, Failed> {
        let mut command = Command::new(self.edition.environment().python()?);
        command.arg(scripts().join("worker.py")).arg(scripts().join("server/milvus.py")).arg(&self.address);
        let mut process = Process::start(&mut command)?;
        process.ask(&Request::Load { queries: self.inputs.queries.clone() })?;
        Ok(process)
    }
}

impl Server for Milvus {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn ingest(&mut self, set: &Set<'_>) -> Result<Ingest, Failed> {
        let mut process = self.client()?;
        self.version.clone_from(&process.version);
        let reply = process.ask(&Request::Build {
            base: self.inputs.base.clone(),
            parts: Some(self.inputs.parts_file.clone()),
            metric: self.inputs.metric.name().to_owned(),
            m: set.m,
            ef_construction: set.ef_construction,
            threads: 1,
        })?;
        // Rows count as acknowledged with the whole: its client stores, flushes, indexes and loads in one call here.
        Ok(Ingest {
            seconds_until_acknowledged: reply.seconds,
            seconds_until_searchable: reply.seconds,
            rows_per_second: set.dataset.base.nrows() as f64 / reply.seconds,
        })
    }

    fn clients(&mut self, _set: &Set<'_>, question: Question, count: usize) -> Result<Vec<Box<dyn Client>>, Failed> {
        let client = || -> Result<Box<dyn Client>, Failed> {
            let mut process = self.client()?;
            let Question { ef, parts_below } = question;
            process.ask(&Request::Configure { ef, threads: 1, parts_below })?;
            Ok(Box::new(MilvusClient { process, places: Arc::clone(&self.places) }))
        };
        (0..count).map(|_| client()).collect()
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.daemon.as_ref()?.memory_bytes()
    }

    fn restart(&mut self, _set: &Set<'_>) -> Result<f64, Failed> {
        let why = match self.edition {
            Edition::Standalone => "it does not end when it is asked to",
            Edition::Lite => "its client takes longer to start than the server",
        };
        Err(Failed::Unusable(format!("its restart is not measured: {why}")))
    }
}

impl Client for MilvusClient {
    fn ask(&mut self, query: usize) -> Result<Vec<usize>, Failed> {
        let unknown = || Failed::Unusable(format!("query {query} is none of those chosen"));
        let first = *self.places.get(&query).ok_or_else(unknown)?;
        let reply = self.process.ask(&Request::Search { first, count: 1, k: K, answers: true })?;
        Ok(reply.answers.into_iter().flatten().flatten().collect())
    }
}
