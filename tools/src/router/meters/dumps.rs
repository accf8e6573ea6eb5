//! Dumps and rollouts: what there is, and how far is what is under way.

use super::{Page, clamped};
use annuli_cluster::Records;
use annuli_cluster::record::{DumpRecord, DumpState, Prepared};
use annuli_core::IndexName;
use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

/// Of each index, what is in the store of dumps.
pub(super) fn of_dumps(page: &Page, records: &Records) {
    let labels = ["index"];
    let kept = page.gauges("annuli_dumps", "Dumps of the index that are kept.", &labels);
    let bytes = page.gauges("annuli_dump_bytes", "Size of the newest of them.", &labels);
    let help = "When the newest of them was begun, in seconds since 1970.";
    let created = page.gauges("annuli_dump_created_timestamp_seconds", help, &labels);
    let help = "Shards that the dump under way has already; 0 as well where none is.";
    let done = page.gauges("annuli_dump_shards_done", help, &labels);
    for (name, stored) in &records.indexes {
        let (name, dumps) = ([name.as_str()], records.dumps_of(stored.record.uuid).len());
        kept.with_label_values(&name).set(clamped(dumps as u64));
        done.with_label_values(&name).set(0);
    }
    for (name, newest) in newest_by_index(records) {
        let name = [name.as_str()];
        let size = newest.done().map(|(_, shard)| shard.bytes).fold(0, u64::saturating_add);
        bytes.with_label_values(&name).set(clamped(size));
        if let Some(seconds) = seconds_since_1970(newest.created_at.as_str()) {
            created.with_label_values(&name).set(clamped(seconds));
        }
    }
    for dump in records.dumps.values().map(|stored| &stored.record) {
        let known = records.index_of(dump.uuid).filter(|_| dump.state == DumpState::Taking);
        if let Some((name, _)) = known {
            done.with_label_values(&[name.as_str()]).set(clamped(dump.done().count() as u64));
        }
    }
}

fn newest_by_index(records: &Records) -> BTreeMap<&IndexName, &DumpRecord> {
    let newest = records.indexes.iter().filter_map(|(name, stored)| {
        let newest = *records.dumps_of(stored.record.uuid).last()?;
        Some((name, &records.dumps.get(&newest.dump)?.record))
    });
    newest.collect()
}

/// Of each index, how many replicas are how far with the rollout under way.
pub(super) fn of_rollouts(page: &Page, records: &Records) {
    let help = "Replicas of the rollout under way, by how far they are: waiting, preparing, ready or failed.";
    let replicas = page.gauges("annuli_rollout_replicas", help, &["index", "state"]);
    for (name, stored) in &records.indexes {
        for state in ["waiting", "preparing", "ready", "failed"] {
            replicas.with_label_values(&[name.as_str(), state]).set(0);
        }
        let Some(preparing) = &stored.record.generations.preparing else { continue };
        for replica in records.replicas_on(stored.record.layout) {
            let state = match replica.prepared(stored.record.uuid, preparing.of.generation) {
                None => "waiting",
                Some(Prepared::Under(_)) => "preparing",
                Some(Prepared::Ready) => "ready",
                Some(Prepared::Failed { .. }) => "failed",
            };
            replicas.with_label_values(&[name.as_str(), state]).inc();
        }
    }
}

/// A time of RFC 3339, as dumps have theirs.
fn seconds_since_1970(time: &str) -> Option<u64> {
    let time = humantime::parse_rfc3339(time).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_dump_becomes_seconds() {
        assert_eq!(seconds_since_1970("1970-01-02T00:00:01Z"), Some(86_401));
        assert_eq!(seconds_since_1970("2026-01-31T12:00:00.25Z"), Some(1_769_860_800));
        assert_eq!(seconds_since_1970("yesterday"), None);
    }
}
