//! A rollout whose generation is tried on live searches before it is made official.

use super::Under;
use crate::change::Change;
use crate::record::{Canary, CanaryStage, Comparisons, Key, Rollout, RouterId, ShardComparison, Standing, TaskId};
use crate::records::Records;
use annuli_api::v1::canary::CanaryTerms;
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::ShardId;
use std::ops::RangeInclusive;

/// Common hits of a hundred, if nobody says how many. Generations of an index that is written differ by what was
/// written: this tells a broken one from a newer one, and no more.
const FLOOR_PERCENT: u32 = 80;

/// Searches that are compared, if nobody says how many.
const SEARCHES: u32 = 100;

/// Searches that may be asked for: more are a benchmark.
const SEARCHES_MAX: u32 = 1_000_000;

/// Reports that are forgotten at once: each is a condition and a deletion of a transaction.
const FORGOTTEN_AT_ONCE: usize = 16;

impl Canary {
    /// As somebody has asked for it.
    pub(in crate::decide) fn asked(terms: CanaryTerms) -> Result<Self, Failure> {
        let CanaryTerms { percent, floor_percent, searches } = terms;
        let check = |name: &str, value: u32, bounds: RangeInclusive<u32>| {
            if bounds.contains(&value) {
                return Ok(value);
            }
            let (least, most) = (bounds.start(), bounds.end());
            let message = format!("`canary.{name}` is {value}, it must be from {least} to {most}");
            Err(Failure::new(ErrorCode::InvalidRequest, message))
        };
        Ok(Self {
            percent: check("percent", percent, 1..=100)?,
            floor_percent: check("floor_percent", floor_percent.unwrap_or(FLOOR_PERCENT), 0..=100)?,
            searches: check("searches", searches.unwrap_or(SEARCHES), 1..=SEARCHES_MAX)?,
            stage: CanaryStage::Awaited,
        })
    }
}

/// Lets routers compare from now on.
pub fn begin_canary(records: &Records, id: TaskId) -> Option<Change> {
    at_stage(records, id, CanaryStage::Awaited, CanaryStage::Comparing)
}

/// Ends the comparison with what was found, if every shard does. That routers report a little more is forgotten.
pub fn end_canary(records: &Records, id: TaskId) -> Option<Change> {
    let canary = comparing(records, id)?;
    let (_, ShardComparison { sums, .. }) = worst_off(records, id, &canary)?;
    let does = matches!(canary.standing(&sums), Standing::Does(_));
    does.then(|| at_stage(records, id, CanaryStage::Comparing, CanaryStage::Ended(sums)))?
}

/// The rollout with its trial over, as it stands: so that it can be seen how it did.
pub(super) fn with_trial_over(records: &Records, id: TaskId, rollout: Rollout) -> Rollout {
    let over = |canary: Canary| {
        let worst = (canary.stage == CanaryStage::Comparing).then(|| worst_off(records, id, &canary)).flatten();
        worst.map_or(canary, |(_, worst)| Canary { stage: CanaryStage::Ended(worst.sums), ..canary })
    };
    Rollout { canary: rollout.canary.map(over), ..rollout }
}

/// The shard that does worst in a trial, with what was compared of it: a sum over all would hide it.
pub(crate) fn worst_off(records: &Records, id: TaskId, canary: &Canary) -> Option<(ShardId, ShardComparison)> {
    let mut compared = records.comparisons(id);
    let of_shard = |shard| (shard, compared.remove(&shard).unwrap_or_default());
    tried_shards(records, id).into_iter().map(of_shard).min_by_key(|(_, of)| canary.standing(&of.sums))
}

/// Shards that are to be compared: those of which something can be found. Where that is none, all of them: who searches an
/// empty index cannot try anything.
pub(crate) fn tried_shards(records: &Records, id: TaskId) -> Vec<ShardId> {
    let task = records.tasks.get(&id).map(|stored| &stored.record);
    let Some((rollout, uuid)) = task.and_then(|task| Some((task.rollout()?, task.uuid))) else { return Vec::new() };
    let Some((_, index)) = records.index_of(uuid) else { return Vec::new() };
    // What the primaries answer from, where nothing is official, is known by what was dumped of them.
    let answers = index.record.generations.official.unwrap_or(rollout.to);
    let dump = records.dumps.get(&answers.dump);
    let has_documents = dump.iter().flat_map(|dump| dump.record.done()).filter(|(_, done)| done.documents > 0);
    let found: Vec<_> = has_documents.map(|(shard, _)| shard).collect();
    if found.is_empty() { index.record.schema.shards.shards().collect() } else { found }
}

fn at_stage(records: &Records, id: TaskId, from: CanaryStage, to: CanaryStage) -> Option<Change> {
    let (under, _) = Under::preparing(records, id)?;
    let canary = under.rollout.canary.filter(|canary| canary.stage == from)?;
    let rollout = Rollout { canary: Some(Canary { stage: to, ..canary }), ..under.rollout };
    let is_running = under.task.record.status == TaskStatus::Running;
    is_running.then(|| under.becomes(TaskStatus::Running, rollout, Change::new()))
}

/// Writes down what a router has compared since the trial began; `None` once that is over, or while it is paused.
pub fn report_compared(records: &Records, id: TaskId, router: RouterId, compared: &Comparisons) -> Option<Change> {
    comparing(records, id)?;
    let task = records.tasks.get(&id)?;
    let change = Change::new().if_at(Key::Task(id), task.revision);
    Some(change.put(Key::Compared(id, router), compared.encode()))
}

/// Whether the generation of that rollout is on trial, be it that this is paused.
pub(crate) fn is_on_trial(records: &Records, id: TaskId) -> bool {
    let task = records.tasks.get(&id).filter(|stored| !stored.record.is_over());
    let canary = task.and_then(|stored| stored.record.rollout()?.canary);
    canary.is_some_and(|canary| canary.stage == CanaryStage::Comparing)
}

/// How routers compare for that rollout now; `None` if they do not.
pub(crate) fn comparing(records: &Records, id: TaskId) -> Option<Canary> {
    let task = records.tasks.get(&id).filter(|stored| stored.record.status == TaskStatus::Running)?;
    task.record.rollout()?.canary.filter(|canary| canary.stage == CanaryStage::Comparing)
}

/// Forgets reports for a trial that is over.
pub fn forget_compared(records: &Records, id: TaskId) -> Option<Change> {
    let of_rollout = records.compared.iter().filter(|((task, _), _)| *task == id).take(FORGOTTEN_AT_ONCE);
    let change = of_rollout.fold(Change::new(), |change, ((_, router), stored)| {
        let key = Key::Compared(id, *router);
        change.if_at(key.clone(), stored.revision).delete(key)
    });
    (!change.deletes.is_empty()).then_some(change)
}
