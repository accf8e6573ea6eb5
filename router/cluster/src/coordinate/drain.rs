//! What is due of a rollout that drains: which replica may let go of what it serves, and when a shard goes over.

use super::rollout::REPLICA_PATIENCE;
use super::{Due, Step};
use crate::decide::{has_prepared, serves, spared, stand_in};
use crate::record::{IndexRecord, Place, Preparing, ReplicaId, TaskId};
use crate::records::{LiveReplica, Records};
use annuli_core::ShardId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long routers have to hear that a shard has gone over, before those that had what was asked of it before let go of it.
/// One that has not heard by then asks the primary.
pub(super) const SWITCH_PATIENCE: Duration = Duration::from_secs(2);

/// Replicas of each shard.
pub(super) type ByShard<'a> = BTreeMap<ShardId, Vec<&'a LiveReplica<'a>>>;

/// Replicas that are counted on and away, with the shard of each. One that was silent for a moment comes back.
pub(super) fn away(preparing: &Preparing, replicas: &[LiveReplica<'_>]) -> BTreeMap<ReplicaId, ShardId> {
    let lives = |id: &ReplicaId| replicas.iter().any(|replica| replica.record.id == *id);
    preparing.known.iter().filter(|(id, _)| !lives(id)).map(|(id, shard)| (*id, *shard)).collect()
}

/// Shards of which as many replicas have what is new as serve what was before, and how long that must have been so: from then
/// on it is the other way round that the fewer would answer. Who is away and has not been let go counts with those that serve
/// what was before, for as long as it may come back, unless nobody answers at all meanwhile.
pub(super) fn switches(
    records: &Records,
    id: TaskId,
    index: &IndexRecord,
    preparing: &Preparing,
    replicas: &[LiveReplica<'_>],
) -> BTreeMap<ShardId, Due> {
    let Some(over) = &preparing.over else { return BTreeMap::new() };
    let mut away = away(preparing, replicas);
    away.retain(|id, _| !preparing.allowed.contains(id));
    let due = |(shard, of_shard): (ShardId, Vec<&LiveReplica<'_>>)| {
        let (new, others): (Vec<&LiveReplica<'_>>, Vec<_>) =
            of_shard.into_iter().partition(|replica| has_prepared(index, preparing, replica));
        let before = others.into_iter().filter(|replica| serves(index, replica)).count();
        if over.contains(&shard) || new.is_empty() || new.len() < before {
            return None;
        }
        let away = away.values().filter(|of| **of == shard).count();
        let is_answered = before > 0 || stand_in(records, index, shard).is_some();
        let waits = is_answered && new.len() < before + away;
        let patience = if waits { REPLICA_PATIENCE } else { Duration::ZERO };
        Some((shard, Due::after(patience, Step::SwitchShard(id, shard))))
    };
    by_shard(replicas.iter()).into_iter().filter_map(due).collect()
}

pub(super) fn by_shard<'a>(replicas: impl Iterator<Item = &'a LiveReplica<'a>>) -> ByShard<'a> {
    let mut by_shard = ByShard::new();
    replicas.for_each(|replica| by_shard.entry(replica.place.shard).or_default().push(replica));
    by_shard
}

/// Whether routers ask a shard for what is prepared already: from then on nothing is given up by itself.
pub(super) fn has_gone_over(preparing: &Preparing) -> bool {
    preparing.over.as_ref().is_some_and(|over| !over.is_empty())
}

/// Whose turn it is among the replicas of a shard that wait.
pub(super) enum Turn {
    /// These may let go now.
    Of(Vec<ReplicaId>),
    /// It is theirs who have been let go before.
    Others,
    /// Nobody's, and this is why.
    Nobody(String),
}

/// Which of the replicas of a shard that wait may let go now: at most as many as there are places, of those that are not
/// missed. One that answers nothing comes first.
pub(super) fn turn(
    records: &Records,
    index: &IndexRecord,
    preparing: &Preparing,
    waiting: &[&LiveReplica<'_>],
    places: usize,
) -> Turn {
    if places == 0 {
        return Turn::Others;
    }
    // What one says that has not heard of this rollout is what one before it asked for.
    let mut heard: Vec<_> = waiting.iter().filter(|replica| replica.has_heard(index.uuid, preparing)).collect();
    heard.sort_by_key(|replica| serves(index, replica));
    let (mut turns, mut leaving) = (Vec::new(), BTreeSet::new());
    for replica in &heard {
        if turns.len() < places && spared(records, index, replica, &leaving).is_some() {
            turns.push(replica.record.id);
            leaving.insert(replica.record.id);
        }
    }
    let Some(LiveReplica { place: Place { shard, .. }, .. }) = waiting.first().filter(|_| turns.is_empty()) else {
        return Turn::Of(turns);
    };
    // Once that one has heard it answers for another, or goes first.
    let not_heard = waiting.iter().find(|replica| !replica.has_heard(index.uuid, preparing));
    Turn::Nobody(match not_heard {
        Some(LiveReplica { address, .. }) => {
            format!("the replica of shard {shard} at {address} does not say that it has heard of the rollout")
        }
        None => format!(
            "no replica of shard {shard} can let go of what it serves: nobody else would answer, and its primary is down or \
             does not serve the index"
        ),
    })
}
