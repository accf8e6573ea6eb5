//! What the coordinator has to do next: a pure function of the records.
//!
//! Whoever is elected asks it again and again and does what it says. Nothing is remembered in between, so that another can
//! go on at any moment. Where time matters (a primary that is down for too long, a generation that was served until a
//! moment ago) a step comes with a patience: it is taken once it has been due for as long, as far as this coordinator
//! has seen. Clocks of two processes are never compared.

mod canary;
mod drain;
mod dump;
mod rehearsal;
mod reshard;
mod rollout;

pub use dump::DumpHindrance;
pub(crate) use rehearsal::rehearse;
pub use reshard::Hindrance;
pub(crate) use reshard::obstacles;

use crate::change::Change;
use crate::decide::{
    abandon_move, allow, await_approval, begin_canary, cancel_because, end_canary, end_dump, end_reshard, end_task,
    fail_dump, fail_reshard, fail_rollout, flip, forget_compared, forget_dump, forget_former, forget_term,
    forget_tombstone, move_over, pause_rollout, remove_dangling_alias, retire, retire_dump, seal, start_rollout,
    switch_shard,
};
use crate::record::{DumpState, Generations, IndexRecord, Key, Place, ReplicaId, TaskId, TaskRecord, Work};
use crate::records::Records;
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, IndexName, IndexUuid, ShardId};
use annuli_dump::DumpId;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

/// Dumps that are taken at once, of all indexes: each reads all that its primaries have.
const DUMPS_AT_ONCE: usize = 4;

/// How long the files of a deleted dump stay, for those who are reading them.
const FILES_PATIENCE: Duration = Duration::from_secs(10);

/// Ended tasks that are remembered, beside the last one of each index.
const ENDED_TASKS_KEPT: usize = 200;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Dumps of an index, beside those that are in use.
    pub dumps: usize,
    /// How long replicas keep what was official before, for searches under way and for a rollback.
    pub retiring: Duration,
}

/// A step of the coordinator.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Begin the dump of a task: make its place in the store, then say so.
    BeginDump(TaskId),
    /// Write the manifest of a dump that every primary has put its shard into, then make it a generation.
    CommitDump(TaskId),
    /// Remove the files of a deleted dump, then forget it.
    RemoveFiles(IndexUuid, DumpId),
    /// Give up a dump.
    FailDump(TaskId, DumpHindrance),
    /// Begin a rollout.
    StartRollout(TaskId),
    /// Let a replica prepare.
    Allow(TaskId, ReplicaId),
    /// Routers ask for what is new of a shard: as many replicas have it as have yet to let go of what was before.
    SwitchShard(TaskId, ShardId),
    /// Every replica is ready; it is to be tried on live searches.
    BeginCanary(TaskId),
    /// Enough live searches were compared.
    EndCanary(TaskId),
    /// Forget what routers have reported for a trial that is over.
    ForgetCompared(TaskId),
    /// Every replica is ready; somebody is to agree.
    AwaitApproval(TaskId),
    /// Every replica is ready.
    Flip(TaskId),
    /// Give up a rollout.
    FailRollout(TaskId, Failure),
    /// Let a rollout that cannot be given up wait for somebody.
    PauseRollout(TaskId, Failure),
    /// Wait for a replica no longer: the rollout ends, or waits for somebody.
    GiveUpOn(TaskId, ReplicaId),
    /// Let go of what was official before.
    Retire(IndexUuid, Generation),
    /// Take away a dump that is older than those that are kept.
    RetireDump(DumpId),
    /// The index of a task was deleted.
    Cancel(TaskId),
    /// Forget a task that ended long ago.
    Forget(TaskId),
    /// Forget a dump whose index was deleted. Its files stay, for whoever regrets it.
    ForgetDump(DumpId),
    /// Begin to move an index to the next layout.
    BeginReshard(IndexUuid),
    /// What an index is to become is nearly there: let it take no more writes.
    Seal(TaskId),
    /// What it is to become has everything: let it take the name over.
    MoveOver(TaskId),
    /// Give up the move of an index.
    FailReshard(TaskId, Hindrance),
    /// Take away what an index was to become, which nobody goes on with.
    AbandonMove(IndexUuid),
    /// Nobody reads any longer where an index was before it moved.
    ForgetFormer(IndexUuid),
    /// Every index has moved.
    EndReshard,
    /// Those who were to remove a deleted index are of a layout that is over.
    ForgetTombstone(IndexUuid),
    /// A shard of a layout that is over is served by nobody any longer.
    ForgetTerm(Place),
    /// The index that an alias stood for was deleted, and had more of them than go with it.
    ForgetAlias(IndexName),
}

/// A step, and how long it must have been due.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// What is to be done.
    pub step: Step,
    /// Once it has been due for as long.
    pub patience: Duration,
}

impl Due {
    fn now(step: Step) -> Self {
        Self { step, patience: Duration::ZERO }
    }

    fn after(patience: Duration, step: Step) -> Self {
        Self { step, patience }
    }
}

/// Everything that is due.
pub fn due(records: &Records, keeping: &Keeping) -> Vec<Due> {
    let mut due = of_tasks(records);
    due.extend(records.indexes.values().flat_map(|stored| retiring(&stored.record, keeping)));
    due.extend(old_dumps(records, keeping));
    due.extend(deleted_dumps(records));
    due.extend(orphans(records));
    due.extend(old_tasks(records));
    due.extend(dangling_aliases(records));
    due.extend(canary::leftovers(records));
    due.extend(reshard::of_cluster(records, keeping));
    due
}

/// The change that a step is, if it is one of the records alone and due by these records too.
pub fn change(records: &Records, keeping: &Keeping, step: &Step) -> Option<Change> {
    let is_due = due(records, keeping).iter().any(|due| due.step == *step);
    is_due.then(|| written(records, step)).flatten()
}

fn written(records: &Records, step: &Step) -> Option<Change> {
    match step {
        Step::BeginDump(_) | Step::CommitDump(_) | Step::BeginReshard(_) => None,
        Step::RemoveFiles(_, dump) => forget_dump(records, *dump),
        Step::FailDump(id, why) => fail_dump(records, *id, dump_of(*id)?, dump::failure(records, *id, *why)?),
        Step::StartRollout(id) => start_rollout(records, *id),
        Step::Allow(id, replica) => allow(records, *id, *replica),
        Step::SwitchShard(id, shard) => switch_shard(records, *id, *shard),
        Step::BeginCanary(id) => begin_canary(records, *id),
        Step::EndCanary(id) => end_canary(records, *id),
        Step::ForgetCompared(id) => forget_compared(records, *id),
        Step::AwaitApproval(id) => await_approval(records, *id),
        Step::Flip(id) => flip(records, *id),
        Step::FailRollout(id, failure) => fail_rollout(records, *id, failure.clone()),
        Step::PauseRollout(id, failure) => pause_rollout(records, *id, failure.clone()),
        Step::GiveUpOn(id, replica) => rollout::give_up_on(records, *id, *replica),
        Step::Retire(uuid, _) => retire(records, *uuid),
        Step::RetireDump(dump) => retire_dump(records, *dump),
        Step::Cancel(id) => cancel(records, *id),
        Step::Forget(id) => forget(records, *id),
        Step::ForgetDump(dump) => forget_orphan(records, *dump),
        Step::Seal(id) => seal(records, *id),
        Step::MoveOver(id) => move_over(records, *id),
        Step::FailReshard(id, hindrance) => fail_reshard(records, *id, reshard::failure(records, *id, *hindrance)?),
        Step::AbandonMove(uuid) => abandon_move(records, *uuid),
        Step::ForgetFormer(uuid) => forget_former(records, *uuid),
        Step::EndReshard => end_reshard(records),
        Step::ForgetTombstone(uuid) => forget_tombstone(records, *uuid),
        Step::ForgetTerm(place) => forget_term(records, *place),
        Step::ForgetAlias(alias) => remove_dangling_alias(records, alias),
    }
}

/// The dump that a task takes. Tasks get ids that can name one.
pub fn dump_of(task: TaskId) -> Option<DumpId> {
    DumpId::new(task.0).ok()
}

/// Of each index the task that is under way, or else one that is paused, or else the first that waits; the others wait
/// longer.
fn of_tasks(records: &Records) -> Vec<Due> {
    let mut open: Vec<_> = records.tasks.iter().filter(|(_, stored)| !stored.record.is_over()).collect();
    open.sort_by_key(|(id, stored)| (turn(&stored.record), **id));
    let is_dump = |task: &TaskRecord| is_dump(records, task);
    let dumping = open.iter().filter(|(_, stored)| is_dump(&stored.record) && !is_waiting(&stored.record)).count();
    let (mut busy, mut places) = (BTreeSet::new(), DUMPS_AT_ONCE.saturating_sub(dumping));
    let mut due = Vec::new();
    for (id, stored) in open {
        let task = &stored.record;
        if !busy.insert(task.uuid) {
            continue;
        }
        if is_dump(task) && is_waiting(task) && !records.is_deleted(task.uuid) {
            if places == 0 {
                continue;
            }
            places -= 1;
        }
        due.extend(of_task(records, *id, task));
    }
    due
}

/// Whose turn it is: ids go by the clocks of those who asked.
fn turn(task: &TaskRecord) -> u8 {
    match task.status {
        TaskStatus::Running => 0,
        TaskStatus::Paused => 1,
        TaskStatus::Queued => 2,
        TaskStatus::Succeeded | TaskStatus::Failed | TaskStatus::RolledBack | TaskStatus::Cancelled => 3,
    }
}

/// The task of the index that comes before all others, unless that is the one that waits.
fn comes_first(records: &Records, waits: Option<TaskId>, uuid: IndexUuid) -> Option<(TaskId, &TaskRecord)> {
    let open = records.tasks.iter().map(|(id, stored)| (*id, &stored.record));
    let open = open.filter(|(_, task)| task.uuid == uuid && !task.is_over());
    open.min_by_key(|(id, task)| (turn(task), *id)).filter(|(first, _)| Some(*first) != waits)
}

/// Whether it takes a dump now, or first of all.
fn is_dump(records: &Records, task: &TaskRecord) -> bool {
    match task.work {
        Work::Dump { .. } => true,
        Work::Reshard(_) => records.index_of(task.uuid).is_none_or(|(_, index)| index.record.moving.is_none()),
        Work::Rollout(_) | Work::Restore(_) => false,
    }
}

fn is_waiting(task: &TaskRecord) -> bool {
    task.status == TaskStatus::Queued
}

fn of_task(records: &Records, id: TaskId, task: &TaskRecord) -> Vec<Due> {
    let Some((_, index)) = records.index_of(task.uuid) else {
        let is_over = records.is_deleted(task.uuid) || records.moved_from(task.uuid).is_some();
        return if is_over { vec![Due::now(Step::Cancel(id))] } else { Vec::new() };
    };
    match (&task.work, task.status) {
        (Work::Dump { .. }, TaskStatus::Queued) => vec![Due::now(Step::BeginDump(id))],
        (Work::Dump { .. }, TaskStatus::Running) => dump::of_task(records, id, &index.record),
        (Work::Reshard(to), TaskStatus::Queued | TaskStatus::Running) => {
            reshard::of_task(records, id, to, &index.record, task.status)
        }
        (Work::Rollout(_), TaskStatus::Queued) => vec![Due::now(Step::StartRollout(id))],
        (Work::Rollout(_), TaskStatus::Running | TaskStatus::Paused) => match &index.record.generations.preparing {
            Some(preparing) if preparing.rollout == id => rollout::of_task(records, id, task, preparing),
            // It was paused before it was begun.
            Some(_) | None if task.status == TaskStatus::Paused => Vec::new(),
            // It was begun, and what it was about is gone: nothing but an operator at the records does that.
            Some(_) | None => {
                let failure = Failure::new(ErrorCode::Internal, "the generation is not prepared any longer");
                vec![Due::now(Step::FailRollout(id, failure))]
            }
        },
        // The primaries end a restore, or whoever deletes its index.
        (Work::Dump { .. } | Work::Rollout(_) | Work::Restore(_) | Work::Reshard(_), _) => Vec::new(),
    }
}

/// What was official before is let go of, unless it is about to be so again.
fn retiring(index: &IndexRecord, keeping: &Keeping) -> Option<Due> {
    let Generations { retiring, preparing, .. } = &index.generations;
    let retiring = (*retiring)?;
    if preparing.as_ref().is_some_and(|preparing| preparing.of == retiring) {
        return None;
    }
    Some(Due::after(keeping.retiring, Step::Retire(index.uuid, retiring.generation)))
}

/// Of each index, dumps before the last ones that nobody uses.
fn old_dumps(records: &Records, keeping: &Keeping) -> Vec<Due> {
    let of_index = |uuid: IndexUuid| {
        let unused = records.dumps_of(uuid).into_iter().rev().skip(keeping.dumps);
        unused.filter(move |dump| records.user_of(uuid, dump.dump).is_none())
    };
    let old = records.indexes.values().flat_map(|stored| of_index(stored.record.uuid));
    old.map(|dump| Due::now(Step::RetireDump(dump.dump))).collect()
}

fn deleted_dumps(records: &Records) -> impl Iterator<Item = Due> {
    let deleted = records.dumps.iter().filter(|(_, stored)| stored.record.state == DumpState::Deleting);
    deleted.map(|(dump, stored)| Due::after(FILES_PATIENCE, Step::RemoveFiles(stored.record.uuid, *dump)))
}

/// Dumps whose index is gone.
fn orphans(records: &Records) -> impl Iterator<Item = Due> {
    let orphans = records
        .dumps
        .iter()
        .filter(|(_, stored)| stored.record.generation().is_some() && records.is_deleted(stored.record.uuid));
    orphans.map(|(dump, _)| Due::now(Step::ForgetDump(*dump)))
}

/// Aliases of deleted indexes.
fn dangling_aliases(records: &Records) -> impl Iterator<Item = Due> {
    let dangling = records.aliases.iter().filter(|(_, stored)| records.is_dangling(&stored.record));
    dangling.map(|(alias, _)| Due::now(Step::ForgetAlias(alias.clone())))
}

/// Ended tasks beyond those that are remembered: those that ended first, whatever the clocks said that made their ids. The last
/// of each index stays: by it somebody knows that its dump is damaged, or that its move has failed.
fn old_tasks(records: &Records) -> impl Iterator<Item = Due> {
    let ended = records.tasks.iter().filter(|(_, stored)| stored.record.is_over());
    let mut ended: Vec<_> = ended.map(|(id, stored)| (stored.revision, *id, stored.record.uuid)).collect();
    ended.sort_unstable_by_key(|(revision, id, _)| Reverse((*revision, *id)));
    let mut indexes: BTreeSet<_> = records.indexes.values().map(|stored| stored.record.uuid).collect();
    let may_go = ended.into_iter().map(move |(_, id, uuid)| (!indexes.remove(&uuid)).then_some(id));
    may_go.skip(ENDED_TASKS_KEPT).flatten().map(|id| Due::now(Step::Forget(id)))
}

/// Ends a task whose index was deleted, or has moved. A dump that was being taken has nobody who would take it.
fn cancel(records: &Records, id: TaskId) -> Option<Change> {
    let task = &records.tasks.get(&id)?.record;
    if let Some((name, index)) = records.moved_from(task.uuid) {
        let message = format!(
            "index `{name}` has moved to {} shards before it was this task's turn: ask for it again",
            index.schema.shards
        );
        return cancel_because(
            records,
            id,
            Failure::new(ErrorCode::TaskConflict, message).with("index", name.as_str()),
        );
    }
    match task.work {
        Work::Dump { .. } => end_dump(records, id, dump_of(id)?, TaskStatus::Cancelled, None),
        Work::Reshard(_) => {
            let change = end_dump(records, id, dump_of(id)?, TaskStatus::Cancelled, None)?;
            let uuid = records.tasks.get(&id)?.record.uuid;
            // The dump is taken, or it is not made of it yet: of the two at most one changes the index's record.
            Some(match abandon_move(records, uuid) {
                Some(abandoned) => change.and(abandoned),
                None => change,
            })
        }
        Work::Rollout(_) | Work::Restore(_) => end_task(records, id, TaskStatus::Cancelled),
    }
}

fn forget_orphan(records: &Records, dump: DumpId) -> Option<Change> {
    let stored = records.dumps.get(&dump)?;
    let key = Key::Dump(dump);
    Some(Change::new().if_at(key.clone(), stored.revision).delete(key))
}

fn forget(records: &Records, id: TaskId) -> Option<Change> {
    let stored = records.tasks.get(&id).filter(|stored| stored.record.is_over())?;
    let key = Key::Task(id);
    Some(Change::new().if_at(key.clone(), stored.revision).delete(key))
}

#[cfg(test)]
mod tests;
