//! What is due of a cluster that moves to another number of shards.

use super::{Due, Keeping, Step, comes_first, of_dump};
use crate::decide::reshard_of;
use crate::record::{IndexRecord, IndexState, Key, Layout, LayoutId, Moving, Place, TaskId, TaskRecord, Work};
use crate::records::{Records, Stored};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{IndexName, IndexUuid, ShardCount, ShardId};
use std::time::Duration;

/// How long an index takes no writes, at most: whoever does not get on within that is down, and writes go on without it.
const SEAL_PATIENCE: Duration = Duration::from_secs(20);

/// How long a move waits for a process that is down, on either layout: longer than it takes to start one again over a large
/// folder.
const ABSENT_PATIENCE: Duration = Duration::from_secs(60);

/// How long a move waits for a shard to be made of its dump: one of the largest size through a slow network.
const FILL_PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);

/// How long a move waits until what was written meanwhile has been read: a day's writes, at many times their speed.
const NEAR_PATIENCE: Duration = Duration::from_secs(6 * 60 * 60);

/// Before the move of an index is begun again that has failed: what it failed at takes a while to be seen to. Each time that
/// it fails this becomes twice as long: a try takes a dump.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The longest of these: whoever has mended it waits for no more.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(160);

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
        Some(moving) => Some(of_move(records, id, index, moving)),
    }
}

fn of_move(records: &Records, id: TaskId, index: &IndexRecord, moving: &Moving) -> Due {
    let all = |shards: usize, of: ShardCount| shards == of.get() as usize;
    let Some(sealed) = &moving.sealed else {
        let Some((patience, message)) = hold_up(records, index, moving) else { return Due::now(Step::Seal(id)) };
        return Due::after(patience, Step::FailReshard(id, Failure::new(ErrorCode::ShardUnavailable, message)));
    };
    if all(sealed.len(), index.schema.shards) && all(moving.done.len(), moving.shards) {
        return Due::now(Step::MoveOver(id));
    }
    let message = format!(
        "not every primary has come to the end of the writes within {} seconds: they go on, and the move is begun again",
        SEAL_PATIENCE.as_secs()
    );
    Due::after(SEAL_PATIENCE, Step::FailReshard(id, Failure::new(ErrorCode::ShardUnavailable, message)))
}

/// What an index waits for before its writes can be stopped, and for how long: dumps of it wait meanwhile, and its primaries
/// keep everything that was written since the one that is restored.
fn hold_up(records: &Records, index: &IndexRecord, moving: &Moving) -> Option<(Duration, String)> {
    let (from, to) = (index.schema.shards, moving.shards);
    if let Some(shard) = absent(records, moving.layout, to) {
        let message = format!(
            "shard {shard} of the {to} that there will be has no primary: start `annuli indexer --shard {shard} --shards \
             {to}` again, and the index is moved again"
        );
        return Some((ABSENT_PATIENCE, message));
    }
    if let Some(shard) = absent(records, index.layout, from) {
        let message = format!(
            "shard {shard} of the {from} that there are has no primary, and what was written to it cannot be read: start \
             its process again, and the index is moved again"
        );
        return Some((ABSENT_PATIENCE, message));
    }
    if let Some(shard) = to.shards().find(|shard| !moving.histories.contains_key(shard)) {
        let message = format!(
            "shard {shard} of the {to} that there will be was not made of the dump within hours: see what the log of its \
             process says; the index is moved again"
        );
        return Some((FILL_PATIENCE, message));
    }
    let behind = to.shards().find(|shard| !moving.near.contains(shard))?;
    let message = format!(
        "shard {behind} of the {to} that there will be has not caught up with what is written within hours: see what the \
         log of its process says, or write less for a while; the index is moved again"
    );
    Some((NEAR_PATIENCE, message))
}

/// A shard of a layout that has no primary that lives.
fn absent(records: &Records, layout: LayoutId, shards: ShardCount) -> Option<ShardId> {
    shards.shards().find(|&shard| records.primary(Place { layout, shard }).is_none())
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
    if let Some(next) = cluster.record.next.filter(|next| absent(records, next.id, next.shards).is_none()) {
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
    is_due.then(|| Due::after(rest(failed(records, index.uuid).count()), Step::BeginReshard(index.uuid)))
}

/// Before a move is begun that has failed so often.
fn rest(failures: usize) -> Duration {
    match u32::try_from(failures) {
        Ok(0) => Duration::ZERO,
        Ok(failures) => AGAIN_AFTER.saturating_mul(1 << (failures - 1).min(16)).min(AGAIN_AFTER_MAX),
        Err(_) => AGAIN_AFTER_MAX,
    }
}

/// The attempts to move an index to the next layout that have failed.
fn failed(records: &Records, uuid: IndexUuid) -> impl Iterator<Item = &TaskRecord> {
    let tasks = records.tasks.values().map(|stored| &stored.record);
    tasks.filter(move |task| {
        let failed = (task.uuid, task.status) == (uuid, TaskStatus::Failed);
        failed && matches!(task.work, Work::Reshard(to) if next(records) == Some(to))
    })
}

/// What keeps indexes from moving to the next layout, for whoever wonders.
pub(crate) fn obstacles(records: &Records) -> Vec<String> {
    let Some(next) = next(records) else { return Vec::new() };
    let left = records.indexes.iter().filter(|(_, stored)| stored.record.layout != next.id);
    let obstacle = |(name, stored): (&IndexName, &Stored<IndexRecord>)| {
        let why = obstacle(records, stored.record.uuid)?;
        Some(format!("index `{name}`: {why}"))
    };
    left.filter_map(obstacle).collect()
}

fn obstacle(records: &Records, uuid: IndexUuid) -> Option<String> {
    if let Some((id, _)) = reshard_of(records, uuid) {
        let (first, task) = comes_first(records, id, uuid)?;
        let kind = match task.work {
            Work::Dump { .. } => "dump",
            Work::Rollout(_) => "rollout",
            Work::Restore(_) => "restore",
            Work::Reshard(_) => "move",
        };
        let is_paused = task.status == TaskStatus::Paused;
        let help = if is_paused { ", and is paused: resume it, or roll it back" } else { "" };
        return Some(format!("{kind} {first} comes first{help}"));
    }
    let last = failed(records, uuid).last()?;
    Some(format!("not moved yet, and tried again soon: {}", last.error.as_ref()?.message))
}
