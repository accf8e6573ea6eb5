//! The first process of a cluster says how many shards it has; the others agree, or are of the number that it moves to, or do
//! not start.

use crate::change::Change;
use crate::record::{ClusterRecord, Key, LayoutId, Place};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
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

/// The layout of the cluster that has `shards` shards; with what makes the cluster one of as many, if there is none yet.
pub fn found(records: &Records, shards: ShardCount) -> Result<(LayoutId, Option<Change>), OtherCluster> {
    if let Some(reason) = records.unreadable.get(&Key::Cluster) {
        return Err(OtherCluster::Unreadable { reason: reason.clone() });
    }
    let Some(stored) = &records.cluster else {
        let record = ClusterRecord::founded(shards);
        let change = Change::new().if_absent(Key::Cluster).put(Key::Cluster, record.encode());
        return Ok((record.layout.id, Some(change)));
    };
    match stored.record.layouts().find(|layout| layout.shards == shards) {
        Some(layout) => Ok((layout.id, None)),
        None => Err(OtherCluster::Shards { found: stored.record.layout.shards, wanted: shards }),
    }
}

/// Why the process of a place has nothing to do any longer, and never will have: the cluster has moved to another layout, or
/// was to move to this one and does not.
pub fn check_layout(records: &Records, place: Place) -> Result<(), Failure> {
    let Some(cluster) = &records.cluster else { return Ok(()) };
    if cluster.record.layouts().any(|layout| layout.id == place.layout) {
        return Ok(());
    }
    let message = format!(
        "the cluster has {} shards now, and shard {} as this process holds it is none of them: stop this process; its folder \
         is of no more use",
        cluster.record.layout.shards, place.shard
    );
    Err(Failure::new(ErrorCode::ShardUnavailable, message).with("shard", place.shard.0))
}
