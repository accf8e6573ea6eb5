//! `annuli router` and `annuli indexer`: the parts of `annuli serve` as processes of their own.

use super::shards;
use crate::config::Flags;
use crate::told::UntilStdinCloses;
use annuli_core::ShardCount;
use clap::{Args, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a process finds the others of its cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Coordination store that every process of the cluster names: a folder, if all run on this machine, or an etcd as
    /// etcd://HOST:PORT[,HOST:PORT…]
    #[arg(long, value_name = "PLACE", env = "ANNULI_COORDINATION")]
    pub coordination: CoordinationPlace,

    /// File with the secret that the processes of the cluster know each other by; without it they only talk to their
    /// own machine
    #[arg(long, value_name = "FILE", env = "ANNULI_CLUSTER_SECRET_FILE")]
    pub cluster_secret_file: Option<PathBuf>,

    /// Ends with the process that started it, by the end of its stdin.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// Where the coordination store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoordinationPlace {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In an etcd with these members, each `http://host:port`.
    Etcd(Vec<String>),
}

/// A text that is no place of a coordination store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it has the form etcd://HOST:PORT[,HOST:PORT…]")]
pub struct InvalidEtcd;

impl FromStr for CoordinationPlace {
    type Err = InvalidEtcd;

    fn from_str(text: &str) -> Result<Self, InvalidEtcd> {
        let Some(members) = text.strip_prefix("etcd://") else { return Ok(Self::Folder(text.into())) };
        let member = |member: &str| {
            let (host, port) = member.rsplit_once(':').ok_or(InvalidEtcd)?;
            let sound = !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0);
            if sound { Ok(format!("http://{member}")) } else { Err(InvalidEtcd) }
        };
        members.split(',').map(member).collect::<Result<_, _>>().map(Self::Etcd)
    }
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

    /// Serve the shard from this folder although another served it last: what was written there since is given up
    #[arg(long)]
    pub take_over: bool,

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

/// Most routers of a cluster on one machine: one already uses every core, and each more is there to be killed.
const ROUTERS_MAX: i64 = 16;

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
    #[arg(long, value_name = "N", default_value = "2", value_parser = shards())]
    pub shards: ShardCount,

    /// Routers
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=ROUTERS_MAX))]
    pub routers: u32,

    /// Folder for everything that the cluster keeps
    #[arg(long, value_name = "DIR", default_value = "./cluster")]
    pub workspace: PathBuf,

    /// Address and port of the first router; the others have the ports behind it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
    pub listen: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &Result<CoordinationPlace, InvalidEtcd>) {
        assert_eq!(&text.parse(), want, "{text}");
    }

    #[test]
    fn a_coordination_store_is_a_folder_or_an_etcd() {
        let etcd = |members: &[&str]| Ok(CoordinationPlace::Etcd(members.iter().map(ToString::to_string).collect()));
        check("./cluster/coordination", &Ok(CoordinationPlace::Folder("./cluster/coordination".into())));
        check("etcd://a:2379", &etcd(&["http://a:2379"]));
        check("etcd://10.0.0.1:2379,10.0.0.2:2379", &etcd(&["http://10.0.0.1:2379", "http://10.0.0.2:2379"]));
        for text in ["etcd://", "etcd://a", "etcd://a:0", "etcd://a:2379,", "etcd://a:2379/root"] {
            check(text, &Err(InvalidEtcd));
        }
    }
}
