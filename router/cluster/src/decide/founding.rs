//! The first process of a cluster says how many shards it has; the others agree or do not start.

use crate::change::Change;
use crate::record::{ClusterRecord, Key};
use crate::records::Records;
use annuli_core::ShardCount;

/// A process was started for another cluster than the one whose store it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OtherCluster {
    /// It has another number of shards.
    #[error("the cluster in this coordination store has {found} shards, the process was started for {wanted}")]
    Shards {
        /// Shards of the cluster.
        found: ShardCount,
        /// Shards that the process was started for.
        wanted: ShardCount,
    },
    /// It cannot be told what it is.
    #[error("{reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
}

/// What makes the cluster one of `shards` shards; nothing, if it is already.
pub fn found(records: &Records, shards: ShardCount) -> Result<Option<Change>, OtherCluster> {
    if let Some(reason) = records.unreadable.get(&Key::Cluster) {
        return Err(OtherCluster::Unreadable { reason: reason.clone() });
    }
    match &records.cluster {
        Some(stored) if stored.record.shards == shards => Ok(None),
        Some(stored) => Err(OtherCluster::Shards { found: stored.record.shards, wanted: shards }),
        None => {
            let change = Change::new().if_absent(Key::Cluster).put(Key::Cluster, ClusterRecord { shards }.encode());
            Ok(Some(change))
        }
    }
}
