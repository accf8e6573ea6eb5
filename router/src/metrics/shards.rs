//! Shards, as they are when somebody looks.

use super::{NAMED_WELL, ONCE};
use annuli_api::shard_api::{BuildStatus, ShardStatus};
use annuli_api::{Failure, Index};
use annuli_core::{IndexName, ShardId};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts, Registry};
use std::sync::Arc;

/// A figure of each shard.
struct Figure {
    name: &'static str,
    help: &'static str,
    of: fn(&ShardStatus) -> u64,
}

const FIGURES: [Figure; 11] = [
    Figure { name: "annuli_seq", help: "The last write.", of: |status| status.position.seq.0 },
    Figure { name: "annuli_documents", help: "Live documents.", of: |status| status.documents },
    Figure {
        name: "annuli_pending_documents",
        help: "Documents that wait for a graph, or for their graph to become one with others.",
        of: |status| status.pending,
    },
    Figure {
        name: "annuli_tail_documents",
        help: "Documents in no segment, dead ones included.",
        of: |status| status.tail.documents,
    },
    Figure {
        name: "annuli_head_documents",
        help: "Documents of the tail that a small graph holds.",
        of: |status| status.tail.in_head,
    },
    Figure {
        name: "annuli_segments",
        help: "Segments; a search walks each of them.",
        of: |status| status.segments.count,
    },
    Figure {
        name: "annuli_segment_documents",
        help: "Documents in segments, dead ones included.",
        of: |status| status.segments.live + status.segments.dead,
    },
    Figure {
        name: "annuli_segment_dead_documents",
        help: "Dead documents in segments.",
        of: |status| status.segments.dead,
    },
    Figure { name: "annuli_segment_bytes", help: "Size of the segments' files.", of: |status| status.segments.bytes },
    Figure {
        name: "annuli_store_bytes",
        help: "Size of the store's tables: all documents but those written last.",
        of: |status| status.store_bytes,
    },
    Figure {
        name: "annuli_write_queue_batches",
        help: "Batches of writes that wait for their turn.",
        of: |status| status.queued,
    },
];

/// A shard that somebody looked at.
pub struct Looked {
    index: IndexName,
    shard: ShardId,
    status: Option<ShardStatus>,
}

impl Looked {
    /// How the shard of an index is, if it answers.
    pub fn new(index: &IndexName, shard: ShardId, status: Result<ShardStatus, Failure>) -> Self {
        Self { index: index.clone(), shard, status: status.ok() }
    }
}

/// What is told now.
struct Page(Registry);

impl Page {
    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let gauge = IntGaugeVec::new(Opts::new(name, help), labels).expect(NAMED_WELL);
        self.0.register(Box::new(gauge.clone())).expect(ONCE);
        gauge
    }
}

/// The figures of every shard that answers, and which do not: for whoever holds them.
pub fn shard_figures(shards: &[Looked]) -> Vec<MetricFamily> {
    let page = Page(Registry::new());
    let figures = FIGURES.map(|figure| (page.gauge(figure.name, figure.help, &["index", "shard"]), figure.of));
    let labels = ["index", "shard", "kind"];
    let builds = page.gauge("annuli_builds_running", "Segments that are being made, by kind.", &labels);
    let waiting = page.gauge("annuli_builds_waiting", "Segments that wait for their turn.", &labels);
    for Looked { index, shard, status } in shards {
        let (index, shard) = (index.as_str(), shard.to_string());
        let Some(status) = status else { continue };
        for (gauge, of) in &figures {
            gauge.with_label_values(&[index, &shard]).set(clamped(of(status)));
        }
        for (kind, build) in [("seal", status.seal), ("merge", status.merge)] {
            let is = |waits: bool| i64::from(build.is_some_and(|build: BuildStatus| build.waits == waits));
            builds.with_label_values(&[index, &shard, kind]).set(is(false));
            waiting.with_label_values(&[index, &shard, kind]).set(is(true));
        }
    }
    let mut families = page.0.gather();
    families.extend(up(shards));
    families
}

/// Which shards answer.
pub(super) fn up(shards: &[Looked]) -> Vec<MetricFamily> {
    let page = Page(Registry::new());
    let up = page.gauge("annuli_shard_up", "1 for a shard that answers, else 0.", &["index", "shard"]);
    for Looked { index, shard, status } in shards {
        up.with_label_values(&[index.as_str(), &shard.to_string()]).set(i64::from(status.is_some()));
    }
    page.0.gather()
}

/// How indexes are as a whole.
pub(super) fn indexes(indexes: &[Result<Arc<Index>, Failure>]) -> Vec<MetricFamily> {
    let page = Page(Registry::new());
    let help = "Indexes, by state: served or unavailable as a whole.";
    let by_state = page.gauge("annuli_indexes", help, &["state"]);
    let served = indexes.iter().filter(|index| index.is_ok()).count();
    by_state.with_label_values(&["served"]).set(clamped(served as u64));
    by_state.with_label_values(&["unavailable"]).set(clamped((indexes.len() - served) as u64));
    page.0.gather()
}

fn clamped(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}
