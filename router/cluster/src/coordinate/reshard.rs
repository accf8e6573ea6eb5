//! What is due of a cluster that moves to another number of shards.

use super::{Due, Keeping, Step, comes_first, dump};
use crate::decide::{full_queue, reshard_of};
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

/// What a move of an index waits for, though not for ever. As a part of a step it says what is waited for and not how far that
/// is: each is waited for by itself, whatever else is in the way meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// A shard of today, or of those that there will be, has no primary.
    NoPrimary(Place),
    /// Shards are made of the dump.
    Filling,
    /// What was written meanwhile is read.
    CatchingUp,
    /// The index takes no writes until the last of them has been read.
    Sealed,
}

impl Hindrance {
    fn patience(self) -> Duration {
        match self {
            Self::NoPrimary(_) => ABSENT_PATIENCE,
            Self::Filling => FILL_PATIENCE,
            Self::CatchingUp => NEAR_PATIENCE,
            Self::Sealed => SEAL_PATIENCE,
        }
    }
}

/// What is due of the task that moves an index.
pub(super) fn of_task(records: &Records, id: TaskId, to: &Layout, index: &IndexRecord, status: TaskStatus) -> Vec<Due> {
    if next(records) != Some(*to) {
        return vec![Due::now(Step::Cancel(id))];
    }
    if status == TaskStatus::Queued {
        return vec![Due::now(Step::BeginDump(id))];
    }
    match &index.moving {
        None => dump::of_task(records, id, index),
        Some(moving) => of_move(records, id, index, moving),
    }
}

fn of_move(records: &Records, id: TaskId, index: &IndexRecord, moving: &Moving) -> Vec<Due> {
    let all = |shards: usize, of: ShardCount| shards == of.get() as usize;
    let hindrances = match &moving.sealed {
        None => hindrances(records, index, moving),
        Some(sealed) if all(sealed.len(), index.schema.shards) && all(moving.done.len(), moving.shards) => {
            return vec![Due::now(Step::MoveOver(id))];
        }
        Some(_) => vec![Hindrance::Sealed],
    };
    if hindrances.is_empty() {
        return vec![Due::now(Step::Seal(id))];
    }
    let gives_up = |hindrance: Hindrance| Due::after(hindrance.patience(), Step::FailReshard(id, hindrance));
    hindrances.into_iter().map(gives_up).collect()
}

/// What an index waits for before its writes can be stopped: dumps of it wait meanwhile, and its primaries keep everything
/// that was written since the one that is restored.
fn hindrances(records: &Records, index: &IndexRecord, moving: &Moving) -> Vec<Hindrance> {
    let of_next = absent(records, moving.layout, moving.shards);
    let absent = of_next.chain(absent(records, index.layout, index.schema.shards));
    let mut hindrances: Vec<_> = absent.map(Hindrance::NoPrimary).collect();
    if first_but(moving.shards, |shard| moving.histories.contains_key(shard)).is_some() {
        hindrances.push(Hindrance::Filling);
    } else if first_but(moving.shards, |shard| moving.near.contains(shard)).is_some() {
        hindrances.push(Hindrance::CatchingUp);
    }
    hindrances
}

/// The first shard of which that is not so.
fn first_but(shards: ShardCount, is_so: impl Fn(&ShardId) -> bool) -> Option<ShardId> {
    shards.shards().find(|shard| !is_so(shard))
}

/// Why the move of a task is given up, and what is to be done.
pub(super) fn failure(records: &Records, id: TaskId, hindrance: Hindrance) -> Option<Failure> {
    let (_, index) = records.index_of(records.tasks.get(&id)?.record.uuid)?;
    let moving = index.record.moving.as_ref()?;
    let (from, to) = (index.record.schema.shards, moving.shards);
    let message = match hindrance {
        Hindrance::NoPrimary(Place { layout, shard }) if layout == moving.layout => format!(
            "shard {shard} of the {to} that there will be has no primary: start `annuli indexer --shard {shard} --shards \
             {to}` again, and the index is moved again"
        ),
        Hindrance::NoPrimary(Place { shard, .. }) => format!(
            "shard {shard} of the {from} that there are has no primary, and what was written to it cannot be read: start \
             its process again, and the index is moved again"
        ),
        Hindrance::Filling => {
            let shard = first_but(to, |shard| moving.histories.contains_key(shard))?;
            format!(
                "shard {shard} of the {to} that there will be was not made of the dump within hours: see what the log of \
                 its process says; the index is moved again"
            )
        }
        Hindrance::CatchingUp => {
            let behind = first_but(to, |shard| moving.near.contains(shard))?;
            format!(
                "shard {behind} of the {to} that there will be has not caught up with what is written within hours: see \
                 what the log of its process says, or write less for a while; the index is moved again"
            )
        }
        Hindrance::Sealed => format!(
            "not every primary has come to the end of the writes within {} seconds: they go on, and the move is begun \
             again",
            SEAL_PATIENCE.as_secs()
        ),
    };
    Some(Failure::new(ErrorCode::ShardUnavailable, message))
}

/// The shards of a layout that have no primary that lives.
fn absent(records: &Records, layout: LayoutId, shards: ShardCount) -> impl Iterator<Item = Place> {
    let places = shards.shards().map(move |shard| Place { layout, shard });
    places.filter(|place| records.primary(*place).is_none())
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
    let terms = records.terms.keys().filter(|place| is_over(place.layout));
    due.extend(terms.map(|place| Due::now(Step::ForgetTerm(*place))));
    if let Some(next) = cluster.record.next.filter(|next| absent(records, next.id, next.shards).next().is_none()) {
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
        && reshard_of(records, index.uuid).is_none()
        && full_queue(records, index.uuid).is_none();
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
        return Some(goes_before(comes_first(records, Some(id), uuid)?));
    }
    if let Some(queued) = full_queue(records, uuid) {
        let first = goes_before(comes_first(records, None, uuid)?);
        return Some(format!("{queued} tasks wait for their turn, and no more may: {first}"));
    }
    let last = failed(records, uuid).last()?;
    Some(format!("not moved yet, and tried again soon: {}", last.error.as_ref()?.message))
}

fn goes_before((first, task): (TaskId, &TaskRecord)) -> String {
    let kind = match task.work {
        Work::Dump { .. } => "dump",
        Work::Rollout(_) => "rollout",
        Work::Restore(_) => "restore",
        Work::Reshard(_) => "move",
    };
    let is_paused = task.status == TaskStatus::Paused;
    let help = if is_paused { ", and is paused: resume it, or roll it back" } else { "" };
    format!("{kind} {first} comes first{help}")
}
