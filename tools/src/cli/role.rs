//! `annuli router` and `annuli indexer`: the parts of `annuli serve` as processes of their own.

use crate::config::Flags;
use crate::told::UntilStdinCloses;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Where a process finds the others of its cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Folder of the coordination store; every process of the cluster on this machine names the same
    #[arg(long, value_name = "DIR", env = "ANNULI_COORDINATION")]
    pub coordination: PathBuf,

    /// File with the secret that the processes of the cluster know each other by; without it they only talk to their
    /// own machine
    #[arg(long, value_name = "FILE", env = "ANNULI_CLUSTER_SECRET_FILE")]
    pub cluster_secret_file: Option<PathBuf>,

    /// Ends with the process that started it, by the end of its stdin.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

impl ClusterArgs {
    /// What the end of stdin means.
    pub(crate) fn stdin(&self) -> UntilStdinCloses {
        if self.until_stdin_closes { UntilStdinCloses::Yes } else { UntilStdinCloses::No }
    }
}

/// `annuli router`
#[derive(Debug, Clone, Args)]
pub struct RouterArgs {
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Its settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// `annuli indexer`
#[derive(Debug, Clone, Args)]
pub struct IndexerArgs {
    /// Shard that this process holds, of every index: 0 to N-1, where N is --shards
    #[arg(long, value_name = "K", env = "ANNULI_SHARD")]
    pub shard: u32,

    /// What this process does for its shard
    #[arg(long, value_enum, default_value = "primary")]
    pub role: NodeRole,

    /// Address at which routers reach this process, if it is not the one that it listens on
    #[arg(long, value_name = "HOST:PORT", env = "ANNULI_ADVERTISE")]
    pub advertise: Option<String>,

    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Its settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// What a process does for its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NodeRole {
    /// It writes
    Primary,
}

/// `annuli cluster`
#[derive(Debug, Clone, Subcommand)]
pub enum ClusterCommand {
    /// Run a whole cluster on this machine, each part a process of its own; those that end are started again
    Up(ClusterUp),
}

/// `annuli cluster up`
#[derive(Debug, Clone, Args)]
pub struct ClusterUp {
    /// Shards of every index; each has a process of its own
    #[arg(long, value_name = "N", default_value = "2")]
    pub shards: NonZeroU32,

    /// Routers
    #[arg(long, value_name = "N", default_value = "1")]
    pub routers: NonZeroU32,

    /// Folder for everything that the cluster keeps
    #[arg(long, value_name = "DIR", default_value = "./cluster")]
    pub workspace: PathBuf,

    /// Address and port of the first router; the others have the ports behind it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
    pub listen: SocketAddr,
}
