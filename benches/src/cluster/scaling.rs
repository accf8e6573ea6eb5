//! More replicas, and more shards, each replica with a fixed share of the processors: what each adds, on one machine.

use super::processes::{Cluster, Size};
use super::quota::Quota;
use super::results::{OfReplicas, OfShards, Scaling, SearchRound};
use super::{Failed, Settings};
use crate::dataset::Dataset;
use crate::dataset::split::shuffled;
use crate::figures::median;
use crate::load::Searches;
use crate::progress::Progress;
use crate::remote_index::{Effort, RemoteIndex, Shape};
use crate::usage;
use std::thread;
use std::time::Duration;

/// Each replica has a twentieth of the machine: a router needs more for a search than a replica, and four of these, the
/// router and the clients have to fit on it.
const SHARE_OF_THE_MACHINE: f64 = 0.05;

/// The beam of every search: what is compared is the same work.
const EF: usize = 64;

/// For each replica, so many that a share never ends unused: requests come to replicas by chance, and one that has nothing
/// in hand when its share comes has to let the rest of it go. With 16 four replicas lost a fifth of theirs by that.
const CONNECTIONS_PER_REPLICA: usize = 48;

/// Queries in a pass, so that replicas with so little are not measured for minutes.
const PASS: usize = 500;

/// Less processor time is not reported: the kernel counts it in hundredths of a second, a tenth of this.
const CPU_SECONDS_MIN: f64 = 0.1;

/// Measures all steps: the shards of each, and with one shard the replicas of each.
pub(super) fn measure(settings: &Settings, dataset: &Dataset, progress: &Progress) -> Result<Scaling, Failed> {
    let cores_each = thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64) * SHARE_OF_THE_MACHINE;
    // Before a cluster is filled for nothing.
    drop(Quota::of(cores_each)?);
    let bench = Bench { settings, dataset, progress, queries: queries(dataset), cores_each };
    let (mut shards, mut replicas) = (Vec::new(), Vec::new());
    for &count in &settings.steps {
        let mut grown = Grown::start(&bench, count)?;
        shards.push(grown.searched_by_one(count)?);
        if count == 1 {
            for &count in &settings.steps {
                grown.add_replicas(count)?;
                replicas.push(grown.searched_by_many(count)?);
            }
        }
    }
    Ok(Scaling { cores_each, ef: EF, connections_per_replica: CONNECTIONS_PER_REPLICA, replicas, shards })
}

fn queries(dataset: &Dataset) -> Vec<usize> {
    let mut queries = shuffled(dataset.queries.nrows());
    queries.truncate(PASS);
    queries
}

struct Bench<'a> {
    settings: &'a Settings,
    dataset: &'a Dataset,
    progress: &'a Progress,
    queries: Vec<usize>,
    cores_each: f64,
}

/// A cluster with everything in it, whose replicas have little time and answer all searches.
struct Grown<'a> {
    bench: &'a Bench<'a>,
    // Before the quotas, which their processes must not outlive.
    cluster: Cluster,
    quotas: Vec<Quota>,
    index: RemoteIndex,
    searches: Searches,
}

impl<'a> Grown<'a> {
    /// With one replica of each shard.
    fn start(bench: &'a Bench<'a>, shards: u32) -> Result<Self, Failed> {
        let Bench { settings, dataset, progress, queries, .. } = bench;
        progress.tell(&format!("starting and filling a cluster, shards: {shards}"));
        let cluster = Cluster::start(&settings.program, Size { shards, replicas: 1, routers: 1 })?;
        let index = settings.fill(cluster.address(0), dataset, shards)?;
        index.dump()?;
        index.roll_out()?;
        let searches = Searches::new(&index, dataset, queries, Shape::Single, Effort::Ef(EF), None);
        let mut grown = Self { bench, cluster, quotas: Vec::new(), index, searches };
        grown.limit()?;
        Ok(grown)
    }

    /// Until the one shard has that many, each of which serves what the first does.
    fn add_replicas(&mut self, count: u32) -> Result<(), Failed> {
        while self.cluster.replicas.len() < count as usize {
            self.cluster.add_replica()?;
        }
        self.index.wait_until_served(count as usize)?;
        self.limit()
    }

    /// What prepares a generation needs time; what searches it gets little.
    fn limit(&mut self) -> Result<(), Failed> {
        for replica in &self.cluster.replicas[self.quotas.len()..] {
            let quota = Quota::of(self.bench.cores_each)?;
            quota.give(replica.pid())?;
            self.quotas.push(quota);
        }
        Ok(())
    }

    /// One search at a time.
    fn searched_by_one(&self, shards: u32) -> Result<OfShards, Failed> {
        self.bench.progress.tell(&format!("one search at a time, shards: {shards}"));
        let router = self.cluster.routers[0].pid();
        let before = usage::cpu_seconds(router);
        let rounds = self.rounds(1)?;
        let used = usage::cpu_seconds(router).zip(before).map(|(after, before)| after - before);
        let searches: usize = rounds.iter().map(|round| round.searches).sum();
        Ok(OfShards {
            shards,
            queries_per_second: of(&rounds, |round| round.queries_per_second),
            p50_ms: of(&rounds, |round| round.p50_ms),
            p99_ms: of(&rounds, |round| round.p99_ms),
            router_us_per_search: used.filter(|used| *used >= CPU_SECONDS_MIN).map(|used| used * 1e6 / searches as f64),
            rounds,
        })
    }

    /// As many searches as the replicas can answer.
    fn searched_by_many(&self, replicas: u32) -> Result<OfReplicas, Failed> {
        self.bench.progress.tell(&format!("as many searches as there is time for, replicas: {replicas}"));
        let before = self.index.of_replicas()?;
        let rounds = self.rounds(CONNECTIONS_PER_REPLICA * replicas as usize)?;
        let after = self.index.of_replicas()?;
        Ok(OfReplicas {
            replicas,
            queries_per_second: of(&rounds, |round| round.queries_per_second),
            p99_ms: of(&rounds, |round| round.p99_ms),
            answered_by_primaries: after.answered_by_primaries - before.answered_by_primaries,
            ejections: after.ejections - before.ejections,
            rounds,
        })
    }

    fn rounds(&self, connections: usize) -> Result<Vec<SearchRound>, Failed> {
        let mut connections = self.index.connect(connections)?;
        // What is not in memory yet is fetched before anything counts.
        self.searches.measure(&mut connections, Duration::ZERO, None)?;
        let at_least = Duration::from_secs_f64(self.bench.settings.seconds_per_round);
        let round = |_| {
            let measured = self.searches.measure(&mut connections, at_least, None)?;
            let figures = measured.figures;
            Ok(SearchRound {
                searches: measured.queries,
                queries_per_second: figures.queries_per_second,
                p50_ms: figures.p50_ms,
                p99_ms: figures.p99_ms,
            })
        };
        (0..self.bench.settings.rounds.get()).map(round).collect()
    }
}

fn of(rounds: &[SearchRound], figure: fn(&SearchRound) -> f64) -> f64 {
    median(rounds.iter().map(figure)).expect("at least one round")
}
