//! What a router of a cluster tells of an index.

use super::{IndexFailed, RemoteIndex, UNTIL_BUILT};
use crate::clock::poll;
use crate::connection::{Connection, ExchangeFailed, request};
use annuli_api::v1::cluster::{ClusterIndex, ClusterInfo, ClusterShard};
use annuli_api::v1::path;

/// Counts the reads that the primary of a shard answered although there are replicas.
const PRIMARY_READS: &str = "annuli_primary_reads_total{";

/// Counts how often a replica was not asked for a while.
const EJECTIONS: &str = "annuli_replica_ejections_total{";

/// What a router has seen of all replicas since it was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplicasSeen {
    /// Reads that none of them answered.
    pub answered_by_primaries: u64,
    pub ejections: u64,
}

impl RemoteIndex {
    /// Waits until so many replicas of each shard serve what is official.
    pub(crate) fn wait_until_served(&self, replicas: usize) -> Result<(), IndexFailed> {
        let mut connection = Connection::open(&self.address)?;
        let ask = request("GET", &self.address, path::CLUSTER, &[]);
        let served = poll(UNTIL_BUILT, || {
            let info: ClusterInfo = connection.send(&ask)?.read()?;
            let served = info.indexes.get(&self.name).is_some_and(|index| is_served(index, replicas));
            Ok::<_, ExchangeFailed>(served.then_some(()))
        })?;
        served.ok_or_else(|| IndexFailed::NeverServed { index: self.name.clone(), replicas })
    }

    /// What the router has seen of replicas.
    pub(crate) fn of_replicas(&self) -> Result<ReplicasSeen, ExchangeFailed> {
        let reply = Connection::open(&self.address)?.send(&request("GET", &self.address, path::METRICS, &[]))?;
        let metrics = String::from_utf8_lossy(&reply.expect_success()?).into_owned();
        Ok(ReplicasSeen {
            answered_by_primaries: counted(&metrics, PRIMARY_READS),
            ejections: counted(&metrics, EJECTIONS),
        })
    }
}

fn is_served(index: &ClusterIndex, replicas: usize) -> bool {
    let Some(official) = index.generation else { return false };
    let ready = |shard: &ClusterShard| {
        let states = shard.replicas.iter().filter_map(|replica| replica.generations.get(&official));
        states.filter(|state| *state == "ready").count()
    };
    index.shards.iter().all(|shard| ready(shard) >= replicas)
}

/// The sum of all that a counter has counted.
fn counted(metrics: &str, counter: &str) -> u64 {
    let of_it = metrics.lines().filter(|line| line.starts_with(counter));
    of_it.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let metrics = "# TYPE annuli_primary_reads_total counter\n\
                       annuli_primary_reads_total{index=\"a\",shard=\"0\",why=\"fresher\"} 3\n\
                       annuli_primary_reads_total{index=\"a\",shard=\"1\",why=\"no_replica\"} 4\n\
                       annuli_primary_reads_totally{index=\"a\"} 5\n";
        assert_eq!(counted(metrics, PRIMARY_READS), 7);
    }

    #[test]
    fn an_index_is_served_when_enough_replicas_of_each_shard_have_what_is_official() {
        let replica = |state: &str| serde_json::json!({"id": "0198a5a6-0000-7000-8000-000000000000", "address": "a", "generations": {"2": state}});
        let index = |states: &[&str]| {
            let replicas: Vec<_> = states.iter().map(|state| replica(state)).collect();
            serde_json::from_value(serde_json::json!({"generation": 2, "shards": [{"shard": 0, "replicas": replicas}]}))
                .unwrap()
        };
        assert!(is_served(&index(&["ready", "ready"]), 2));
        assert!(!is_served(&index(&["ready", "preparing"]), 2));
    }
}
