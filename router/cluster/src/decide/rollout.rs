//! A rollout: replicas prepare a generation one after the other, and one transaction makes it official.
//!
//! Nothing that searches use is touched before that transaction, so whatever fails on the way leaves everything as it
//! was. The generation before stays on the replicas for a while: searches under way end on it, and a rollback is one
//! transaction too. One that [drains](drain) has room for neither: there each shard goes over by a transaction of its own,
//! and from the first of them on it goes on, waits for somebody, or goes back the same way.

mod canary;
mod drain;
mod spoken;

pub use canary::{begin_canary, end_canary, forget_compared, report_compared};
pub(crate) use canary::{comparing, is_on_trial, tried_shards, worst_off};
pub(super) use drain::check_drainable;
pub use drain::switch_shard;
pub(crate) use drain::{has_prepared, serves, spared, stand_in};
pub use spoken::Spoken;

use super::generations::put_generations;
use super::task::{changed, ended};
use crate::change::Change;
use crate::record::{
    Approval, AskedBy, CanaryStage, DumpState, Flipped, Generations, IndexRecord, Key, Preparing, ReplicaId, Rollout,
    TaskId, TaskRecord, Way, Work,
};
use crate::records::{Records, Stored};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{IndexName, IndexUuid};
use std::collections::BTreeSet;

/// What a person may say to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Do nothing more until told to go on.
    Pause,
    /// Go on; if approval is waited for, this gives it.
    Resume,
    /// Take back what was done, and end.
    RollBack,
}

/// A rollout that is under way, with the records that it changes.
struct Under<'a> {
    id: TaskId,
    task: &'a Stored<TaskRecord>,
    rollout: Rollout,
    name: &'a IndexName,
    index: &'a Stored<IndexRecord>,
}

impl<'a> Under<'a> {
    fn find(records: &'a Records, id: TaskId) -> Option<Self> {
        let task = records.tasks.get(&id).filter(|task| !task.record.is_over())?;
        let rollout = *task.record.rollout()?;
        let (name, index) = records.index_of(task.record.uuid)?;
        Some(Self { id, task, rollout, name, index })
    }

    /// Only while its generation is the one that is prepared.
    fn preparing(records: &'a Records, id: TaskId) -> Option<(Self, &'a Preparing)> {
        let under = Self::find(records, id)?;
        let preparing = under.index.record.generations.preparing.as_ref().filter(|it| it.rollout == id)?;
        Some((under, preparing))
    }

    fn with(&self, generations: Generations) -> Change {
        put_generations(self.name, self.index, generations)
    }

    fn generations(&self) -> Generations {
        self.index.record.generations.clone()
    }

    fn end(&self, status: TaskStatus, error: Option<Failure>, change: Change) -> Change {
        ended(self.id, self.task, status, error, change)
    }

    /// Why it waited is forgotten by that.
    fn becomes(&self, status: TaskStatus, rollout: Rollout, change: Change) -> Change {
        let record = TaskRecord { status, work: Work::Rollout(rollout), error: None, ..self.task.record.clone() };
        changed(self.id, self.task, &record, change)
    }

    /// What replicas have failed at they try again at once, and it counts anew if they fail.
    fn tried_again(&self, preparing: &Preparing) -> Change {
        let preparing = Preparing { attempt: preparing.attempt.saturating_add(1), ..preparing.clone() };
        self.with(Generations { preparing: Some(preparing), ..self.generations() })
    }

    /// Whether a shard of it answers from what it prepares.
    fn has_gone_over(&self) -> bool {
        let preparing = self.index.record.generations.preparing.as_ref().filter(|it| it.rollout == self.id);
        preparing.and_then(|preparing| preparing.over.as_ref()).is_some_and(|over| !over.is_empty())
    }
}

/// Begins the rollout of a task that waits for its turn. What was retiring goes, unless it is what is wanted again: a
/// replica holds two generations at most.
pub fn start_rollout(records: &Records, id: TaskId) -> Option<Change> {
    let under = Under::find(records, id).filter(|under| under.task.record.status == TaskStatus::Queued)?;
    let (to, mut generations) = (under.rollout.to, under.generations());
    if generations.preparing.is_some() {
        return None;
    }
    if generations.held && under.rollout.asked_by == AskedBy::Schedule {
        return Some(under.end(TaskStatus::Cancelled, None, Change::new()));
    }
    let dump = records.dumps.get(&to.dump).filter(|dump| dump.record.state == DumpState::Taken(to.generation));
    let Some(dump) = dump else {
        let failure = Failure::new(ErrorCode::DumpNotFound, format_args!("dump {} was deleted meanwhile", to.dump));
        return Some(under.end(TaskStatus::Failed, Some(failure), Change::new()));
    };
    if generations.official == Some(to) {
        generations.held = false;
        return Some(under.end(TaskStatus::Succeeded, None, under.with(generations)));
    }
    // What is only tried lifts nothing before it has passed.
    generations.held &= under.rollout.canary.is_some();
    generations.retiring = generations.retiring.filter(|retiring| *retiring == to);
    // Replicas that still hold it beside what they serve need to let go of nothing.
    let way = if generations.retiring.is_some() { Way::Beside } else { under.rollout.way };
    let over = (way == Way::Drain).then(BTreeSet::new);
    let counted_on = records.replicas_on(under.index.record.layout).filter(|_| way == Way::Drain);
    let known = counted_on.map(|replica| (replica.record.id, replica.place.shard)).collect();
    generations.preparing = Some(Preparing { of: to, rollout: id, allowed: [].into(), over, known, attempt: 0 });
    let change = under.with(generations).if_at(Key::Dump(to.dump), dump.revision);
    Some(under.becomes(TaskStatus::Running, Rollout { way, ..under.rollout }, change))
}

/// Lets one more replica prepare the generation: where it lets go of what it has first, as long as it can be spared.
pub fn allow(records: &Records, id: TaskId, replica: ReplicaId) -> Option<Change> {
    let (under, preparing) = Under::preparing(records, id)?;
    if under.task.record.status != TaskStatus::Running || preparing.allowed.contains(&replica) {
        return None;
    }
    let (mut change, mut known) = (Change::new(), preparing.known.clone());
    if preparing.way() == Way::Drain {
        let index = &under.index.record;
        let mut replicas = records.replicas_on(index.layout);
        let found = replicas.find(|found| found.record.id == replica && found.has_heard(index.uuid, preparing))?;
        let (node, revision) = spared(records, index, &found, &BTreeSet::new())?;
        change = change.if_at(Key::Node(node), revision);
        known.insert(replica, found.place.shard);
    }
    let mut preparing = Preparing { known, ..preparing.clone() };
    preparing.allowed.insert(replica);
    let change = under.with(Generations { preparing: Some(preparing), ..under.generations() }).and(change);
    // Whoever pauses it at the same time changes the task.
    Some(change.if_at(Key::Task(id), under.task.revision))
}

/// Waits for somebody's approval from now on.
pub fn await_approval(records: &Records, id: TaskId) -> Option<Change> {
    let (under, _) = Under::preparing(records, id)?;
    let waits = under.task.record.status == TaskStatus::Running && under.rollout.approval == Approval::Awaited;
    let waits = waits && is_tried(&under.rollout);
    let asked = Rollout { approval: Approval::Asked, ..under.rollout };
    waits.then(|| under.becomes(TaskStatus::Paused, asked, Change::new()))
}

/// Makes the generation official: from now on routers ask for it.
pub fn flip(records: &Records, id: TaskId) -> Option<Change> {
    let (under, preparing) = Under::preparing(records, id)?;
    let may = matches!(under.rollout.approval, Approval::NotNeeded | Approval::Given);
    if under.task.record.status != TaskStatus::Running || !may || !is_tried(&under.rollout) {
        return None;
    }
    let generations = under.generations();
    let from = generations.official;
    if under.rollout.to != preparing.of {
        // It was turned, and has gone all the way back.
        let back = Generations { official: Some(preparing.of), preparing: None, ..generations };
        return Some(under.end(TaskStatus::RolledBack, None, under.with(back)));
    }
    let rollout = Rollout { flipped_from: Some(Flipped { from }), ..under.rollout };
    // What was held when the trial began has waited for this.
    let (official, held) = (Some(preparing.of), generations.held && under.rollout.canary.is_none());
    let retiring = from.filter(|_| preparing.way() == Way::Beside);
    let flipped = Generations { official, retiring, preparing: None, held, ..generations };
    let record = TaskRecord { work: Work::Rollout(rollout), ..under.task.record.clone() };
    let task = Stored { revision: under.task.revision, record };
    Some(ended(id, &task, TaskStatus::Succeeded, None, under.with(flipped)))
}

/// Whether it was tried on live searches, or is not to be.
fn is_tried(rollout: &Rollout) -> bool {
    rollout.canary.is_none_or(|canary| matches!(canary.stage, CanaryStage::Ended(_)))
}

/// Ends a rollout before anything was flipped, and before any shard has gone over. Nobody is to prepare its generation any longer; and where it was being tried,
/// the schedule would make the same official minutes later, untried.
pub fn fail_rollout(records: &Records, id: TaskId, failure: Failure) -> Option<Change> {
    let under = Under::find(records, id).filter(|under| !under.has_gone_over())?;
    let generations = under.generations();
    let held = generations.held || was_on_trial(&under.rollout);
    let left = Generations { held, ..without(&generations, id) };
    let change = if left == generations { Change::new() } else { under.with(left) };
    let work = Work::Rollout(canary::with_trial_over(records, id, under.rollout));
    let record = TaskRecord { work, status: TaskStatus::Failed, error: Some(failure), ..under.task.record.clone() };
    Some(changed(id, under.task, &record, change))
}

/// Lets a rollout wait for somebody, who is told why.
pub fn pause_rollout(records: &Records, id: TaskId, why: Failure) -> Option<Change> {
    let (under, _) = Under::preparing(records, id)?;
    let runs = under.task.record.status == TaskStatus::Running;
    let record = TaskRecord { status: TaskStatus::Paused, error: Some(why), ..under.task.record.clone() };
    runs.then(|| changed(id, under.task, &record, Change::new()))
}

/// Whether its generation was made to answer live searches.
fn was_on_trial(rollout: &Rollout) -> bool {
    rollout.canary.is_some_and(|canary| canary.stage != CanaryStage::Awaited)
}

/// Without what that rollout prepares.
fn without(generations: &Generations, rollout: TaskId) -> Generations {
    let preparing = generations.preparing.clone().filter(|preparing| preparing.rollout != rollout);
    Generations { preparing, ..generations.clone() }
}

/// Lets go of the generation that was official before.
pub fn retire(records: &Records, uuid: IndexUuid) -> Option<Change> {
    let (name, index) = records.index_of(uuid)?;
    let generations = &index.record.generations;
    generations.retiring?;
    Some(put_generations(name, index, Generations { retiring: None, ..generations.clone() }))
}

/// What a person's word to a rollout comes to.
pub fn say(records: &Records, id: TaskId, word: Word) -> Result<Change, Failure> {
    let missing = || Failure::new(ErrorCode::TaskNotFound, format_args!("there is no rollout {id}"));
    let task = records.tasks.get(&id).ok_or_else(missing)?;
    let rollout = task.record.rollout().ok_or_else(missing)?;
    let refuse = |message: String| Err(Failure::new(ErrorCode::TaskConflict, message));
    if word == Word::RollBack && task.record.status == TaskStatus::Succeeded {
        return roll_back(records, id, task, rollout);
    }
    let Some(under) = Under::find(records, id) else {
        return refuse(format!("rollout {id} is over: it {}", said(task.record.status)));
    };
    match (word, task.record.status) {
        (Word::Pause, TaskStatus::Queued | TaskStatus::Running) => {
            Ok(under.becomes(TaskStatus::Paused, *rollout, Change::new()))
        }
        (Word::Resume, TaskStatus::Paused) => {
            let preparing = under.index.record.generations.preparing.as_ref().filter(|it| it.rollout == id);
            // What was paused before it had asked has no approval by being resumed.
            let is_given = rollout.approval == Approval::Asked;
            let approval = if is_given { Approval::Given } else { rollout.approval };
            let status = if preparing.is_some() { TaskStatus::Running } else { TaskStatus::Queued };
            let again = preparing.map(|preparing| under.tried_again(preparing)).unwrap_or_default();
            Ok(under.becomes(status, Rollout { approval, ..*rollout }, again))
        }
        (Word::RollBack, _) => take_back(records, &under),
        (Word::Pause | Word::Resume, status) => refuse(format!("rollout {id} {}", said(status))),
    }
}

/// Ends a rollout that is not done. Where shards have gone over it goes back as it came, and ends then; said once more, it
/// ends where it is.
fn take_back(records: &Records, under: &Under<'_>) -> Result<Change, Failure> {
    let generations = under.generations();
    let mut stands = Change::new();
    if let Some(preparing) = generations.preparing.as_ref().filter(|it| it.rollout == under.id) {
        let is_turned = preparing.of != under.rollout.to;
        if under.has_gone_over()
            && !is_turned
            && let Some(turned) = drain::turned(records, under, preparing)
        {
            return Ok(under.becomes(TaskStatus::Running, under.rollout, turned));
        }
        stands = drain::given_up(records, &under.index.record, preparing).map_err(|shard| {
            let message = format!(
                "rollout {} cannot end now: no replica of shard {shard} has what the others serve, and its primary is down; \
                 start that first",
                under.id
            );
            Failure::new(ErrorCode::TaskConflict, message).with("shard", shard.0)
        })?;
    }
    // Nor is it to come back by itself, with the next dump.
    let held = under.with(Generations { held: true, ..without(&generations, under.id) });
    Ok(under.end(TaskStatus::RolledBack, None, held.and(stands)))
}

/// Makes official again what was so before the rollout.
fn roll_back(records: &Records, id: TaskId, task: &Stored<TaskRecord>, rollout: &Rollout) -> Result<Change, Failure> {
    let refuse = |message: String| Err(Failure::new(ErrorCode::TaskConflict, message));
    let Some((name, index)) = records.index_of(task.record.uuid) else {
        return refuse(format!("rollout {id} cannot be rolled back: its index was deleted"));
    };
    let generations = &index.record.generations;
    if generations.official != Some(rollout.to) {
        return refuse(format!("rollout {id} cannot be rolled back: another one came after it"));
    }
    // From nothing is not the same as not at all: that would be taken back to nothing.
    let Some(Flipped { from }) = rollout.flipped_from else {
        let generation = rollout.to.generation;
        return refuse(format!(
            "rollout {id} changed nothing, there is nothing to roll back: generation {generation} was official already; \
             roll back the rollout that made it so, or start one to another generation"
        ));
    };
    if from.is_some() && generations.retiring != from {
        let before = from.map_or_else(String::new, |from| format!(" to generation {}", from.generation));
        return refuse(format!(
            "rollout {id} cannot be rolled back at once: the replicas have let go of what they served before it; start a \
             rollout{before} instead"
        ));
    }
    if generations.preparing.as_ref().and_then(|other| other.over.as_ref()).is_some_and(|over| !over.is_empty()) {
        return refuse(format!("rollout {id} cannot be rolled back while another one drains: roll that back first"));
    }
    // What is rolled back stays for a while too, for the searches that are under way on it.
    let back = Generations { official: from, retiring: Some(rollout.to), preparing: None, held: true, ..*generations };
    let change = put_generations(name, index, back);
    // Another that is under way would bring back what this takes back.
    let other = generations.preparing.as_ref().map(|preparing| preparing.rollout);
    let change = match other.and_then(|other| Some((other, records.tasks.get(&other)?))) {
        Some((other, stored)) => ended(other, stored, TaskStatus::Cancelled, None, change),
        None => change,
    };
    Ok(ended(id, task, TaskStatus::RolledBack, None, change))
}

fn said(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued => "waits for its turn",
        TaskStatus::Running => "is under way",
        TaskStatus::Paused => "is paused",
        TaskStatus::Succeeded => "has succeeded",
        TaskStatus::Failed => "has failed",
        TaskStatus::RolledBack => "was rolled back",
        TaskStatus::Cancelled => "was cancelled",
    }
}
