//! Tasks: asked for, in their turn, ended.

use super::check_readable;
use super::rollout::check_drainable;
use crate::change::Change;
use crate::record::{Approval, AskedBy, Canary, IndexRecord, IndexState, Key, Rollout, TaskId, TaskRecord, Way, Work};
use crate::records::{Records, Stored};
use annuli_api::catalogue::refusal;
use annuli_api::v1::canary::CanaryTerms;
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, IndexName, IndexUuid};

/// Tasks of one index that wait for their turn, at most: each later one would find what the one before has left it.
const QUEUED_MAX: usize = 16;

/// What a rollout may be asked to do otherwise than it would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RolloutOptions {
    /// To this generation; to the newest, if none is named.
    pub generation: Option<Generation>,
    /// Replicas of one shard that prepare at once; one, if it is not said.
    pub max_unavailable: Option<u32>,
    /// How each does.
    pub way: Way,
    /// Somebody wants to agree before the generation is made official.
    pub approve: bool,
    /// The generation is tried on live searches before, so.
    pub canary: Option<CanaryTerms>,
    /// Who asks for it.
    pub asked_by: AskedBy,
}

/// Asks for a dump of an index, and for its rollout then.
pub fn request_dump(
    records: &Records,
    name: &IndexName,
    id: TaskId,
    then_rollout: Option<Way>,
) -> Result<Change, Failure> {
    let (name, index) = ready(records, name)?;
    request(records, name, index, id, Work::Dump { then_rollout })
}

/// Asks for a rollout of an index.
pub fn request_rollout(
    records: &Records,
    name: &IndexName,
    id: TaskId,
    options: RolloutOptions,
) -> Result<Change, Failure> {
    let (name, index) = ready(records, name)?;
    let taken = records.dumps_of(index.record.uuid);
    let to = match options.generation {
        Some(wanted) => taken.into_iter().find(|dump| dump.generation == wanted).ok_or_else(|| {
            let message = format!("index `{name}` has no dump that is generation {wanted}");
            Failure::new(ErrorCode::DumpNotFound, message).with("index", name.as_str())
        })?,
        None => taken.last().copied().ok_or_else(|| {
            let message = format!("index `{name}` has no dump: take one first, by POST /v1/indexes/{name}/dumps");
            Failure::new(ErrorCode::DumpNotFound, message).with("index", name.as_str())
        })?,
    };
    if records.replicas_on(index.record.layout).next().is_none() {
        let message = "this cluster has no replicas, there is nothing to roll out to: start `annuli indexer --role \
                       replica`";
        return Err(Failure::new(ErrorCode::InvalidRequest, message));
    }
    let max_unavailable = options.max_unavailable.unwrap_or(1);
    if max_unavailable == 0 {
        return Err(Failure::new(
            ErrorCode::InvalidRequest,
            "`max_unavailable` is 0: no replica could prepare, it needs 1",
        ));
    }
    let approval = if options.approve { Approval::Awaited } else { Approval::NotNeeded };
    let canary = options.canary.map(Canary::asked).transpose()?;
    let RolloutOptions { way, asked_by, .. } = options;
    if way == Way::Drain {
        check_alone(approval, canary)?;
        check_drainable(records, &index.record)?;
    }
    let rollout = Rollout { to, max_unavailable, way, approval, canary, asked_by, flipped_from: None };
    request(records, name, index, id, Work::Rollout(rollout))
}

/// A rollout that drains has a switch for each shard, and no replica with both generations.
fn check_alone(approval: Approval, canary: Option<Canary>) -> Result<(), Failure> {
    let refuse = |message| Err(Failure::new(ErrorCode::InvalidRequest, message));
    if canary.is_some() {
        return refuse(
            "`canary` compares two generations, and a rollout that drains has one at a time: leave one of them out",
        );
    }
    if approval == Approval::Awaited {
        return refuse(
            "`approve` waits before the one switch of a rollout, and one that drains has one for each shard: leave one of \
             them out; it can be paused",
        );
    }
    Ok(())
}

pub(super) fn request(
    records: &Records,
    name: &IndexName,
    index: &Stored<IndexRecord>,
    id: TaskId,
    work: Work,
) -> Result<Change, Failure> {
    let uuid = index.record.uuid;
    if let Some(queued) = full_queue(records, uuid) {
        let message = format!("{queued} tasks of index `{name}` wait for their turn already: wait for them");
        return Err(Failure::new(ErrorCode::Overloaded, message).with("index", name.as_str()));
    }
    let record = TaskRecord { index: name.clone(), uuid, work, status: TaskStatus::Queued, error: None };
    // With the index, its tasks go: none may come behind.
    let change = Change::new().if_at(Key::Index(name.clone()), index.revision);
    Ok(change.if_absent(Key::Task(id)).put(Key::Task(id), record.encode()))
}

/// How many tasks of an index wait for their turn, if no other may.
pub(crate) fn full_queue(records: &Records, uuid: IndexUuid) -> Option<usize> {
    let tasks = records.tasks.values().map(|stored| &stored.record);
    let queued = tasks.filter(|task| task.uuid == uuid && task.status == TaskStatus::Queued).count();
    (queued >= QUEUED_MAX).then_some(queued)
}

/// The index of that name or alias, all of whose shards were made.
fn ready<'a>(records: &'a Records, name: &IndexName) -> Result<(&'a IndexName, &'a Stored<IndexRecord>), Failure> {
    check_readable(records, &Key::Index(name.clone()))?;
    let (name, stored) = records.resolve(name).ok_or_else(|| refusal::index_not_found(name))?;
    match stored.record.state() {
        IndexState::Ready => Ok((name, stored)),
        IndexState::Creating => {
            let message = format!("index `{name}` is being made: not all of its primaries have been there yet");
            Err(Failure::new(ErrorCode::ShardUnavailable, message).with("index", name.as_str()))
        }
    }
}

/// Ends a task that has nothing to take back.
pub fn end_task(records: &Records, id: TaskId, status: TaskStatus) -> Option<Change> {
    let task = records.tasks.get(&id).filter(|task| !task.record.is_over())?;
    Some(ended(id, task, status, None, Change::new()))
}

/// Ends a task that has nothing to take back and will not be taken up.
pub fn cancel_because(records: &Records, id: TaskId, failure: Failure) -> Option<Change> {
    let task = records.tasks.get(&id).filter(|task| !task.record.is_over())?;
    Some(ended(id, task, TaskStatus::Cancelled, Some(failure), Change::new()))
}

/// Ends a task.
pub(super) fn ended(
    id: TaskId,
    stored: &Stored<TaskRecord>,
    status: TaskStatus,
    error: Option<Failure>,
    change: Change,
) -> Change {
    let record = TaskRecord { status, error, ..stored.record.clone() };
    changed(id, stored, &record, change)
}

/// Writes what has become of a task.
pub(super) fn changed(id: TaskId, stored: &Stored<TaskRecord>, record: &TaskRecord, change: Change) -> Change {
    let key = Key::Task(id);
    change.if_at(key.clone(), stored.revision).put(key, record.encode())
}
