//! The first process of a cluster says how many shards it has; the others agree or do not start.

use crate::change::Change;
use crate::record::{ClusterRecord, Key};
use crate::records::Records;
use annuli_core::ShardCount;

/// A process was started for another cluster than the one whose store it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cluster in this coordination store has {found} shards, the process was started for {wanted}")]
pub struct OtherCluster {
    /// Shards of the cluster.
    pub found: ShardCount,
    /// Shards that the process was started for.
    pub wanted: ShardCount,
}

/// What makes the cluster one of `shards` shards; nothing, if it is already.
pub fn found(records: &Records, shards: ShardCount) -> Result<Option<Change>, OtherCluster> {
    match &records.cluster {
        Some(stored) if stored.record.shards == shards => Ok(None),
        Some(stored) => Err(OtherCluster { found: stored.record.shards, wanted: shards }),
        None => {
            let change = Change::new().if_absent(Key::Cluster).put(Key::Cluster, ClusterRecord { shards }.encode());
            Ok(Some(change))
        }
    }
}
