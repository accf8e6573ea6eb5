//! What a process counts of its shards, for Prometheus: what only shows over time, and so is in no status.
//!
//! All shards of a process count together: a histogram for each would be thousands of lines where there are many
//! indexes. What each shard is at now is in its status, and the router makes metrics of that.

mod stores;

use crate::builds::BuildKind;
use crate::cpu_pool::CpuPool;
use crate::shard::StoreSlot;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, CounterVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use std::sync::Arc;
use std::time::Duration;
use stores::{OpenStores, StoreFigures};

/// Seconds of a commit: from one to the memory of the operating system to one that waits for a busy disk.
const COMMIT_SECONDS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// Writes of a group.
const GROUP_WRITES: [f64; 9] = [1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 10_000.0, 40_000.0];

/// The meters of a process. A clone counts for the same.
#[derive(Debug, Clone)]
pub struct Meters {
    commit_seconds: Histogram,
    group_writes: Histogram,
    seals: BuildMeters,
    merges: BuildMeters,
    all_builds: AllBuilds,
    stores: OpenStores,
}

#[derive(Debug, Clone)]
struct BuildMeters {
    finished: IntCounter,
    documents: IntCounter,
    seconds: Counter,
}

/// As they are registered, a line for each kind.
#[derive(Debug, Clone)]
struct AllBuilds {
    finished: IntCounterVec,
    documents: IntCounterVec,
    seconds: CounterVec,
}

impl Default for Meters {
    fn default() -> Self {
        let histogram = |name, help, buckets: &[f64]| {
            let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            Histogram::with_opts(options).expect("a name of letters and underscores, and buckets in order")
        };
        let all_builds = AllBuilds {
            finished: IntCounterVec::new(
                Opts::new("annuli_builds_total", "Segments that were made, by kind: seal or merge."),
                &["kind"],
            )
            .expect(NAMED_WELL),
            documents: IntCounterVec::new(
                Opts::new("annuli_build_documents_total", "Documents in segments that were made, by kind."),
                &["kind"],
            )
            .expect(NAMED_WELL),
            seconds: CounterVec::new(
                Opts::new("annuli_build_seconds_total", "Time that segments took to be made, by kind."),
                &["kind"],
            )
            .expect(NAMED_WELL),
        };
        let [seals, merges] = BuildKind::ALL.map(|kind| BuildMeters {
            finished: all_builds.finished.with_label_values(&[kind.name()]),
            documents: all_builds.documents.with_label_values(&[kind.name()]),
            seconds: all_builds.seconds.with_label_values(&[kind.name()]),
        });
        Self {
            commit_seconds: histogram(
                "annuli_commit_seconds",
                "Time that a group of writes took to be durable, as configured.",
                &COMMIT_SECONDS,
            ),
            group_writes: histogram("annuli_group_writes", "Writes that were committed as one group.", &GROUP_WRITES),
            seals,
            merges,
            all_builds,
            stores: OpenStores::default(),
        }
    }
}

const NAMED_WELL: &str = "a name and a label of letters and underscores";

impl Meters {
    /// Has `registry` show them, and how many searches wait for a thread of `search_pool`.
    ///
    /// # Panics
    /// When the registry shows others of the same name already.
    pub fn register(&self, registry: &Registry, search_pool: &CpuPool) {
        let all: [Box<dyn Collector>; 7] = [
            Box::new(self.commit_seconds.clone()),
            Box::new(self.group_writes.clone()),
            Box::new(self.all_builds.finished.clone()),
            Box::new(self.all_builds.documents.clone()),
            Box::new(self.all_builds.seconds.clone()),
            Box::new(SearchQueue::new(search_pool.clone())),
            Box::new(StoreFigures::new(self.stores.clone())),
        ];
        for meter in all {
            registry.register(meter).expect("a registry shows the meters of one process");
        }
    }

    /// A store was opened; it is looked at as long as somebody has it.
    pub(crate) fn watch(&self, store: &Arc<StoreSlot>) {
        self.stores.add(store);
    }

    /// A group of so many writes was committed.
    pub(crate) fn committed(&self, writes: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.group_writes.observe(writes as f64);
    }

    /// A segment of so many documents was made.
    pub(crate) fn built(&self, kind: BuildKind, documents: usize, took: Duration) {
        let meters = match kind {
            BuildKind::Seal => &self.seals,
            BuildKind::Merge => &self.merges,
        };
        meters.finished.inc();
        meters.documents.inc_by(documents as u64);
        meters.seconds.inc_by(took.as_secs_f64());
    }
}

/// Looks at the queue when it is asked.
struct SearchQueue {
    pool: CpuPool,
    queued: IntGauge,
}

impl SearchQueue {
    fn new(pool: CpuPool) -> Self {
        let help = "Searches and reads that wait for a thread.";
        Self { pool, queued: IntGauge::new("annuli_search_queue_jobs", help).expect(NAMED_WELL) }
    }
}

impl Collector for SearchQueue {
    fn desc(&self) -> Vec<&Desc> {
        self.queued.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.queued.set(i64::try_from(self.pool.queued()).unwrap_or(i64::MAX));
        self.queued.collect()
    }
}
