//! Shards, as they are when somebody looks.

use super::{NAMED_WELL, ONCE};
use crate::scatter::ShardReply;
use annuli_api::shard_api::{BuildStatus, ShardStatus};
use annuli_api::{Failure, Index};
use prometheus::proto::MetricFamily;
use prometheus::{IntGaugeVec, Opts, Registry};
use std::sync::Arc;

/// A figure of each shard.
struct Figure {
    name: &'static str,
    help: &'static str,
    of: fn(&ShardStatus) -> u64,
}

const FIGURES: [Figure; 10] = [
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

/// The figures of every shard that answers, and which do not.
pub(super) fn gather(
    statuses: &[(Arc<Index>, Vec<ShardReply<ShardStatus>>)],
    indexes: &[Result<Arc<Index>, Failure>],
) -> Vec<MetricFamily> {
    let registry = Registry::new();
    let gauge = |name, help, labels: &[&str]| {
        let gauge = IntGaugeVec::new(Opts::new(name, help), labels).expect(NAMED_WELL);
        registry.register(Box::new(gauge.clone())).expect(ONCE);
        gauge
    };
    let figures = FIGURES.map(|figure| (gauge(figure.name, figure.help, &["index", "shard"]), figure.of));
    let up = gauge("annuli_shard_up", "1 for a shard that answers, else 0.", &["index", "shard"]);
    let builds = gauge("annuli_builds_running", "Segments that are being made, by kind.", &["index", "shard", "kind"]);
    let waiting = gauge("annuli_builds_waiting", "Segments that wait for their turn.", &["index", "shard", "kind"]);
    for (index, replies) in statuses {
        for (shard, reply) in replies {
            let labels = [index.name.as_str(), &shard.to_string()];
            up.with_label_values(&labels).set(i64::from(reply.is_ok()));
            let Ok(status) = reply else { continue };
            for (gauge, of) in &figures {
                gauge.with_label_values(&labels).set(clamped(of(status)));
            }
            for (kind, build) in [("seal", status.seal), ("merge", status.merge)] {
                let labels = [labels[0], labels[1], kind];
                let is = |waits: bool| i64::from(build.is_some_and(|build: BuildStatus| build.waits == waits));
                builds.with_label_values(&labels).set(is(false));
                waiting.with_label_values(&labels).set(is(true));
            }
        }
    }
    let by_state = gauge("annuli_indexes", "Indexes, by state: served or unavailable as a whole.", &["state"]);
    let served = indexes.iter().filter(|index| index.is_ok()).count();
    by_state.with_label_values(&["served"]).set(clamped(served as u64));
    by_state.with_label_values(&["unavailable"]).set(clamped((indexes.len() - served) as u64));
    registry.gather()
}

fn clamped(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}
