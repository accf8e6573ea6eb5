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
use crate::remote_index::{Effort, RemoteIndex, ReplicasSeen, Shape};
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

/// Measures all steps, of replicas and of shards; those of each in turns, since a machine has faster and slower minutes.
pub(super) fn measure(settings: &Settings, dataset: &Dataset, progress: &Progress) -> Result<Scaling, Failed> {
    let cores_each = thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64) * SHARE_OF_THE_MACHINE;
    // Before a cluster is filled for nothing.
    let cores_each = Quota::of(cores_each)?.cores;
    let bench = Bench { settings, dataset, progress, queries: queries(dataset), cores_each };
    let replicas = bench.in_turns(|&count| Grown::start(&bench, 1, count, CONNECTIONS_PER_REPLICA * count as usize))?;
    let replicas = replicas.into_iter().map(|grown| grown.of_replicas()).collect::<Result<_, _>>()?;
    let shards = bench.in_turns(|&count| Grown::start(&bench, count, 1, 1))?;
    let shards = shards.iter().map(Grown::of_shards).collect();
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

impl<'a> Bench<'a> {
    /// A cluster for each step, all of them searched round by round.
    fn in_turns(&self, start: impl Fn(&u32) -> Result<Grown<'a>, Failed>) -> Result<Vec<Grown<'a>>, Failed> {
        let mut all = self.settings.steps.iter().map(start).collect::<Result<Vec<_>, _>>()?;
        for round in 1..=self.settings.rounds.get() {
            self.progress.tell(&format!("searching, round {round}"));
            all.iter_mut().try_for_each(Grown::take_turn)?;
        }
        Ok(all)
    }
}

/// A cluster with everything in it, whose replicas have little time and answer all searches.
struct Grown<'a> {
    bench: &'a Bench<'a>,
    // Before the quotas, which their processes must not outlive.
    cluster: Cluster,
    quotas: Vec<Quota>,
    /// Of each shard.
    replicas: u32,
    shards: u32,
    index: RemoteIndex,
    searches: Searches,
    connections: usize,
    /// By the router before it was searched.
    seen: ReplicasSeen,
    turns: Vec<Turn>,
}

/// One round.
struct Turn {
    round: SearchRound,
    seconds: f64,
    /// Processor time of the router.
    router_seconds: Option<f64>,
    /// Of all replicas.
    replicas_seconds: Option<f64>,
}

impl<'a> Grown<'a> {
    /// With so many shards, and replicas of each.
    fn start(bench: &'a Bench<'a>, shards: u32, replicas: u32, connections: usize) -> Result<Self, Failed> {
        let Bench { settings, dataset, progress, queries, .. } = bench;
        progress.tell(&format!("starting and filling a cluster, shards: {shards}, replicas of each: {replicas}"));
        let cluster = Cluster::start(&settings.program, Size { shards, replicas, routers: 1 })?;
        let index = settings.fill(cluster.address(0), dataset, shards)?;
        index.dump()?;
        index.roll_out()?;
        index.wait_until_served(replicas as usize)?;
        let searches = Searches::new(&index, dataset, queries, Shape::Single, Effort::Ef(EF), None);
        let (seen, turns) = (index.of_replicas()?, Vec::new());
        let mut grown =
            Self { bench, cluster, quotas: Vec::new(), replicas, shards, index, searches, connections, seen, turns };
        grown.limit()?;
        // What is not in memory yet is fetched before anything counts.
        grown.searches.measure(&mut grown.index.connect(connections)?, Duration::ZERO, None)?;
        grown.seen = grown.index.of_replicas()?;
        Ok(grown)
    }

    /// What prepares a generation needs time; what searches it gets little.
    fn limit(&mut self) -> Result<(), Failed> {
        for replica in &self.cluster.replicas {
            let quota = Quota::of(self.bench.cores_each)?;
            quota.give(replica.pid())?;
            self.quotas.push(quota);
        }
        Ok(())
    }

    fn take_turn(&mut self) -> Result<(), Failed> {
        let at_least = Duration::from_secs_f64(self.bench.settings.seconds_per_round);
        // For this turn alone: a server closes connections over which nothing comes for a minute.
        let mut connections = self.index.connect(self.connections)?;
        let before = self.used();
        let measured = self.searches.measure(&mut connections, at_least, None)?;
        let after = self.used();
        let spent = |after: Option<f64>, before| Some(after? - before?).filter(|seconds| *seconds >= CPU_SECONDS_MIN);
        let figures = measured.figures;
        self.turns.push(Turn {
            round: SearchRound {
                searches: measured.queries,
                queries_per_second: figures.queries_per_second,
                p50_ms: figures.p50_ms,
                p99_ms: figures.p99_ms,
            },
            seconds: measured.seconds,
            router_seconds: spent(after.0, before.0),
            replicas_seconds: spent(after.1, before.1),
        });
        Ok(())
    }

    /// Processor time of the router, and of all replicas together.
    fn used(&self) -> (Option<f64>, Option<f64>) {
        let replicas = self.cluster.replicas.iter().map(|replica| usage::cpu_seconds(replica.pid()));
        (usage::cpu_seconds(self.cluster.routers[0].pid()), replicas.sum())
    }

    /// As many searches as the replicas could answer.
    fn of_replicas(&self) -> Result<OfReplicas, Failed> {
        let seen = self.index.of_replicas()?;
        let given = |turn: &Turn| turn.seconds * self.quotas.iter().map(|quota| quota.cores).sum::<f64>();
        Ok(OfReplicas {
            replicas: self.replicas,
            queries_per_second: self.median(|turn| turn.round.queries_per_second),
            p99_ms: self.median(|turn| turn.round.p99_ms),
            share_used: median(self.turns.iter().filter_map(|turn| Some(turn.replicas_seconds? / given(turn)))),
            answered_by_primaries: seen.answered_by_primaries - self.seen.answered_by_primaries,
            ejections: seen.ejections - self.seen.ejections,
            rounds: self.rounds(),
        })
    }

    /// One search at a time.
    fn of_shards(&self) -> OfShards {
        let router = |turn: &Turn| Some(turn.router_seconds? * 1e6 / turn.round.searches as f64);
        OfShards {
            shards: self.shards,
            queries_per_second: self.median(|turn| turn.round.queries_per_second),
            p50_ms: self.median(|turn| turn.round.p50_ms),
            p99_ms: self.median(|turn| turn.round.p99_ms),
            router_us_per_search: median(self.turns.iter().filter_map(router)),
            rounds: self.rounds(),
        }
    }

    fn rounds(&self) -> Vec<SearchRound> {
        self.turns.iter().map(|turn| turn.round).collect()
    }

    fn median(&self, figure: fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(figure)).expect("at least one round")
    }
}
