//! What is due of a cluster that moves to another number of shards.

use super::{Due, Keeping, Step, of_dump};
use crate::decide::reshard_of;
use crate::record::{IndexRecord, IndexState, Key, Layout, LayoutId, Moving, Place, TaskId, Work};
use crate::records::{Records, Stored};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{IndexUuid, ShardCount};
use std::time::Duration;

/// How long an index takes no writes, at most: whoever does not get on within that is down, and writes go on without it.
const SEAL_PATIENCE: Duration = Duration::from_secs(20);

/// Before the move of an index is begun again that has failed: what it failed at takes a while to be seen to.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The next step of the task that moves an index.
pub(super) fn of_task(
    records: &Records,
    id: TaskId,
    to: &Layout,
    index: &IndexRecord,
    status: TaskStatus,
) -> Option<Due> {
    if next(records) != Some(*to) {
        return Some(Due::now(Step::Cancel(id)));
    }
    if status == TaskStatus::Queued {
        return Some(Due::now(Step::BeginDump(id)));
    }
    match &index.moving {
        None => of_dump(records, id, index),
        Some(moving) => of_move(records, id, index, moving),
    }
}

fn of_move(records: &Records, id: TaskId, index: &IndexRecord, moving: &Moving) -> Option<Due> {
    let all = |shards: usize, of: ShardCount| shards == of.get() as usize;
    if !all(moving.histories.len(), moving.shards) || !all(moving.near.len(), moving.shards) {
        return None;
    }
    let Some(sealed) = &moving.sealed else {
        let here = are_there(records, index.layout, index.schema.shards);
        return (here && are_there(records, moving.layout, moving.shards)).then(|| Due::now(Step::Seal(id)));
    };
    if all(sealed.len(), index.schema.shards) && all(moving.done.len(), moving.shards) {
        return Some(Due::now(Step::MoveOver(id)));
    }
    let message = format!(
        "not every primary has come to the end of the writes within {} seconds: they go on, and the move is begun again",
        SEAL_PATIENCE.as_secs()
    );
    Some(Due::after(SEAL_PATIENCE, Step::FailReshard(id, Failure::new(ErrorCode::ShardUnavailable, message))))
}

/// Whether each shard of a layout has a primary that lives.
fn are_there(records: &Records, layout: LayoutId, shards: ShardCount) -> bool {
    shards.shards().all(|shard| records.primary(Place { layout, shard }).is_some())
}

fn next(records: &Records) -> Option<Layout> {
    records.cluster.as_ref()?.record.next
}

/// What is due of the cluster as a whole.
pub(super) fn of_cluster(records: &Records, keeping: &Keeping) -> Vec<Due> {
    let Some(cluster) = &records.cluster else { return Vec::new() };
    let mut due = Vec::new();
    for index in records.indexes.values().map(|stored| &stored.record) {
        if index.former.is_some() {
            due.push(Due::after(keeping.retiring, Step::ForgetFormer(index.uuid)));
        }
        if index.moving.is_some() && reshard_of(records, index.uuid).is_none() {
            due.push(Due::now(Step::AbandonMove(index.uuid)));
        }
    }
    let is_over = |layout: LayoutId| records.layout(layout).is_none();
    let left = records.gone.iter().filter(|(_, stored)| is_over(stored.record.layout));
    due.extend(left.map(|(uuid, _)| Due::now(Step::ForgetTombstone(*uuid))));
    if let Some(next) = cluster.record.next.filter(|next| are_there(records, next.id, next.shards)) {
        due.extend(records.indexes.values().filter_map(|stored| begin(records, next, stored)));
        let is_left = |index: &IndexRecord| index.layout != next.id || index.former.is_some();
        let unreadable = records.unreadable.keys().any(|key| matches!(key, Key::Index(_)));
        if !unreadable && !records.indexes.values().any(|stored| is_left(&stored.record)) {
            due.push(Due::now(Step::EndReshard));
        }
    }
    due
}

fn begin(records: &Records, next: Layout, stored: &Stored<IndexRecord>) -> Option<Due> {
    let index = &stored.record;
    let is_due = index.layout != next.id
        && index.state() == IndexState::Ready
        && index.moving.is_none()
        && reshard_of(records, index.uuid).is_none();
    let patience = if has_failed(records, index.uuid) { AGAIN_AFTER } else { Duration::ZERO };
    is_due.then(|| Due::after(patience, Step::BeginReshard(index.uuid)))
}

fn has_failed(records: &Records, uuid: IndexUuid) -> bool {
    let mut tasks = records.tasks.values().map(|stored| &stored.record);
    tasks.any(|task| {
        let failed = (task.uuid, task.status) == (uuid, TaskStatus::Failed);
        failed && matches!(task.work, Work::Reshard(to) if next(records) == Some(to))
    })
}
