//! Dumps and rollouts.

use crate::record::{CanaryStage, DumpRecord, DumpState, Rollout, TaskId, TaskRecord, Work};
use crate::records::Records;
use annuli_api::v1::event::{DumpEvent, Event, RolloutEvent};
use annuli_api::v1::task::TaskStatus;
use annuli_dump::DumpId;

pub(super) fn events(before: &Records, after: &Records) -> Vec<Event> {
    let mut events = Vec::new();
    for (dump, stored) in &after.dumps {
        let was = before.dumps.get(dump).map(|was| was.record.state);
        events.extend(of_dump(*dump, &stored.record, was));
    }
    for (id, stored) in &after.tasks {
        events.extend(canary(*id, &stored.record, before.tasks.get(id).map(|was| &was.record)));
        let was = before.tasks.get(id).map(|was| was.record.status);
        if was == Some(stored.record.status) {
            continue;
        }
        match &stored.record.work {
            Work::Dump { .. } => events.extend(failed_dump(*id, &stored.record)),
            Work::Rollout(rollout) => events.extend(of_rollout(*id, &stored.record, rollout, was)),
            // That its index is created, and deleted again if it comes to nothing, is told of the index.
            Work::Restore(_) => {}
            // What it does is told of the index.
            Work::Reshard(_) => {}
        }
    }
    events.extend(allowed(before, after));
    events
}

fn of_dump(dump: DumpId, record: &DumpRecord, was: Option<DumpState>) -> Option<Event> {
    let event = DumpEvent { index: record.index.to_string(), dump: dump.uuid() };
    match (was, record.state) {
        (None, DumpState::Taking) => Some(Event::DumpBegun(event)),
        (None | Some(DumpState::Taking), DumpState::Taken(generation)) => {
            Some(Event::DumpTaken { dump: event, generation: generation.0 })
        }
        (Some(DumpState::Taken(_)), DumpState::Deleting) => Some(Event::DumpDeleted(event)),
        // What comes to nothing is told by its task.
        (_, DumpState::Taking | DumpState::Taken(_) | DumpState::Deleting) => None,
    }
}

fn failed_dump(id: TaskId, task: &TaskRecord) -> Option<Event> {
    let event = DumpEvent { index: task.index.to_string(), dump: id.0 };
    (task.status == TaskStatus::Failed).then(|| Event::DumpFailed { dump: event, reason: reason(task) })
}

fn of_rollout(id: TaskId, task: &TaskRecord, rollout: &Rollout, was: Option<TaskStatus>) -> Option<Event> {
    let event = of(id, task, rollout);
    match task.status {
        TaskStatus::Running | TaskStatus::Queued if was == Some(TaskStatus::Paused) => {
            Some(Event::RolloutResumed(event))
        }
        TaskStatus::Running => Some(Event::RolloutBegun(event)),
        TaskStatus::Paused => Some(Event::RolloutPaused(event)),
        TaskStatus::Failed => Some(Event::RolloutFailed { rollout: event, reason: reason(task) }),
        TaskStatus::RolledBack => Some(Event::RolloutRolledBack(event)),
        TaskStatus::Cancelled => Some(Event::RolloutCancelled(event)),
        // That it has succeeded is told by the generation.
        TaskStatus::Queued | TaskStatus::Succeeded => None,
    }
}

/// How far its trial on live searches is, if that has changed.
fn canary(id: TaskId, task: &TaskRecord, was: Option<&TaskRecord>) -> Option<Event> {
    let rollout = task.rollout()?;
    let canary = rollout.canary?;
    let before = was.and_then(|was| Some(was.rollout()?.canary?.stage));
    if before == Some(canary.stage) {
        return None;
    }
    match canary.stage {
        CanaryStage::Awaited => None,
        CanaryStage::Comparing => Some(Event::CanaryBegun(of(id, task, rollout))),
        CanaryStage::Ended(compared) => {
            Some(Event::CanaryEnded { rollout: of(id, task, rollout), canary: canary.progress(&compared) })
        }
    }
}

fn of(id: TaskId, task: &TaskRecord, rollout: &Rollout) -> RolloutEvent {
    RolloutEvent { index: task.index.to_string(), rollout: id.0, generation: rollout.to.generation.0 }
}

fn reason(task: &TaskRecord) -> String {
    task.error.as_ref().map(|failure| failure.message.clone()).unwrap_or_default()
}

/// Replicas that are let prepare from now on.
fn allowed(before: &Records, after: &Records) -> Vec<Event> {
    let mut events = Vec::new();
    for (name, stored) in &after.indexes {
        let Some(preparing) = &stored.record.generations.preparing else { continue };
        let was = before.indexes.get(name).and_then(|was| was.record.generations.preparing.as_ref());
        let was = was.filter(|was| was.rollout == preparing.rollout);
        let is_new = |replica| was.is_none_or(|was| !was.allowed.contains(replica));
        let generation = preparing.of.generation.0;
        for replica in preparing.allowed.iter().filter(|replica| is_new(replica)) {
            let rollout = RolloutEvent { index: name.to_string(), rollout: preparing.rollout.0, generation };
            events.push(Event::ReplicaAllowed { rollout, replica: replica.0 });
        }
    }
    events
}
