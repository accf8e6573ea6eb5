//! Taking a dump: what the coordinator and the primaries write down on the way.

use super::check_readable;
use super::generations::put_generations;
use super::reshard::{Beginning, begin_move};
use super::shard::Reported;
use super::task::{changed, ended};
use crate::change::Change;
use crate::record::{
    Approval, AskedBy, DumpRecord, DumpState, Generations, Key, NumberedDump, Rollout, ShardDump, TaskId, TaskRecord,
    Work,
};
use crate::records::{Records, Stored};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, IndexUuid, ShardId};
use annuli_dump::{CreatedAt, DumpId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Begins the dump of a task that waits for its turn: the primaries see it, and put their shards into the store.
pub fn begin_dump(records: &Records, id: TaskId, dump: DumpId, created_at: CreatedAt) -> Option<Change> {
    let task = records.tasks.get(&id).filter(|task| task.record.status == TaskStatus::Queued)?;
    let (index, uuid) = (task.record.index.clone(), task.record.uuid);
    let record = DumpRecord { index, uuid, created_at, state: DumpState::Taking, shards: BTreeMap::new() };
    let running = TaskRecord { status: TaskStatus::Running, ..task.record.clone() };
    let key = Key::Dump(dump);
    Some(changed(id, task, &running, Change::new().if_absent(key.clone()).put(key, record.encode())))
}

/// The primary of `shard` has put its part of the dump into the store, or could not.
pub fn report_dumped(records: &Records, dump: DumpId, shard: ShardId, done: &ShardDump) -> Reported {
    let Some(stored) = records.dumps.get(&dump) else { return Reported::TooLate };
    if stored.record.state != DumpState::Taking {
        return Reported::TooLate;
    }
    match stored.record.shards.get(&shard) {
        Some(known) if known == done => Reported::Known,
        Some(_) => Reported::TooLate,
        None => {
            let mut record = stored.record.clone();
            record.shards.insert(shard, done.clone());
            let key = Key::Dump(dump);
            Reported::New(Change::new().if_at(key.clone(), stored.revision).put(key, record.encode()))
        }
    }
}

/// Makes the dump of a task, which has its manifest now, the next generation of its index; and goes on with it as was
/// wanted: asks for its rollout, or lets the index be made of it on another layout. What that is, gets the identity `fresh`.
pub fn commit_dump(records: &Records, id: TaskId, dump: DumpId, fresh: Uuid) -> Option<Change> {
    let task = records.tasks.get(&id).filter(|task| task.record.status == TaskStatus::Running)?;
    let stored = records.dumps.get(&dump).filter(|stored| stored.record.state == DumpState::Taking)?;
    let (name, index) = records.index_of(task.record.uuid)?;
    let generation = Generation(index.record.generations.last + 1);
    let generations = Generations { last: generation.0, ..index.record.generations.clone() };
    let taken = DumpRecord { state: DumpState::Taken(generation), ..stored.record.clone() };
    let key = Key::Dump(dump);
    let taken = Change::new().if_at(key.clone(), stored.revision).put(key, taken.encode());
    if let Work::Reshard(to) = task.record.work {
        let beginning = Beginning { to, uuid: IndexUuid(fresh), dump, generations };
        return begin_move(name, index, beginning).map(|begun| taken.and(begun));
    }
    let change = taken.and(put_generations(name, index, generations));
    let is_held = index.record.generations.held;
    let change = match task.record.work {
        Work::Dump { then_rollout: Some(way) }
            if !is_held && records.replicas_on(index.record.layout).next().is_some() =>
        {
            let to = NumberedDump { generation, dump };
            let next = TaskRecord {
                work: Work::Rollout(Rollout {
                    to,
                    max_unavailable: 1,
                    way,
                    approval: Approval::NotNeeded,
                    asked_by: AskedBy::Schedule,
                    canary: None,
                    flipped_from: None,
                }),
                status: TaskStatus::Queued,
                ..task.record.clone()
            };
            let key = Key::Task(TaskId(fresh));
            change.if_absent(key.clone()).put(key, next.encode())
        }
        Work::Dump { .. } | Work::Rollout(_) | Work::Restore(_) | Work::Reshard(_) => change,
    };
    Some(ended(id, task, TaskStatus::Succeeded, None, change))
}

/// Gives up a dump; its files are to be removed.
pub fn fail_dump(records: &Records, id: TaskId, dump: DumpId, failure: Failure) -> Option<Change> {
    end_dump(records, id, dump, TaskStatus::Failed, Some(failure))
}

/// Ends a dump that is not taken yet; its files are to be removed.
pub fn end_dump(
    records: &Records,
    id: TaskId,
    dump: DumpId,
    status: TaskStatus,
    error: Option<Failure>,
) -> Option<Change> {
    let task = records.tasks.get(&id).filter(|task| !task.record.is_over())?;
    let change = match records.dumps.get(&dump) {
        Some(stored) if stored.record.state == DumpState::Taking => deletion(records, dump, stored),
        Some(_) | None => Change::new(),
    };
    Some(ended(id, task, status, error, change))
}

/// A request to take a dump away, which may be decided several times until it is known to be done.
#[derive(Debug, Default)]
pub struct DumpRemoval {
    was_there: bool,
}

impl DumpRemoval {
    /// What is to be written; nothing, if it was there and is no longer. One that has come to be used meanwhile is refused.
    pub fn decide(&mut self, records: &Records, uuid: IndexUuid, dump: DumpId) -> Result<Option<Change>, Failure> {
        match request_deletion(records, uuid, dump) {
            Err(failure) if self.was_there && failure.code == ErrorCode::DumpNotFound => Ok(None),
            change => {
                let change = change?;
                self.was_there = true;
                Ok(Some(change))
            }
        }
    }
}

/// Asks to take a dump away.
pub fn request_deletion(records: &Records, uuid: IndexUuid, dump: DumpId) -> Result<Change, Failure> {
    let key = Key::Dump(dump);
    check_readable(records, &key)?;
    let stored = records.dumps.get(&dump).filter(|stored| stored.record.uuid == uuid);
    let missing = || Failure::new(ErrorCode::DumpNotFound, format_args!("the index has no dump {dump}"));
    let stored = stored.ok_or_else(missing)?;
    let in_use = |why: String| Failure::new(ErrorCode::DumpInUse, format_args!("dump {dump} cannot be deleted: {why}"));
    match stored.record.state {
        DumpState::Deleting => Err(missing()),
        DumpState::Taking => Err(in_use("it is being taken".to_owned())),
        DumpState::Taken(generation) => match records.user_of(uuid, dump) {
            Some(user) => Err(in_use(format!("generation {generation} {user}"))),
            None => Ok(deletion(records, dump, stored)),
        },
    }
}

/// A dump is one no longer.
pub(super) fn deleting(dump: DumpId, stored: &Stored<DumpRecord>) -> Change {
    let key = Key::Dump(dump);
    let record = DumpRecord { state: DumpState::Deleting, ..stored.record.clone() };
    Change::new().if_at(key.clone(), stored.revision).put(key, record.encode())
}

/// What takes a dump away that nobody uses.
fn deletion(records: &Records, dump: DumpId, stored: &Stored<DumpRecord>) -> Change {
    let change = deleting(dump, stored);
    // A rollout that begins to use it at the same time changes the index's record.
    match records.index_of(stored.record.uuid) {
        Some((name, index)) => change.if_at(Key::Index(name.clone()), index.revision),
        None => change,
    }
}

/// Takes a dump away that is older than those that are kept.
pub fn retire_dump(records: &Records, dump: DumpId) -> Option<Change> {
    let stored = records.dumps.get(&dump)?;
    let is_free = stored.record.generation().is_some() && records.user_of(stored.record.uuid, dump).is_none();
    is_free.then(|| deletion(records, dump, stored))
}

/// The files of a deleted dump are gone.
pub fn forget_dump(records: &Records, dump: DumpId) -> Option<Change> {
    let stored = records.dumps.get(&dump).filter(|stored| stored.record.state == DumpState::Deleting)?;
    let key = Key::Dump(dump);
    Some(Change::new().if_at(key.clone(), stored.revision).delete(key))
}

/// A shard that is in no dump yet which is being taken.
pub(crate) fn is_awaited(record: &DumpRecord, shard: ShardId) -> bool {
    record.state == DumpState::Taking && !record.shards.contains_key(&shard)
}

/// Why a primary could not put its shard into the store.
pub(crate) fn failed_shard(record: &DumpRecord) -> Option<(ShardId, &str)> {
    record.shards.iter().find_map(|(shard, dump)| match dump {
        ShardDump::Failed(why) => Some((*shard, why.as_str())),
        ShardDump::Done(_) => None,
    })
}
