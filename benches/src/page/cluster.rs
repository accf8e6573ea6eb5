//! The drawings of ours while it is operated.

use super::bars::{self, Bar};
use super::figure;
use super::palette::{AT_MOST, OURS};
use crate::cluster::results::{ClusterResults, Dumps, OfShards, Rollouts, Scaling, SlowClients};

/// One drawing for each figure that was measured.
pub(super) fn figures(cluster: &ClusterResults) -> Vec<String> {
    let dumps = cluster.dumps.iter().flat_map(dumps);
    let scaling = cluster.scaling.iter().flat_map(scaling);
    let rollouts = cluster.rollouts.iter().flat_map(rollouts);
    dumps.chain(scaling).chain(rollouts).chain(cluster.slow_clients.iter().map(slow_clients)).collect()
}

fn dumps(dumps: &Dumps) -> [String; 2] {
    let onto = format!("onto {} shards", dumps.onto_more_shards.shards);
    let times = [
        bar("dump", OURS, dumps.dump_seconds),
        bar("tar with zstd", AT_MOST, dumps.pack_seconds),
        bar("cp", AT_MOST, dumps.copy_seconds),
        bar("verify", OURS, dumps.verify_seconds),
        bar("restore", OURS, dumps.restore_seconds),
        bar("unpacked by tar", AT_MOST, dumps.unpack_seconds),
        bar(&onto, OURS, dumps.onto_more_shards.seconds),
        bar("dump of a cluster", OURS, dumps.cluster_seconds),
    ];
    let writes =
        [bar("alone", AT_MOST, dumps.write_p99_ms), bar("while dumping", OURS, dumps.write_while_dumped_p99_ms)];
    let mebibytes = dumps.content_bytes >> 20;
    [
        figure(
            &format!("Seconds for {mebibytes} MiB of files: dumped, restored, and by the system's tools"),
            &bars::chart(&times),
        ),
        figure("99th percentile of single documents in ms", &bars::chart(&writes)),
    ]
}

fn scaling(scaling: &Scaling) -> [String; 3] {
    let of_replicas =
        scaling.replicas.iter().map(|of| bar(&format!("replicas: {}", of.replicas), OURS, of.queries_per_second));
    let of_shards = |figure: fn(&OfShards) -> f64| -> Vec<Bar> {
        scaling.shards.iter().map(|of| bar(&format!("shards: {}", of.shards), OURS, figure(of))).collect()
    };
    let each = format!("{:.2} cores each", scaling.cores_each);
    [
        figure(
            &format!("Queries a second by replicas of one shard, {each}"),
            &bars::chart(&of_replicas.collect::<Vec<_>>()),
        ),
        figure(
            &format!("Queries a second, one at a time, by shards of one replica, {each}"),
            &bars::chart(&of_shards(|of| of.queries_per_second)),
        ),
        figure("Median latency of these in ms", &bars::chart(&of_shards(|of| of.p50_ms))),
    ]
}

fn rollouts(rollouts: &Rollouts) -> [String; 2] {
    let latencies = [
        bar("before", AT_MOST, rollouts.before.searches.latency.p99_ms),
        bar("during rollouts", OURS, rollouts.during.searches.latency.p99_ms),
    ];
    let times = [
        bar("dumped", OURS, rollouts.seconds_to_dump),
        bar("flipped", OURS, rollouts.seconds_to_flip),
        bar("flipped, longest", OURS, rollouts.seconds_to_flip_max),
    ];
    [
        figure("99th percentile of searches in ms", &bars::chart(&latencies)),
        figure("Seconds from the beginning of a dump", &bars::chart(&times)),
    ]
}

fn slow_clients(slow: &SlowClients) -> String {
    let beside = format!("beside {} slow connections", slow.crowd);
    let latencies = [bar("alone", AT_MOST, slow.alone_p99_ms), bar(&beside, OURS, slow.beside_p99_ms)];
    figure("99th percentile of searches in ms, alone and in a crowd", &bars::chart(&latencies))
}

fn bar(name: &str, colour: &'static str, figure: f64) -> Bar {
    Bar { name: name.to_owned(), colour, figure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::cluster_table::tests::cluster;

    #[test]
    fn what_was_measured_is_drawn_and_nothing_else() {
        let drawn = figures(&cluster());
        assert_eq!(drawn.len(), 8);
        assert!(drawn[0].contains(">4.0</text>") && drawn[1].contains(">2.5</text>"), "{drawn:?}");
        assert!(drawn[2].contains(">350</text>") && drawn[4].contains(">3.0</text>"), "{drawn:?}");
        assert!(drawn[5].contains(">6.0</text>") && drawn[6].contains(">3.5</text>"), "{drawn:?}");
        assert!(drawn[7].contains(">4.0</text>") && drawn[7].contains(">5.0</text>"), "{drawn:?}");
        assert!(figures(&ClusterResults::default()).is_empty());
    }
}
