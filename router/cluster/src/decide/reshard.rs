//! A cluster moves to another number of shards, index by index.
//!
//! The next layout stands in the cluster's record: from then on processes of it may join. Each index has a task of its own.
//! It takes a dump, of which the primaries of the next layout make what the index is to become; they then read what was
//! written since from the primaries of today, until they trail by little. The index is *sealed*: its primaries take no more
//! writes, and say which was the last. When each of the others has every write up to there, one transaction lets what was
//! made take the name over. When every index has moved, so has the cluster.
//!
//! Until an index has moved, everything can be taken back, and nothing that clients use was touched but for the seal.

use super::check_readable;
use super::dump::deleting;
use super::index::{about_to_be, as_it_is, bury, cluster};
use super::shard::Reported;
use super::task::{ended, request};
use crate::change::Change;
use crate::record::{
    ClusterRecord, Former, Generations, IndexRecord, IndexState, Key, Layout, LayoutId, Moving, TaskId, TaskRecord,
    Work,
};
use crate::records::{Records, Stored};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{HistoryId, IndexName, IndexSchema, IndexUuid, Seq, ShardCount, ShardId};
use annuli_dump::DumpId;
use std::collections::{BTreeMap, BTreeSet};

/// A request for as many shards, which may be decided several times until it is known to be done.
#[derive(Debug, Default)]
pub struct ReshardRequest {
    /// The last number that a layout had got at first.
    last: Option<LayoutId>,
}

impl ReshardRequest {
    /// What is to be written; nothing, if the cluster has begun to move there since. A look after a commit whose answer was
    /// lost may find that it has moved, or that somebody has cancelled it.
    pub fn decide(&mut self, records: &Records, shards: ShardCount) -> Result<Option<Change>, Failure> {
        let record = cluster(records)?.record;
        let has_begun = self.last.is_some_and(|last| record.last != last);
        if has_begun && record.next.is_none() {
            return Ok(None);
        }
        self.last = Some(record.last);
        request_reshard(records, shards)
    }
}

/// A request to stay with as many shards as there are, which may be decided several times until it is known to be done.
#[derive(Debug, Default)]
pub struct ReshardCancellation {
    /// The layout that the cluster was about to move to at first.
    next: Option<LayoutId>,
}

impl ReshardCancellation {
    /// What is to be written; nothing, if the cluster moves there no longer: where it moves since, somebody has asked for it
    /// again.
    pub fn decide(&mut self, records: &Records) -> Result<Option<Change>, Failure> {
        let next = cluster(records)?.record.next.map(|next| next.id);
        if self.next.is_some() && self.next != next {
            return Ok(None);
        }
        self.next = next;
        cancel_reshard(records)
    }
}

/// Asks for as many shards; nothing is to be written, if the cluster moves there already.
pub fn request_reshard(records: &Records, shards: ShardCount) -> Result<Option<Change>, Failure> {
    let stored = cluster(records)?;
    if let Some(next) = stored.record.next {
        if next.shards == shards {
            return Ok(None);
        }
        let message = format!("the cluster moves to {} shards: wait for that, or cancel it first", next.shards);
        return Err(Failure::new(ErrorCode::TaskConflict, message).with("shards", next.shards.get()));
    }
    if stored.record.layout.shards == shards {
        let message = format!("the cluster has {shards} shards");
        return Err(Failure::new(ErrorCode::InvalidRequest, message).with("shards", shards.get()));
    }
    check_indexes(records)?;
    let id = LayoutId(stored.record.last.0 + 1);
    let record = ClusterRecord { next: Some(Layout { id, shards }), last: id, ..stored.record };
    Ok(Some(Change::new().if_at(Key::Cluster, stored.revision).put(Key::Cluster, record.encode())))
}

/// Asks to stay with as many shards as there are. What was begun is taken back by the coordinator.
pub fn cancel_reshard(records: &Records) -> Result<Option<Change>, Failure> {
    let stored = cluster(records)?;
    let Some(next) = stored.record.next else { return Ok(None) };
    // One that cannot be read may have moved: its layout would be over, and its processes gone.
    check_indexes(records)?;
    if let Some((name, _)) = records.indexes.iter().find(|(_, index)| index.record.layout == next.id) {
        let message = format!(
            "index `{name}` has moved to {} shards already: let the others follow, then move back",
            next.shards
        );
        return Err(Failure::new(ErrorCode::TaskConflict, message).with("index", name.as_str()));
    }
    let record = ClusterRecord { next: None, ..stored.record };
    Ok(Some(Change::new().if_at(Key::Cluster, stored.revision).put(Key::Cluster, record.encode())))
}

/// Where an index is whose record cannot be read is not known.
fn check_indexes(records: &Records) -> Result<(), Failure> {
    let mut indexes = records.unreadable.keys().filter(|key| matches!(key, Key::Index(_)));
    indexes.try_for_each(|key| check_readable(records, key))
}

/// Begins to move an index, as a task that waits for its turn.
pub fn begin_reshard(records: &Records, uuid: IndexUuid, id: TaskId) -> Option<Change> {
    let next = records.cluster.as_ref()?.record.next?;
    let (name, index) = records.index_of(uuid)?;
    let is_due = index.record.layout != next.id
        && index.record.state() == IndexState::Ready
        && index.record.moving.is_none()
        && reshard_of(records, uuid).is_none();
    // Before a full queue it is not due.
    is_due.then(|| request(records, name, index, id, Work::Reshard(next)).ok()).flatten()
}

/// The task that moves an index.
pub(crate) fn reshard_of(records: &Records, uuid: IndexUuid) -> Option<(TaskId, &Stored<TaskRecord>)> {
    let moves = |task: &TaskRecord| task.is_move() && task.uuid == uuid && !task.is_over();
    records.tasks.iter().find(|(_, stored)| moves(&stored.record)).map(|(id, stored)| (*id, stored))
}

/// What the making of an index on another layout begins with.
pub(super) struct Beginning {
    pub(super) to: Layout,
    pub(super) uuid: IndexUuid,
    pub(super) dump: DumpId,
    pub(super) generations: Generations,
}

/// Lets the primaries of another layout make the index there, of a dump.
pub(super) fn begin_move(name: &IndexName, index: &Stored<IndexRecord>, beginning: Beginning) -> Option<Change> {
    let Beginning { to, uuid, dump, generations } = beginning;
    if index.record.moving.is_some() || index.record.layout == to.id {
        return None;
    }
    let moving = Moving {
        uuid,
        layout: to.id,
        shards: to.shards,
        dump,
        histories: BTreeMap::new(),
        near: BTreeSet::new(),
        sealed: None,
        done: BTreeSet::new(),
    };
    Some(put(name, index, &IndexRecord { moving: Some(moving), generations, ..index.record.clone() }))
}

fn put(name: &IndexName, index: &Stored<IndexRecord>, record: &IndexRecord) -> Change {
    let key = Key::Index(name.clone());
    Change::new().if_at(key.clone(), index.revision).put(key, record.encode())
}

fn put_moving(name: &IndexName, index: &Stored<IndexRecord>, moving: Option<Moving>) -> Change {
    put(name, index, &IndexRecord { moving, ..index.record.clone() })
}

/// A report of a primary about what an index is to become.
fn reported(records: &Records, uuid: IndexUuid, report: impl FnOnce(&Moving) -> Result<Moving, Reported>) -> Reported {
    let Some((name, index, moving)) = records.moving_to(uuid) else { return Reported::TooLate };
    match report(moving) {
        Ok(said) if said == *moving => Reported::Known,
        Ok(said) => Reported::New(put_moving(name, index, Some(said))),
        Err(reported) => reported,
    }
}

/// The primary of `shard` has made it, with that line of writes.
pub(super) fn report_filled(records: &Records, uuid: IndexUuid, shard: ShardId, history: HistoryId) -> Reported {
    reported(records, uuid, |moving| {
        let mut said = moving.clone();
        let known = *said.histories.entry(shard).or_insert(history);
        if known == history { Ok(said) } else { Err(Reported::TooLate) }
    })
}

/// The new primary of `shard` trails by little.
pub fn report_near(records: &Records, uuid: IndexUuid, shard: ShardId) -> Reported {
    reported(records, uuid, |moving| {
        let mut said = moving.clone();
        said.near.insert(shard);
        Ok(said)
    })
}

/// The new primary of `shard` trails by more than it was said to. Once the index is sealed it is too late to say so: then
/// it hurries, as long as the seal lasts.
pub fn report_far(records: &Records, uuid: IndexUuid, shard: ShardId) -> Reported {
    reported(records, uuid, |moving| {
        let mut said = moving.clone();
        said.near.remove(&shard);
        if said.sealed.is_none() { Ok(said) } else { Err(Reported::TooLate) }
    })
}

/// The primary of `shard`, as it is today, acknowledges no write of the index behind `seq`.
pub fn report_sealed(records: &Records, uuid: IndexUuid, shard: ShardId, seq: Seq) -> Reported {
    reported(records, uuid, |moving| {
        let mut said = moving.clone();
        let sealed = said.sealed.as_mut().ok_or(Reported::TooLate)?;
        // What was said first stands: others may have acted by it.
        sealed.entry(shard).or_insert(seq);
        Ok(said)
    })
}

/// The new primary of `shard` has every write, and takes no more from where the index is today.
pub fn report_done(records: &Records, uuid: IndexUuid, shard: ShardId) -> Reported {
    reported(records, uuid, |moving| {
        let mut said = moving.clone();
        said.done.insert(shard);
        if said.sealed.is_some() { Ok(said) } else { Err(Reported::TooLate) }
    })
}

/// A new primary cannot go on with what it is to make: it is begun anew, with another dump.
pub fn report_unmoved(records: &Records, uuid: IndexUuid, failure: Failure) -> Reported {
    let Some((_, index, _)) = records.moving_to(uuid) else { return Reported::TooLate };
    let given_up = match reshard_of(records, index.record.uuid) {
        Some((id, _)) => fail_reshard(records, id, failure),
        None => abandon_move(records, index.record.uuid),
    };
    given_up.map_or(Reported::TooLate, Reported::New)
}

/// Seals the index of a task: from now on its primaries take no writes.
pub fn seal(records: &Records, id: TaskId) -> Option<Change> {
    let (name, index, moving) = moved_by(records, id)?;
    let sealed = Some(BTreeMap::new()).filter(|_| moving.sealed.is_none())?;
    Some(put_moving(name, index, Some(Moving { sealed: Some(sealed), ..moving.clone() })))
}

fn moved_by(records: &Records, id: TaskId) -> Option<(&IndexName, &Stored<IndexRecord>, &Moving)> {
    let task = records.tasks.get(&id).filter(|task| task.record.status == TaskStatus::Running)?;
    let (name, index) = records.index_of(task.record.uuid)?;
    Some((name, index, index.record.moving.as_ref()?))
}

/// Lets what was made take the name over. Aliases stand for it by what it was at first; its generations begin anew. None is held
/// either after a rollback: primaries answer until the first rollout, so there is nothing left to keep from searches.
pub fn move_over(records: &Records, id: TaskId) -> Option<Change> {
    let task = records.tasks.get(&id)?;
    let (name, index, moving) = moved_by(records, id)?;
    let cluster =
        records.cluster.as_ref().filter(|cluster| cluster.record.next.map(|it| it.id) == Some(moving.layout))?;
    let before = &index.record;
    let is_sealed = moving.sealed.as_ref().is_some_and(|sealed| sealed.len() == before.schema.shards.get() as usize);
    if !is_sealed || moving.done.len() != moving.shards.get() as usize {
        return None;
    }
    let former = Former {
        uuid: before.uuid,
        layout: before.layout,
        shards: before.schema.shards,
        histories: before.histories.clone(),
        official: before.generations.official,
    };
    let record = IndexRecord {
        first: before.first,
        layout: moving.layout,
        histories: moving.histories.clone(),
        former: Some(former),
        ..IndexRecord::new(moving.uuid, IndexSchema { shards: moving.shards, ..before.schema })
    };
    // Whoever cancels at the same time has decided by what it was before.
    let change = as_it_is(cluster).and(put(name, index, &record));
    Some(ended(id, task, TaskStatus::Succeeded, None, change))
}

/// Gives up a task that moves an index, which takes writes again.
pub fn fail_reshard(records: &Records, id: TaskId, failure: Failure) -> Option<Change> {
    let task = records.tasks.get(&id).filter(|task| !task.record.is_over())?;
    let change = abandon_move(records, task.record.uuid).unwrap_or_default();
    Some(ended(id, task, TaskStatus::Failed, Some(failure), change))
}

/// Takes away what the index of that identity was about to become.
pub fn abandon_move(records: &Records, uuid: IndexUuid) -> Option<Change> {
    let (name, index) = records.index_of(uuid)?;
    let moving = index.record.moving.as_ref()?;
    let change = put_moving(name, index, None);
    // Nobody has asked for its dump, and it would stand in for one that somebody has.
    let dump = records.dumps.get(&moving.dump).filter(|dump| dump.record.generation().is_some());
    let dump = dump.filter(|_| records.user_beside_move(uuid, moving.dump).is_none());
    let change = dump.map_or(change.clone(), |stored| change.and(deleting(moving.dump, stored)));
    // Who held it of a layout that is over removes nothing any longer.
    Some(if records.layout(moving.layout).is_some() { bury(name, about_to_be(moving), change) } else { change })
}

/// Nobody reads any longer where an index was before. Its folders stay there: whoever deletes it has them removed.
pub fn forget_former(records: &Records, uuid: IndexUuid) -> Option<Change> {
    let (name, index) = records.index_of(uuid)?;
    let left_behind = Some(index.record.former.as_ref()?.into());
    Some(put(name, index, &IndexRecord { former: None, left_behind, ..index.record.clone() }))
}

/// Every index has moved: the next layout is that of the cluster.
pub fn end_reshard(records: &Records) -> Option<Change> {
    let stored = records.cluster.as_ref()?;
    let next = stored.record.next?;
    let is_left = |index: &Stored<IndexRecord>| index.record.layout != next.id || index.record.former.is_some();
    let unreadable = records.unreadable.keys().any(|key| matches!(key, Key::Index(_)));
    if unreadable || records.indexes.values().any(is_left) {
        return None;
    }
    let record = ClusterRecord { layout: next, next: None, ..stored.record };
    Some(Change::new().if_at(Key::Cluster, stored.revision).put(Key::Cluster, record.encode()))
}

/// Those who were to remove an index are of a layout that is over.
pub fn forget_tombstone(records: &Records, uuid: IndexUuid) -> Option<Change> {
    let stored = records.gone.get(&uuid)?;
    let key = Key::Gone(uuid);
    Some(Change::new().if_at(key.clone(), stored.revision).delete(key))
}
