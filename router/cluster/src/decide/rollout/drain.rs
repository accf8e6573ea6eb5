//! A rollout that drains: each replica lets go of what it serves before it prepares what comes, and each shard goes over to
//! that by itself, before all have it.
//!
//! Who counts on a process that answers says so in the conditions of the change: if that has gone, or says another thing,
//! nothing is written.

use super::Under;
use crate::change::Change;
use crate::record::{Generations, IndexRecord, Key, NodeId, Place, Preparing, ReplicaId, Served, TaskId, Way};
use crate::records::{LiveReplica, Records};
use annuli_api::{ErrorCode, Failure};
use annuli_core::ShardId;
use std::collections::BTreeSet;

/// Lets routers ask for the new generation of a shard from now on.
pub fn switch_shard(records: &Records, id: TaskId, shard: ShardId) -> Option<Change> {
    let (under, preparing) = Under::preparing(records, id)?;
    let index = &under.index.record;
    let has_it = |replica: &LiveReplica<'_>| replica.place.shard == shard && has_prepared(index, preparing, replica);
    let LiveReplica { node, revision, .. } = records.replicas_on(index.layout).find(has_it)?;
    let mut preparing = preparing.clone();
    let is_new = preparing.over.as_mut()?.insert(shard);
    let change = under.with(Generations { preparing: Some(preparing), ..under.generations() });
    is_new.then(|| change.if_at(Key::Node(node), revision))
}

/// Whether a replica has what is prepared, for this rollout: not left over from one before, which is about to go.
pub(crate) fn has_prepared(index: &IndexRecord, preparing: &Preparing, replica: &LiveReplica<'_>) -> bool {
    let has_gone_over = || preparing.over.as_ref().is_some_and(|over| over.contains(&replica.place.shard));
    let is_asked = preparing.way() == Way::Beside || preparing.allowed.contains(&replica.record.id) || has_gone_over();
    is_asked && replica.has_heard(index.uuid, preparing) && replica.is_ready(index.uuid, preparing.of.generation)
}

/// Whether a replica answers for its shard: it has what routers ask for there, and is not told to let go of it.
pub(crate) fn serves(index: &IndexRecord, replica: &LiveReplica<'_>) -> bool {
    let generations = &index.generations;
    let Some(asked) = generations.of_shard(replica.place.shard) else { return false };
    replica.is_ready(index.uuid, asked.generation) && !generations.lets_go(replica.record.id, asked)
}

/// What must stand for a replica to be let go of what it has, if it can be spared beside those that leave: the record of
/// somebody else who answers for its shard; or its own, if it answers nothing itself.
pub(crate) fn spared(
    records: &Records,
    index: &IndexRecord,
    replica: &LiveReplica<'_>,
    leaving: &BTreeSet<ReplicaId>,
) -> Option<(NodeId, u64)> {
    if !serves(index, replica) {
        return Some((replica.node, replica.revision));
    }
    let preparing = index.generations.preparing.as_ref()?;
    let stays = |other: &LiveReplica<'_>| {
        let is_other = other.place == replica.place && other.record.id != replica.record.id;
        let is_left = !leaving.contains(&other.record.id) && other.has_heard(index.uuid, preparing);
        is_other && is_left && serves(index, other)
    };
    let other = records.replicas().find(stays).map(|other| (other.node, other.revision));
    other.or_else(|| stand_in(records, index, replica.place.shard))
}

/// What a rollout that drains becomes when it is rolled back after a shard has gone over: the same the other way. Nobody is
/// asked for anything else by that, and nobody who answers lets go: what is new is official now, and those shards have gone
/// over that had not before.
pub(super) fn turned(records: &Records, under: &Under<'_>, preparing: &Preparing) -> Option<Change> {
    let (index, generations) = (&under.index.record, under.generations());
    let (over, before) = (preparing.over.as_ref()?, generations.official?);
    let stays_as_it_is = |replica: &LiveReplica<'_>| {
        over.contains(&replica.place.shard) && preparing.allowed.contains(&replica.record.id)
    };
    let goes_back = records.replicas_on(index.layout).filter(|replica| !stays_as_it_is(replica));
    let back = Preparing {
        of: before,
        rollout: under.id,
        allowed: goes_back.map(|replica| replica.record.id).collect(),
        over: Some(index.schema.shards.shards().filter(|shard| !over.contains(shard)).collect()),
        known: preparing.known.clone(),
        attempt: 0,
    };
    Some(under.with(Generations {
        official: Some(preparing.of),
        retiring: None,
        preparing: Some(back),
        // It is not to come again by itself, with the next dump.
        held: true,
        ..generations
    }))
}

/// Shards whose one process that answers a change counts on: each is a condition of its transaction, which takes few.
const COUNTED_ON_MAX: usize = 32;

/// What must stand for a rollout to end where it is: for each shard that has gone over somebody answers from what is
/// official, or its primary does. Where that is one process alone its record is named, of as many shards as a transaction
/// takes: that all the others fail while it is on its way is no likelier than that they do a moment later.
///
/// # Errors
/// The shard that would be left to nobody.
pub(super) fn given_up(records: &Records, index: &IndexRecord, preparing: &Preparing) -> Result<Change, ShardId> {
    let replicas: Vec<_> = records.replicas_on(index.layout).collect();
    let mut change = Change::new();
    for shard in preparing.over.iter().flatten().copied() {
        let has_official = |replica: &&LiveReplica<'_>| {
            let official = index.generations.official;
            let is_ready = official.is_some_and(|official| replica.is_ready(index.uuid, official.generation));
            let keeps = replica.has_heard(index.uuid, preparing) && !preparing.allowed.contains(&replica.record.id);
            replica.place.shard == shard && is_ready && keeps
        };
        let answering = replicas.iter().filter(has_official).map(|found| (found.node, found.revision));
        let mut answering = answering.chain(stand_in(records, index, shard));
        let (node, revision) = answering.next().ok_or(shard)?;
        if answering.next().is_none() && change.conditions.len() < COUNTED_ON_MAX {
            change = change.if_at(Key::Node(node), revision);
        }
    }
    Ok(change)
}

/// Refuses a rollout that takes the one replica of a shard out of service where nobody would stand in for it.
pub(in crate::decide) fn check_drainable(records: &Records, index: &IndexRecord) -> Result<(), Failure> {
    let replicas: Vec<_> = records.replicas_on(index.layout).collect();
    for shard in index.schema.shards.shards() {
        let of_shard = replicas.iter().filter(|replica| replica.place.shard == shard).count();
        if of_shard == 1 && stand_in(records, index, shard).is_none() {
            let message = format!(
                "shard {shard} would be left to nobody: a rollout that drains takes its one replica out of service, and its \
                 primary is down; start the primary or a second replica, or roll out without draining"
            );
            return Err(Failure::new(ErrorCode::TaskConflict, message).with("shard", shard.0));
        }
    }
    Ok(())
}

/// The primary of a shard, if it lives and does not say that it cannot serve the index.
pub(crate) fn stand_in(records: &Records, index: &IndexRecord, shard: ShardId) -> Option<(NodeId, u64)> {
    let (node, stored) = records.primary_node(Place { layout: index.layout, shard })?;
    let serves = stored.record.serves.get(&index.uuid) != Some(&Served::Unavailable);
    serves.then_some((node, stored.revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::txn;
    use crate::decide::{Word, say};
    use crate::record::{Approval, AskedBy, ClusterRecord, NodeRecord, NumberedDump, Role, Rollout, TaskRecord, Work};
    use crate::testing::{dump, name, schema, uuid};
    use annuli_api::v1::task::TaskStatus;
    use annuli_core::limits::SHARDS_MAX;
    use annuli_core::{Generation, ShardCount};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    /// The first drain of an index of as many shards as there may be: it has gone over everywhere, and everywhere the
    /// primary stands in.
    fn drained() -> (Records, TaskId) {
        let (mut records, id) = (Records::default(), TaskId(dump(9).uuid()));
        let all = ShardCount::new(SHARDS_MAX).expect("the limit");
        let to = NumberedDump { generation: Generation(1), dump: dump(1) };
        let rollout = Rollout {
            to,
            max_unavailable: 1,
            way: Way::Drain,
            approval: Approval::NotNeeded,
            canary: None,
            asked_by: AskedBy::Person,
            flipped_from: None,
        };
        let over = Some(all.shards().collect());
        let preparing = Preparing { of: to, rollout: id, allowed: [].into(), over, known: [].into(), attempt: 0 };
        let generations = Generations { last: 1, preparing: Some(preparing), ..Generations::default() };
        let index = IndexRecord { generations, ..IndexRecord::new(uuid(1), schema(SHARDS_MAX)) };
        let (index_name, status) = (name("faces"), TaskStatus::Running);
        let task = TaskRecord { index: index_name, uuid: uuid(1), work: Work::Rollout(rollout), status, error: None };
        records.put(&Key::Cluster.to_string(), 1, &ClusterRecord::founded(all).encode());
        records.put(&Key::Index(name("faces")).to_string(), 2, &index.encode());
        records.put(&Key::Task(id).to_string(), 3, &task.encode());
        for shard in all.shards() {
            let node = NodeRecord {
                address: "127.0.0.1:7700".to_owned(),
                role: Role::Primary,
                place: Place::first(shard),
                serves: BTreeMap::new(),
                replica: None,
            };
            records.put(&primary(shard), 4, &node.encode());
        }
        (records, id)
    }

    fn primary(shard: ShardId) -> String {
        Key::Node(NodeId(Uuid::from_u128(u128::from(shard.0)))).to_string()
    }

    /// Each shard was a condition of the change: with more than sixty of them no store took it, and the rollout could not be
    /// ended by anything.
    #[test]
    fn a_drain_of_many_shards_is_given_up_by_one_change() {
        let (mut records, id) = drained();
        let change = say(&records, id, Word::RollBack).expect("somebody stands in for each shard");
        txn(&change, None).unwrap().check_size().unwrap();
        // All are looked at, also those that no condition names.
        records.delete(&primary(ShardId(SHARDS_MAX - 1)));
        let refused = say(&records, id, Word::RollBack).unwrap_err();
        assert!(refused.message.contains(&format!("no replica of shard {} has", SHARDS_MAX - 1)), "{refused}");
    }
}
