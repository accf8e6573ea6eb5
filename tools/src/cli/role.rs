//! `annuli router` and `annuli indexer`: the parts of `annuli serve` as processes of their own.

use super::{file, shards};
use crate::config::Flags;
use crate::told::UntilStdinCloses;
use annuli_core::ShardCount;
use clap::{Args, Subcommand};
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where a process finds the others of its cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Coordination store that every process of the cluster names: a folder, if all run on this machine, or an etcd as
    /// etcd://HOST:PORT[,HOST:PORT…]
    #[arg(long, value_name = "PLACE", env = "ANNULI_COORDINATION", required_unless_present = "topology")]
    pub coordination: Option<CoordinationPlace>,

    /// File that says which processes the cluster has, on which hosts: in place of --coordination, and of --shard, --shards
    /// and --role
    #[arg(
        long, value_name = "FILE", env = "ANNULI_TOPOLOGY", conflicts_with = "coordination",
        value_parser = file("ANNULI_TOPOLOGY"),
    )]
    pub topology: Option<PathBuf>,

    /// Which of the addresses in that file this process has
    #[arg(long, value_name = "IP:PORT", env = "ANNULI_AT", requires = "topology")]
    pub at: Option<SocketAddr>,

    /// File with the secret that the processes of the cluster know each other by; without it they only talk to their
    /// own machine
    #[arg(
        long, value_name = "FILE", env = "ANNULI_CLUSTER_SECRET_FILE",
        value_parser = file("ANNULI_CLUSTER_SECRET_FILE"),
    )]
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
        let Some(members) = text.strip_prefix("etcd://") else {
            // Of another scheme a folder would be made, in which nobody else looks.
            let is_folder = !text.is_empty() && !text.contains("://");
            return if is_folder { Ok(Self::Folder(text.into())) } else { Err(InvalidEtcd) };
        };
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
    /// How it coordinates.
    #[command(flatten)]
    pub coordination: CoordinationArgs,
    /// Its settings.
    #[command(flatten)]
    pub flags: Flags,
}

/// How a router coordinates, when it is its turn. Of all routers one does; those without --dumps never do.
#[derive(Debug, Clone, Copy, Args)]
pub struct CoordinationArgs {
    /// Dump each index and roll it out that often, if it has changed: 30s, 5m, 1h; or never
    #[arg(long, value_name = "TIME", env = "ANNULI_DUMP_EVERY", default_value = "5m")]
    pub dump_every: Interval,

    /// Dump each index and roll it out after so many changes
    #[arg(long, value_name = "N", env = "ANNULI_DUMP_AFTER_CHANGES")]
    pub dump_after_changes: Option<NonZeroU64>,

    /// Roll out what is dumped by the schedule as `rollout start --drain` does
    #[arg(long, env = "ANNULI_DRAIN")]
    pub drain: bool,

    /// Dumps of each index that are kept, beside those that are served
    #[arg(long, value_name = "N", env = "ANNULI_DUMPS_KEPT", default_value = "3")]
    pub dumps_kept: usize,

    /// How long replicas keep what they served before a rollout: so long it can be rolled back at once
    #[arg(long, value_name = "TIME", env = "ANNULI_RETIRE_AFTER", default_value = "60s", value_parser = humantime::parse_duration)]
    pub retire_after: Duration,

    /// How long one router coordinates before another has its turn; or never
    #[arg(long, value_name = "TIME", env = "ANNULI_COORDINATOR_TERM", default_value = "10m")]
    pub coordinator_term: Interval,
}

/// A time, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(pub Option<Duration>);

/// A text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is a time as in 30s, 5m or 1h, from 1s on, or `never`")]
pub struct InvalidInterval;

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => humantime::format_duration(time).fmt(f),
            None => f.write_str("never"),
        }
    }
}

impl FromStr for Interval {
    type Err = InvalidInterval;

    fn from_str(text: &str) -> Result<Self, InvalidInterval> {
        if text == "never" {
            return Ok(Self(None));
        }
        let time = humantime::parse_duration(text).map_err(|_| InvalidInterval)?;
        if time >= Duration::from_secs(1) { Ok(Self(Some(time))) } else { Err(InvalidInterval) }
    }
}

/// `annuli indexer`
#[derive(Debug, Clone, Args)]
pub struct IndexerArgs {
    /// Shard that this process holds, of every index: 0 to N-1, where N is --shards
    #[arg(long, value_name = "K", env = "ANNULI_SHARD", required_unless_present = "topology")]
    pub shard: Option<u32>,

    /// What this process does for its shard
    #[arg(long, value_enum, default_value = "primary", conflicts_with = "topology")]
    pub role: NodeRole,

    /// Keep what is served up with the primary, about a second behind, in place of leaving it as it was dumped; for replicas
    #[arg(long)]
    pub follow: bool,

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
    /// It answers searches, from dumps
    Replica,
}

/// Most routers of a cluster on one machine: one already uses every core, and each more is there to be killed.
const ROUTERS_MAX: i64 = 16;

/// Most replicas of each shard on one machine: they share its memory and its cores.
const REPLICAS_MAX: i64 = 16;

/// `annuli cluster`
#[derive(Debug, Clone, Subcommand)]
pub enum ClusterCommand {
    /// Run a whole cluster on this machine, each part a process of its own; those that end are started again
    Up(ClusterUp),
    /// Show who is there, and what each serves
    Show,
    /// Divide every index into another number of shards, while it is searched and written
    Reshard(ReshardArgs),
}

/// `annuli cluster reshard`
#[derive(Debug, Clone, Args)]
pub struct ReshardArgs {
    /// Shards of every index from then on; start a primary for each of them, with this --shards
    #[arg(long, value_name = "M", value_parser = shards(), required_unless_present = "cancel")]
    pub shards: Option<ShardCount>,

    /// Stay with as many shards as there are; possible until the first index has moved
    #[arg(long, conflicts_with = "shards")]
    pub cancel: bool,

    /// Wait until every index has moved
    #[arg(long, conflicts_with = "cancel")]
    pub wait: bool,
}

/// `annuli cluster up`
#[derive(Debug, Clone, Args)]
pub struct ClusterUp {
    /// Shards of every index of a new cluster; each has a process of its own. One that is there has those that it has
    #[arg(long, value_name = "N", default_value = "2", value_parser = shards())]
    pub shards: ShardCount,

    /// Replicas of each shard; each is a process of its own
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(0..=REPLICAS_MAX))]
    pub replicas: u32,

    /// Replicas keep up with their primaries, about a second behind, in place of serving what was dumped
    #[arg(long)]
    pub follow: bool,

    /// Dump each index and roll it out that often, if it has changed: 30s, 5m, 1h; or never
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub dump_every: Interval,

    /// Routers
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=ROUTERS_MAX))]
    pub routers: u32,

    /// Folder for everything that the cluster keeps
    #[arg(long, value_name = "DIR", default_value = "./cluster")]
    pub workspace: PathBuf,

    /// File of the API keys that the routers ask for
    #[arg(long, value_name = "FILE")]
    pub api_keys: Option<PathBuf>,

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
    fn an_interval_is_a_time_or_never() {
        let seconds = |seconds| Ok(Interval(Some(Duration::from_secs(seconds))));
        for (text, want) in [("never", Ok(Interval(None))), ("30s", seconds(30)), ("1h 5m", seconds(3_900))] {
            assert_eq!(text.parse(), want, "{text}");
        }
        for text in ["", "5", "0s", "10ms", "Never"] {
            assert_eq!(text.parse::<Interval>(), Err(InvalidInterval), "{text}");
        }
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
