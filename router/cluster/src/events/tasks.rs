//! Dumps and rollouts.

use crate::record::{CanaryStage, DumpRecord, DumpState, Preparing, ReplicaId, Rollout, TaskId, TaskRecord, Work};
use crate::records::Records;
use annuli_api::v1::event::{DumpEvent, Event, RolloutEvent};
use annuli_api::v1::task::TaskStatus;
use annuli_core::{IndexName, ShardId};
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
    events.extend(after.indexes.iter().flat_map(|(name, stored)| {
        let was = before.indexes.get(name).and_then(|was| was.record.generations.preparing.as_ref());
        stored.record.generations.preparing.as_ref().map_or_else(Vec::new, |now| of_preparing(name, was, now))
    }));
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
        TaskStatus::Paused => {
            let reason = task.error.as_ref().map(|failure| failure.message.clone());
            Some(Event::RolloutPaused { rollout: event, reason })
        }
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

/// What has come of the generation that is prepared: replicas that may do so from now on, and shards that are asked for it.
fn of_preparing(name: &IndexName, was: Option<&Preparing>, now: &Preparing) -> Vec<Event> {
    let of = || RolloutEvent { index: name.to_string(), rollout: now.rollout.0, generation: now.of.generation.0 };
    let was = was.filter(|was| was.rollout == now.rollout);
    if was.is_some_and(|was| was.of != now.of) {
        // For nobody it is another than before: those have gone back that had not gone over.
        return vec![Event::RolloutTurned(of())];
    }
    let is_new = |replica: &&ReplicaId| was.is_none_or(|was| !was.allowed.contains(replica));
    let allowed = now.allowed.iter().filter(is_new);
    let allowed = allowed.map(|replica| Event::ReplicaAllowed { rollout: of(), replica: replica.0 });
    let was_over = was.and_then(|was| was.over.as_ref());
    let is_new = |shard: &&ShardId| was_over.is_none_or(|was| !was.contains(shard));
    let switched = now.over.iter().flatten().filter(is_new);
    allowed.chain(switched.map(|shard| Event::ShardSwitched { rollout: of(), shard: shard.0 })).collect()
}
