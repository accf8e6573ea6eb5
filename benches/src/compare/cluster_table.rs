//! Ours while it is operated, in tables.

use super::ratio::Ratio;
use super::table::{align_right, ratio_text, table};
use crate::cluster::results::{ClusterResults, Dumps, Rollouts, Scaling, SlowClients, UnderLoad};

/// What there is to say of it, as far as it was measured.
pub(super) fn sections(cluster: &ClusterResults) -> Vec<String> {
    let dumps = cluster.dumps.iter().flat_map(|measured| [dumps(measured), writes(measured)]);
    let scaling = cluster.scaling.iter().flat_map(|measured| [replicas(measured), shards(measured)]);
    let rollouts = cluster.rollouts.iter().flat_map(|measured| [under_load(measured), flips(measured)]);
    let slow_clients = cluster.slow_clients.iter().map(slow_clients);
    dumps.chain(scaling).chain(rollouts).chain(slow_clients).collect()
}

fn dumps(dumps: &Dumps) -> String {
    let mebibytes = |bytes: u64| format!("{} MiB", bytes >> 20);
    let Dumps { shards, content_bytes, archive_bytes, packed_bytes, .. } = *dumps;
    let header = format!("dumps, {} of files", mebibytes(content_bytes));
    let mut table = table([&header, "seconds", "MB/s", "÷ the slower of tar and cp"].map(str::to_owned).to_vec());
    let mut row = |what: String, seconds: f64, ratio: Option<f64>| {
        let speed = content_bytes as f64 / seconds / 1e6;
        let ratio = ratio.map_or_else(String::new, |ratio| ratio_text(Some(Ratio::exact(ratio))));
        table.add_row([what, format!("{seconds:.2}"), format!("{speed:.0}"), ratio]);
    };
    row(
        format!("dump of {shards} shards ({})", mebibytes(archive_bytes)),
        dumps.dump_seconds,
        Some(dumps.by_slower_limit()),
    );
    row(format!("tar with zstd, every core ({})", mebibytes(packed_bytes)), dumps.pack_seconds, None);
    row("cp".to_owned(), dumps.copy_seconds, None);
    row("verify".to_owned(), dumps.verify_seconds, None);
    row(format!("restore onto {shards} shards"), dumps.restore_seconds, None);
    row("tar with zstd, unpacked".to_owned(), dumps.unpack_seconds, None);
    let onto = dumps.onto_more_shards;
    row(format!("restore onto {} shards, once", onto.shards), onto.seconds, None);
    row(format!("dump of a cluster of {shards} shards"), dumps.cluster_seconds, None);
    align_right(table)
}

fn writes(dumps: &Dumps) -> String {
    let header = ["single documents, p99 ms", "alone", "while dumping", "ratio"];
    let mut table = table(header.map(str::to_owned).to_vec());
    let ratio = ratio_text(Some(Ratio::exact(dumps.writes_by_alone())));
    let [alone, while_dumped] = [dumps.write_p99_ms, dumps.write_while_dumped_p99_ms].map(|ms| format!("{ms:.2}"));
    table.add_row(["one after the other".to_owned(), alone, while_dumped, ratio]);
    align_right(table)
}

fn replicas(scaling: &Scaling) -> String {
    let Scaling { cores_each, ef, connections_per_replica: connections, .. } = scaling;
    let header = format!("replicas of one shard, {cores_each:.2} cores each, ef {ef}, {connections} connections each");
    let mut table = table(
        [&header, "queries/s", "÷ one", "p99 ms", "share used", "answered by primaries", "ejections"]
            .map(str::to_owned)
            .to_vec(),
    );
    for of in &scaling.replicas {
        table.add_row([
            of.replicas.to_string(),
            format!("{:.0}", of.queries_per_second),
            ratio_text(scaling.by_one(of.replicas).map(Ratio::exact)),
            format!("{:.1}", of.p99_ms),
            of.share_used.map_or_else(|| "–".to_owned(), |share| format!("{:.0} %", share * 100.0)),
            of.answered_by_primaries.to_string(),
            of.ejections.to_string(),
        ]);
    }
    align_right(table)
}

fn shards(scaling: &Scaling) -> String {
    let header = format!("shards, one replica each, {:.2} cores each, one search at a time", scaling.cores_each);
    let mut table = table([&header, "queries/s", "p50 ms", "p99 ms", "router µs/search"].map(str::to_owned).to_vec());
    for of in &scaling.shards {
        table.add_row([
            of.shards.to_string(),
            format!("{:.0}", of.queries_per_second),
            format!("{:.2}", of.p50_ms),
            format!("{:.2}", of.p99_ms),
            of.router_us_per_search.map_or_else(|| "–".to_owned(), |us| format!("{us:.0}")),
        ]);
    }
    align_right(table)
}

fn under_load(rollouts: &Rollouts) -> String {
    let Rollouts { shards, replicas, routers, clients, ef, .. } = rollouts;
    let header = format!(
        "{shards} shards, {replicas} replicas of each, {routers} routers; {clients} clients, ef {ef}, one writer"
    );
    let header = [&header, "searches", "failed", "p50 ms", "p99 ms", "writes", "p99 ms"];
    let mut table = table(header.map(str::to_owned).to_vec());
    for (when, UnderLoad { searches, writes }) in [("before", &rollouts.before), ("during rollouts", &rollouts.during)]
    {
        table.add_row([
            when.to_owned(),
            searches.latency.requests.to_string(),
            searches.failed.to_string(),
            format!("{:.2}", searches.latency.p50_ms),
            format!("{:.2}", searches.latency.p99_ms),
            writes.requests.to_string(),
            format!("{:.2}", writes.p99_ms),
        ]);
    }
    align_right(table)
}

fn flips(rollouts: &Rollouts) -> String {
    let header = ["rollouts in a row", "dumped s, median", "flipped s, median", "flipped s, longest"];
    let mut table = table(header.map(str::to_owned).to_vec());
    let Rollouts { seconds_to_dump, seconds_to_flip, seconds_to_flip_max, flips, .. } = rollouts;
    let seconds = [seconds_to_dump, seconds_to_flip, seconds_to_flip_max].map(|seconds| format!("{seconds:.2}"));
    table.add_row([flips.len().to_string()].into_iter().chain(seconds));
    align_right(table)
}

fn slow_clients(slow: &SlowClients) -> String {
    let SlowClients { crowd, clients, ef, .. } = slow;
    let header = format!("{clients} clients, ef {ef}, p99 ms");
    let beside = format!("beside {crowd} slow connections");
    let mut table = table([&header, "alone", &beside, "ratio", "searches", "failed"].map(str::to_owned).to_vec());
    let searches: usize = slow.rounds.iter().map(|round| round.alone.requests + round.beside.requests).sum();
    let failed: u64 = slow.rounds.iter().map(|round| round.failed).sum();
    table.add_row([
        "searches without a pause".to_owned(),
        format!("{:.2}", slow.alone_p99_ms),
        format!("{:.2}", slow.beside_p99_ms),
        ratio_text(Some(Ratio::exact(slow.beside_by_alone()))),
        searches.to_string(),
        failed.to_string(),
    ]);
    align_right(table)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cluster::results::{Latency, OfReplicas, OfShards, Onto, Searched, SlowClientsRound, ToFlip};

    /// Dumps at half the speed of the slower limit, which is tar, and a quarter more time to write meanwhile.
    pub(crate) fn cluster() -> ClusterResults {
        let dumps = Dumps {
            shards: 2,
            content_bytes: 400_000_000,
            archive_bytes: 300_000_000,
            packed_bytes: 310_000_000,
            dump_seconds: 4.0,
            verify_seconds: 1.0,
            restore_seconds: 1.5,
            pack_seconds: 2.0,
            copy_seconds: 1.0,
            unpack_seconds: 1.25,
            onto_more_shards: Onto { shards: 3, seconds: 8.0 },
            cluster_seconds: 3.0,
            write_p99_ms: 2.0,
            write_while_dumped_p99_ms: 2.5,
            rounds: Vec::new(),
            cluster_rounds: Vec::new(),
            writes: Vec::new(),
        };
        ClusterResults {
            dumps: Some(dumps),
            scaling: Some(scaling()),
            rollouts: Some(rollouts()),
            slow_clients: Some(slow_clients()),
            skipped: Vec::new(),
        }
    }

    /// Two replicas answer 1.9 times as much as one, four 3.5 times; two shards take a millisecond less than one.
    fn scaling() -> Scaling {
        let of_replicas = |(replicas, queries_per_second)| OfReplicas {
            replicas,
            queries_per_second,
            p99_ms: 20.0,
            share_used: (replicas < 4).then_some(0.98),
            answered_by_primaries: 0,
            ejections: 0,
            rounds: Vec::new(),
        };
        let of_shards = |(shards, p50_ms, router_us_per_search)| OfShards {
            shards,
            queries_per_second: 1000.0 / p50_ms,
            p50_ms,
            p99_ms: 2.0 * p50_ms,
            router_us_per_search,
            rounds: Vec::new(),
        };
        Scaling {
            cores_each: 0.2,
            ef: 64,
            connections_per_replica: 16,
            replicas: [(1, 100.0), (2, 190.0), (4, 350.0)].map(of_replicas).to_vec(),
            shards: [(1, 4.0, Some(120.0)), (2, 3.0, None)].map(of_shards).to_vec(),
        }
    }

    /// One search of 200,000 failed, and the p99 is half as long again.
    fn rollouts() -> Rollouts {
        let latency = |requests, p99_ms| Latency { requests, p50_ms: 1.0, p99_ms };
        let under_load = |failed, requests, p99_ms| UnderLoad {
            searches: Searched { failed, failures: Vec::new(), latency: latency(requests, p99_ms) },
            writes: latency(100, 3.0),
        };
        Rollouts {
            shards: 3,
            replicas: 2,
            routers: 2,
            clients: 4,
            ef: 64,
            before: under_load(0, 10_000, 4.0),
            during: under_load(1, 200_000, 6.0),
            seconds_to_dump: 1.0,
            seconds_to_flip: 2.5,
            seconds_to_flip_max: 3.5,
            flips: vec![ToFlip { seconds_to_dump: 1.0, seconds: 2.5 }],
        }
    }

    /// The p99 is a quarter longer beside the crowd, and one search failed.
    fn slow_clients() -> SlowClients {
        let latency = |p99_ms| Latency { requests: 1_000, p50_ms: 1.0, p99_ms };
        let (alone, beside) = (latency(4.0), latency(5.0));
        let round = SlowClientsRound { alone, beside, failed: 1, failures: Vec::new(), cut_off: 7 };
        SlowClients {
            crowd: 2_000,
            clients: 4,
            ef: 64,
            alone_p99_ms: alone.p99_ms,
            beside_p99_ms: beside.p99_ms,
            rounds: vec![round],
        }
    }

    #[test]
    fn searches_alone_stand_beside_those_in_a_crowd() {
        let section = &sections(&cluster())[6];
        assert!(section.contains("beside 2000 slow connections"), "{section}");
        let row = section.lines().nth(2).unwrap();
        for cell in [" 4.00 |", " 5.00 |", " 1.25 |", " 2000 |", " 1 |"] {
            assert!(row.contains(cell), "{row}");
        }
    }

    #[test]
    fn searches_before_stand_beside_those_during_rollouts() {
        let sections = sections(&cluster());
        let rows: Vec<&str> = sections[4].lines().skip(2).collect();
        assert!(
            rows[0].contains(" 4.00 |") && rows[1].contains(" 200000 |") && rows[1].contains(" 6.00 |"),
            "{rows:?}"
        );
        assert!(sections[5].contains(" 2.50 |") && sections[5].contains(" 3.50 |"), "{}", sections[5]);
    }

    #[test]
    fn replicas_stand_beside_one_and_shards_beside_each_other() {
        let sections = sections(&cluster());
        let [two, four] = [3, 4].map(|row| sections[2].lines().nth(row).unwrap());
        assert!(two.contains(" 98 % |"), "{two}");
        assert!(four.contains(" 350 |") && four.contains(" 3.50 |") && four.contains(" – |"), "{four}");
        let rows: Vec<&str> = sections[3].lines().skip(2).collect();
        assert!(rows[0].contains(" 4.00 |") && rows[0].contains(" 120 |") && rows[1].contains(" – |"), "{rows:?}");
    }

    #[test]
    fn a_dump_stands_beside_the_slower_of_the_systems_tools() {
        let sections = sections(&cluster());
        let dump = sections[0].lines().nth(2).unwrap();
        assert!(dump.contains("286 MiB") && dump.contains(" 100 |") && dump.contains(" 0.50 |"), "{dump}");
        assert!(sections[1].contains(" 1.25 |"), "{}", sections[1]);
        assert!(self::sections(&ClusterResults::default()).is_empty());
    }
}
