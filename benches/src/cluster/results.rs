//! What was measured of ours while it is operated, as `results.json` has it.

use crate::figures::percentile_ms;
use crate::library::results::Skipped;
use serde::Serialize;
use std::time::Duration;

/// What was asked for and could be measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ClusterResults {
    pub dumps: Option<Dumps>,
    pub scaling: Option<Scaling>,
    pub rollouts: Option<Rollouts>,
    pub slow_clients: Option<SlowClients>,
    pub skipped: Vec<Skipped>,
}

/// Dumps of a server, and what the system's tools make of the same files. Times are the medians of the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Dumps {
    pub shards: u32,
    /// Of all files in a dump.
    pub content_bytes: u64,
    /// Of its archives.
    pub archive_bytes: u64,
    /// Of what tar and zstd make of the same files.
    pub packed_bytes: u64,
    /// From the request until its task is over.
    pub dump_seconds: f64,
    /// `annuli dump verify`, from its start to its end.
    pub verify_seconds: f64,
    /// `annuli dump restore` onto as many shards, likewise.
    pub restore_seconds: f64,
    /// tar with zstd on every core.
    pub pack_seconds: f64,
    /// cp.
    pub copy_seconds: f64,
    /// tar with zstd, from the dump's archives.
    pub unpack_seconds: f64,
    pub onto_more_shards: Onto,
    /// A dump of a cluster with as many shards, each in a process of its own.
    pub cluster_seconds: f64,
    /// Of single documents, stored while nothing else is done.
    pub write_p99_ms: f64,
    /// The same while the index is dumped.
    pub write_while_dumped_p99_ms: f64,
    pub rounds: Vec<DumpRound>,
    pub cluster_rounds: Vec<f64>,
    pub writes: Vec<WritesRound>,
}

impl Dumps {
    /// Seconds of the slower of the system's ways to have the same files elsewhere.
    pub(crate) const fn slower_limit_seconds(&self) -> f64 {
        self.pack_seconds.max(self.copy_seconds)
    }

    /// Bytes that are dumped a second ÷ those of the slower limit.
    pub(crate) fn by_slower_limit(&self) -> f64 {
        self.slower_limit_seconds() / self.dump_seconds
    }

    /// How much longer single documents take while the index is dumped.
    pub(crate) fn writes_by_alone(&self) -> f64 {
        self.write_while_dumped_p99_ms / self.write_p99_ms
    }
}

/// A restore onto another number of shards, once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Onto {
    pub shards: u32,
    pub seconds: f64,
}

/// One dump, and everything that was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct DumpRound {
    pub dump_seconds: f64,
    pub verify_seconds: f64,
    pub restore_seconds: f64,
    pub pack_seconds: f64,
    pub copy_seconds: f64,
    pub unpack_seconds: f64,
}

/// Single documents in one round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct WritesRound {
    /// Taken one after the other.
    pub dumps: usize,
    pub alone: Latency,
    pub while_dumped: Latency,
}

/// How long requests took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Latency {
    pub requests: usize,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Latency {
    /// Of requests that took so long each.
    pub(super) fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        let percentile = |percent| percentile_ms(&latencies, percent).unwrap_or_default();
        Self { requests: latencies.len(), p50_ms: percentile(50), p99_ms: percentile(99) }
    }
}

/// More replicas and more shards, each replica with the same share of the processors. Figures are the medians of the
/// rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Scaling {
    /// What each replica has; primaries, routers and clients have what they need.
    pub cores_each: f64,
    pub ef: usize,
    /// Over which each replica is searched, by way of the router.
    pub connections_per_replica: usize,
    /// Of one shard.
    pub replicas: Vec<OfReplicas>,
    /// With one replica each.
    pub shards: Vec<OfShards>,
}

impl Scaling {
    /// Searches a second with so many replicas ÷ with one.
    pub(crate) fn by_one(&self, replicas: u32) -> Option<f64> {
        let speed = |count| Some(self.replicas.iter().find(|of| of.replicas == count)?.queries_per_second);
        Some(speed(replicas)? / speed(1)?)
    }
}

/// As many searches at a time as there are connections, answered by so many replicas.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OfReplicas {
    pub replicas: u32,
    pub queries_per_second: f64,
    pub p99_ms: f64,
    /// Processor time of all replicas ÷ what they were given.
    pub share_used: Option<f64>,
    /// Searches that no replica answered.
    pub answered_by_primaries: u64,
    /// How often the router left a replica out for a while.
    pub ejections: u64,
    pub rounds: Vec<SearchRound>,
}

/// One search at a time, answered by so many shards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OfShards {
    pub shards: u32,
    pub queries_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time of the router; none where there was too little to tell.
    pub router_us_per_search: Option<f64>,
    pub rounds: Vec<SearchRound>,
}

/// One closed loop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct SearchRound {
    pub searches: usize,
    pub queries_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Dumps and rollouts in a row, under searches without a pause and a writer. Times are medians.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Rollouts {
    pub shards: u32,
    /// Of each shard.
    pub replicas: u32,
    pub routers: u32,
    /// That search, shared out among the routers.
    pub clients: usize,
    pub ef: usize,
    /// While nothing is rolled out.
    pub before: UnderLoad,
    /// From the beginning of the first dump to the end of the last rollout.
    pub during: UnderLoad,
    pub seconds_to_dump: f64,
    /// From the beginning of a dump until routers ask for it.
    pub seconds_to_flip: f64,
    pub seconds_to_flip_max: f64,
    pub flips: Vec<ToFlip>,
}

impl Rollouts {
    /// How much longer searches take while generations are rolled out.
    pub(crate) fn searches_by_before(&self) -> f64 {
        self.during.searches.latency.p99_ms / self.before.searches.latency.p99_ms
    }
}

/// What clients have seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct UnderLoad {
    pub searches: Searched,
    pub writes: Latency,
}

/// Searches of several clients.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Searched {
    /// Without an answer.
    pub failed: u64,
    /// What the first of them failed with.
    pub failures: Vec<String>,
    /// Of those that were answered.
    pub latency: Latency,
}

/// One dump and its rollout.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct ToFlip {
    pub seconds_to_dump: f64,
    /// Of both.
    pub seconds: f64,
}

/// Searches without a pause, alone and beside a crowd of slow clients. Figures are the medians of the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SlowClients {
    /// How many are slow.
    pub crowd: usize,
    /// How many search.
    pub clients: usize,
    pub ef: usize,
    pub alone_p99_ms: f64,
    pub beside_p99_ms: f64,
    pub rounds: Vec<SlowClientsRound>,
}

impl SlowClients {
    /// How much longer searches take beside them.
    pub(crate) fn beside_by_alone(&self) -> f64 {
        self.beside_p99_ms / self.alone_p99_ms
    }
}

/// Searches alone, then beside the crowd.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SlowClientsRound {
    pub alone: Latency,
    pub beside: Latency,
    /// Searches without an answer, in both.
    pub failed: u64,
    /// What the first of them failed with.
    pub failures: Vec<String>,
    /// How often one of the crowd was.
    pub cut_off: u64,
}
