//! Ours while it is operated, in tables.

use super::ratio::Ratio;
use super::table::{align_right, ratio_text, table};
use crate::cluster::results::{ClusterResults, Dumps};

/// What there is to say of it, as far as it was measured.
pub(super) fn sections(cluster: &ClusterResults) -> Vec<String> {
    cluster.dumps.iter().flat_map(|measured| [dumps(measured), writes(measured)]).collect()
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cluster::results::Onto;

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
        ClusterResults { dumps: Some(dumps), skipped: Vec::new() }
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
