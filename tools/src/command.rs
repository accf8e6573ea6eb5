//! What each command does. One file a command; the server's own code is elsewhere.

pub mod bench;
pub mod cluster;
pub mod completions;
pub mod config;
mod confirm;
pub mod dump;
pub mod dump_offline;
pub mod events;
pub mod export;
pub mod import;
pub mod index;
pub mod man;
mod placed;
mod progress;
mod reshard;
pub mod rollout;
pub mod search;
pub mod serve;
pub mod task;

pub use confirm::NotConfirmed;

use crate::cli::{Cli, ClusterCommand, Command};
use crate::client::{ClientError, InvalidServer};
use crate::config::ConfigError;
use crate::exit::Exit;
use crate::indexer::IndexerError;
use crate::local_cluster::{self, ClusterError};
use crate::logging::{self, LoggingError};
use crate::serve::ServeError;
use crate::topology::TopologyError;
use bench::BenchError;
use cluster::ShowError;
use dump::DumpError;
use events::EventsError;
use export::ExportError;
use import::{ImportError, StopCause, TargetError};
use index::IndexError;
use man::ManError;
use rollout::RolloutError;
use search::SearchError;
use std::io;
use task::TaskError;

/// Why a command has failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The log cannot be opened.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file of a cluster with fixed hosts.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// `annuli serve`
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// `annuli router`, `annuli indexer`
    #[error(transparent)]
    Indexer(#[from] IndexerError),
    /// `annuli cluster up`
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// `annuli cluster show`, `annuli coordinator`
    #[error(transparent)]
    Show(#[from] ShowError),
    /// `annuli index`
    #[error(transparent)]
    Index(#[from] IndexError),
    /// `annuli import`
    #[error(transparent)]
    Import(#[from] ImportError),
    /// `annuli export`
    #[error(transparent)]
    Export(#[from] ExportError),
    /// `annuli search`
    #[error(transparent)]
    Search(#[from] SearchError),
    /// `annuli dump`
    #[error(transparent)]
    Dump(#[from] DumpError),
    /// `annuli rollout`
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// `annuli events`
    #[error(transparent)]
    Events(#[from] EventsError),
    /// `annuli task`
    #[error(transparent)]
    Task(#[from] TaskError),
    /// `annuli bench`
    #[error(transparent)]
    Bench(#[from] BenchError),
    /// `annuli man`
    #[error(transparent)]
    Man(#[from] ManError),
    /// The server cannot be talked to as was said.
    #[error(transparent)]
    Server(#[from] InvalidServer),
    /// An answer could not be printed.
    #[error("cannot write to stdout: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// The exit code that belongs to it.
    pub fn exit(&self) -> Exit {
        if matches!(self, Self::Config(_) | Self::Topology(_) | Self::Cluster(ClusterError::Settings(_))) {
            return Exit::Configuration;
        }
        match self.client_error() {
            Some(ClientError::Unreachable(_) | ClientError::NotBelieved(_) | ClientError::NoAnswer(_)) => {
                Exit::Unreachable
            }
            Some(ClientError::Refused(_) | ClientError::Unexpected(_)) | None => Exit::Failure,
        }
    }

    /// Returns whether whoever reads stdout has stopped to.
    pub fn is_closed_pipe(&self) -> bool {
        self.output_error().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::Index(IndexError::Client(error))
            | Self::Search(SearchError::Client(error))
            | Self::Dump(DumpError::Client(error))
            | Self::Show(ShowError::Client(error))
            | Self::Rollout(RolloutError::Client(error))
            | Self::Task(TaskError::Client(error))
            | Self::Events(EventsError::Client(error))
            | Self::Export(ExportError::Client(error))
            | Self::Import(ImportError::Target(TargetError::Client(error))) => Some(error),
            Self::Import(ImportError::Stopped(stopped)) => match &stopped.cause {
                StopCause::Request { error, .. } => Some(error),
                StopCause::Input(_) => None,
            },
            Self::Logging(_)
            | Self::Config(_)
            | Self::Topology(_)
            | Self::Serve(_)
            | Self::Indexer(_)
            | Self::Cluster(_)
            | Self::Index(_)
            | Self::Import(_)
            | Self::Export(_)
            | Self::Search(_)
            | Self::Dump(_)
            | Self::Show(_)
            | Self::Rollout(_)
            | Self::Task(_)
            | Self::Events(_)
            | Self::Bench(_)
            | Self::Man(_)
            | Self::Server(_)
            | Self::Output(_) => None,
        }
    }

    fn output_error(&self) -> Option<&io::Error> {
        match self {
            Self::Output(error)
            | Self::Index(IndexError::Output(error))
            | Self::Import(ImportError::Output(error))
            | Self::Export(ExportError::Output(error))
            | Self::Cluster(ClusterError::Output(error))
            | Self::Search(SearchError::Output(error))
            | Self::Show(ShowError::Output(error))
            | Self::Rollout(RolloutError::Output(error))
            | Self::Task(TaskError::Output(error))
            | Self::Events(EventsError::Output(error))
            | Self::Man(ManError::Output(error))
            | Self::Dump(DumpError::Output(error)) => Some(error),
            Self::Logging(_)
            | Self::Config(_)
            | Self::Topology(_)
            | Self::Serve(_)
            | Self::Indexer(_)
            | Self::Cluster(_)
            | Self::Index(_)
            | Self::Import(_)
            | Self::Export(_)
            | Self::Search(_)
            | Self::Dump(_)
            | Self::Show(_)
            | Self::Rollout(_)
            | Self::Task(_)
            | Self::Events(_)
            | Self::Man(ManError::Write { .. })
            | Self::Server(_)
            | Self::Bench(_) => None,
        }
    }
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<(), CommandError> {
    let Cli { command, global } = cli;
    // A server's log is opened by its configuration, which has more to say than the flags.
    if !matches!(command, Command::Serve(_) | Command::Router(_) | Command::Indexer(_)) {
        logging::open_for_client(global.log.as_deref(), global.log_format)?;
    }
    match command {
        Command::Serve(flags) => serve::run(&global.complete(flags))?,
        Command::Router(args) => serve::run_router(&args, &global)?,
        Command::Indexer(args) => serve::run_indexer(&args, &global)?,
        Command::Cluster(ClusterCommand::Up(args)) => local_cluster::up(&args)?,
        Command::Cluster(ClusterCommand::Reshard(args)) => reshard::run(&args, &global.server()?, global.output)?,
        Command::Cluster(ClusterCommand::Show) => cluster::show(&global.server()?, global.output)?,
        Command::Coordinator(command) => cluster::run_coordinator(command, &global.server()?, global.output)?,
        Command::Config(flags) => config::run(&global.complete(flags), global.output)?,
        Command::Index(command) => index::run(&command, &global.server()?, global.output)?,
        Command::Import(args) => import::run(&args, || global.server(), global.output)?,
        Command::Export(args) => export::run(&args, &global.server()?, global.output)?,
        Command::Search(args) => search::run(&args, &global.server()?, global.output)?,
        Command::Dump(command) => dump::run(&command, || global.server(), global.output)?,
        Command::Rollout(command) => rollout::run(&command, &global.server()?, global.output)?,
        Command::Events(args) => events::run(&args, &global.server()?, global.output)?,
        Command::Task(command) => task::run(&command, &global.server()?, global.output)?,
        Command::Bench(args) => return Err(bench::run(&args).into()),
        Command::Man { folder } => man::run(&folder)?,
        Command::Completions { shell } => completions::run(shell)?,
    }
    Ok(())
}
