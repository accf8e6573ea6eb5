//! What a router of a cluster tells Prometheus beyond what every process does: of its replicas, of what they serve, of
//! tasks and of the coordinator.
//!
//! Nothing of it is kept: it is read when somebody looks, so that nothing is left of what is gone.

mod dumps;

use crate::peers::Peers;
use annuli_cluster::record::{Layout, Place, Role, TaskRecord, Work};
use annuli_cluster::{ClusterCatalogue, Leading, Records};
use annuli_replicas::{ReplicaReport, ReplicaState, ShardReport};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{CounterVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use std::sync::Arc;

/// Why a meter can be made and listed.
const SOUND: &str = "each is listed once, under names and labels of letters and underscores";

/// Reads the figures of a router.
pub(super) struct ClusterMeters {
    /// Knows the replicas.
    pub(super) peers: Arc<Peers>,
    /// Knows the records.
    pub(super) catalogue: Arc<ClusterCatalogue>,
    /// Whether this router coordinates; `None`: it never does.
    pub(super) leading: Option<Leading>,
}

impl Collector for ClusterMeters {
    /// None are said before: which there are is seen when they are read.
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (page, seen) = (Page(Registry::new()), self.catalogue.mirror().seen());
        of_replicas(&page, &self.peers.roster().replicas());
        of_primaries(&page, &seen.records, &self.peers.roster().shards());
        of_processes(&page, &seen.records);
        of_generations(&page, &seen.records);
        dumps::of_dumps(&page, &seen.records);
        dumps::of_rollouts(&page, &seen.records);
        of_tasks(&page, &seen.records);
        of_coordinator(&page, &seen.records, self.leading.as_ref());
        page.0.gather()
    }
}

/// What is told now.
struct Page(Registry);

impl Page {
    fn counts(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let counts = IntCounterVec::new(Opts::new(name, help), labels).expect(SOUND);
        self.0.register(Box::new(counts.clone())).expect(SOUND);
        counts
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let gauges = IntGaugeVec::new(Opts::new(name, help), labels).expect(SOUND);
        self.0.register(Box::new(gauges.clone())).expect(SOUND);
        gauges
    }

    fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        let seconds = CounterVec::new(Opts::new(name, help), labels).expect(SOUND);
        self.0.register(Box::new(seconds.clone())).expect(SOUND);
        seconds
    }
}

/// A count of each replica.
struct Count {
    name: &'static str,
    help: &'static str,
    of: fn(&ReplicaReport) -> u64,
}

const COUNTS: [Count; 6] = [
    Count { name: "annuli_replica_requests_total", help: "Calls of a replica.", of: |report| report.requests },
    Count { name: "annuli_replica_answers_total", help: "Calls that it answered.", of: |report| report.answers },
    Count { name: "annuli_replica_failures_total", help: "Calls that failed.", of: |report| report.failures },
    Count {
        name: "annuli_replica_hedges_total",
        help: "Calls that were made because another replica was late.",
        of: |report| report.hedges,
    },
    Count {
        name: "annuli_replica_hedges_won_total",
        help: "Those of them whose answer was used.",
        of: |report| report.hedges_won,
    },
    Count {
        name: "annuli_replica_ejections_total",
        help: "How often it was not asked for a while.",
        of: |report| report.ejections,
    },
];

fn of_replicas(page: &Page, reports: &[ReplicaReport]) {
    for Count { name, help, of } in COUNTS {
        let counts = page.counts(name, help, &["replica"]);
        reports.iter().for_each(|report| counts.with_label_values(&[&report.name]).inc_by(of(report)));
    }
    let seconds = page.seconds("annuli_replica_answer_seconds_total", "Time that its answers took.", &["replica"]);
    let in_flight = page.gauges("annuli_replica_requests_in_flight", "Calls that are under way.", &["replica"]);
    let states = page.gauges("annuli_replica_state", "1 for the state that a replica is in.", &["replica", "state"]);
    for report in reports {
        seconds.with_label_values(&[&report.name]).inc_by(report.answer_time.as_secs_f64());
        in_flight.with_label_values(&[&report.name]).set(i64::from(report.in_flight));
        for state in ["sound", "ejected", "on_trial"] {
            let is_in = i64::from(state == name_of(report.state));
            states.with_label_values(&[&report.name, state]).set(is_in);
        }
    }
}

fn name_of(state: ReplicaState) -> &'static str {
    match state {
        ReplicaState::Sound => "sound",
        ReplicaState::Ejected { .. } => "ejected",
        ReplicaState::OnTrial { .. } => "on_trial",
    }
}

/// Reads that went to primaries although there are replicas.
fn of_primaries(page: &Page, records: &Records, reports: &[ShardReport]) {
    let help = "Reads that the primary answered although the shard has replicas, by why.";
    let reads = page.counts("annuli_primary_reads_total", help, &["index", "shard", "why"]);
    for report in reports {
        // An index that was deleted a moment ago is told no longer.
        let Some((name, _)) = records.index_of(report.index) else { continue };
        let shard = report.shard.to_string();
        for (why, count) in [("fresher", report.fresher), ("no_replica", report.stood_in)] {
            reads.with_label_values(&[name.as_str(), &shard, why]).inc_by(count);
        }
    }
}

/// Who lives.
fn of_processes(page: &Page, records: &Records) {
    let help = "Processes of each shard that live, by role; aside: another folder served the shard last.";
    let processes = page.gauges("annuli_shard_processes", help, &["shard", "role"]);
    let Some(Layout { id: layout, shards }) = records.cluster.as_ref().map(|cluster| cluster.record.layout) else {
        return;
    };
    for shard in shards.shards() {
        for role in ["primary", "replica", "aside"] {
            processes.with_label_values(&[&*shard.to_string(), role]).set(0);
        }
    }
    let of_today = records.nodes.values().map(|stored| &stored.record).filter(|node| node.place.layout == layout);
    for node in of_today {
        let role = match node.role {
            Role::Primary => "primary",
            Role::Replica => "replica",
            Role::Aside => "aside",
        };
        processes.with_label_values(&[&*node.place.shard.to_string(), role]).inc();
    }
}

fn of_generations(page: &Page, records: &Records) {
    let help = "Number of the dump that replicas serve; 0: the primaries answer.";
    let generations = page.gauges("annuli_generation", help, &["index"]);
    let help = "The last write in it: how far behind it is tells the difference to the primary's.";
    let seqs = page.gauges("annuli_generation_seq", help, &["index", "shard"]);
    let help = "Replicas that have it ready.";
    let ready = page.gauges("annuli_generation_replicas_ready", help, &["index", "shard"]);
    let replicas: Vec<_> = records.replicas().collect();
    for (name, stored) in &records.indexes {
        let official = stored.record.generations.official;
        generations
            .with_label_values(&[name.as_str()])
            .set(official.map_or(0, |official| clamped(official.generation.0)));
        let Some(official) = official else { continue };
        let place = |shard| Place { layout: stored.record.layout, shard };
        for shard in stored.record.schema.shards.shards() {
            let serves = replicas.iter().filter(|replica| {
                replica.place == place(shard) && replica.is_ready(stored.record.uuid, official.generation)
            });
            ready.with_label_values(&[name.as_str(), &shard.to_string()]).set(clamped(serves.count() as u64));
        }
        let Some(dump) = records.dumps.get(&official.dump) else { continue };
        for (shard, done) in dump.record.done() {
            seqs.with_label_values(&[name.as_str(), &shard.to_string()]).set(clamped(done.seq().0));
        }
    }
}

fn of_tasks(page: &Page, records: &Records) {
    let help = "Tasks of the cluster that are remembered, by what they do and how far they are.";
    let tasks = page.gauges("annuli_tasks", help, &["kind", "status"]);
    for kind in ["dump", "rollout", "restore", "reshard"] {
        for status in ["queued", "running", "paused", "succeeded", "failed", "rolled_back", "cancelled"] {
            tasks.with_label_values(&[kind, status]).set(0);
        }
    }
    for stored in records.tasks.values() {
        tasks.with_label_values(&[kind(&stored.record), stored.record.status.name()]).inc();
    }
}

fn kind(task: &TaskRecord) -> &'static str {
    match task.work {
        Work::Dump { .. } => "dump",
        Work::Rollout(_) => "rollout",
        Work::Restore(_) => "restore",
        Work::Reshard(_) => "reshard",
    }
}

fn of_coordinator(page: &Page, records: &Records, leading: Option<&Leading>) {
    let is_this = leading.is_some_and(|leading| leading.epoch().is_some());
    let coordinator = page.gauges("annuli_coordinator", "1 for the router that coordinates.", &[]);
    coordinator.with_label_values(&[] as &[&str]).set(i64::from(is_this));
    let help = "Epoch of the coordinator; 0: nobody coordinates.";
    let epoch = page.gauges("annuli_coordinator_epoch", help, &[]);
    let elected = records.coordinator.as_ref().map_or(0, |coordinator| clamped(coordinator.record.epoch.0));
    epoch.with_label_values(&[] as &[&str]).set(elected);
}

fn clamped(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}
