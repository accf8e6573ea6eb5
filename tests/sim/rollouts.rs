//! What must hold of rollouts that try their generation first, and of those that drain replicas.

use crate::catalogue_rules::UNSEEN_MS;
use crate::witness::Witness;
use annuli_api::v1::task::TaskStatus;
use annuli_cluster::Records;
use annuli_cluster::record::{
    CanaryStage, Generations, IndexRecord, Place, Prepared, Preparing, Standing, TaskId, TaskRecord, Way, Work,
};
use annuli_cluster::records::LiveReplica;
use annuli_core::{Generation, IndexUuid, ShardId};
use std::collections::BTreeSet;

/// What a commit has broken.
pub(crate) fn check_rollouts(before: &Records, after: &Records) -> Vec<String> {
    let mut broken = Vec::new();
    for index in after.indexes.values().map(|stored| &stored.record) {
        let Some((_, was)) = before.index_of(index.uuid) else { continue };
        let Some(had) = &was.record.generations.preparing else { continue };
        match &index.generations.preparing {
            Some(has) if has.rollout == had.rollout => broken.extend(check_drain(before, after, index, had, has)),
            _ if index.generations.official == Some(had.of) => broken.extend(check_trial(after, had)),
            _ => {}
        }
    }
    broken
}

/// What became official after a trial has done well in it.
fn check_trial(after: &Records, prepared: &Preparing) -> Option<String> {
    let Work::Rollout(rollout) = after.tasks.get(&prepared.rollout)?.record.work else { return None };
    let canary = rollout.canary?;
    let does = match canary.stage {
        CanaryStage::Ended(compared) => matches!(canary.standing(&compared), Standing::Does(_)),
        CanaryStage::Awaited | CanaryStage::Comparing => false,
    };
    (!does).then(|| format!("{:?} becomes official, and its trial is {:?}", prepared.of, canary.stage))
}

/// No shard goes back unless the rollout is turned, and then none is asked for anything else by that; and no replica lets go
/// of what nobody else would answer from.
fn check_drain(
    before: &Records,
    after: &Records,
    index: &IndexRecord,
    had: &Preparing,
    has: &Preparing,
) -> Vec<String> {
    let (Some(was_over), Some(is_over)) = (&had.over, &has.over) else { return Vec::new() };
    let was = before.index_of(index.uuid).map(|(_, was)| &was.record.generations);
    let mut broken = Vec::new();
    if had.of != has.of {
        let asked = |shard: &ShardId| was.and_then(|was| was.of_shard(*shard)) != index.generations.of_shard(*shard);
        let other: Vec<_> = index.schema.shards.shards().filter(asked).collect();
        if !other.is_empty() {
            broken.push(format!("a rollout is turned, and the shards {other:?} are asked for something else by that"));
        }
        return broken;
    }
    if !was_over.is_subset(is_over) {
        broken.push(format!("the shards {was_over:?} have gone over, and {is_over:?} are"));
    }
    let leaving: BTreeSet<_> = has.allowed.difference(&had.allowed).copied().collect();
    let replicas: Vec<_> = before.replicas_on(index.layout).collect();
    let is_missed = |replica: &&LiveReplica<'_>| {
        // One that answers nothing leaves nobody.
        leaving.contains(&replica.record.id) && was.is_some_and(|was| answers(was, index.uuid, replica))
    };
    let shards = replicas.iter().filter(is_missed).map(|it| it.place.shard);
    for shard in shards.collect::<BTreeSet<_>>() {
        let place = Place { layout: index.layout, shard };
        let generations = &index.generations;
        let is_left = |replica: &LiveReplica<'_>| replica.place == place && answers(generations, index.uuid, replica);
        if !replicas.iter().any(is_left) && after.primary(place).is_none() {
            broken.push(format!("nobody is left who answers for {place} of {}", index.uuid));
        }
    }
    broken
}

/// Whether routers ask that replica for its shard.
pub(crate) fn answers(generations: &Generations, uuid: IndexUuid, replica: &LiveReplica<'_>) -> bool {
    let Some(asked) = generations.of_shard(replica.place.shard) else { return false };
    replica.is_ready(uuid, asked.generation) && !generations.lets_go(replica.record.id, asked)
}

/// Whether routers compare a generation with another now.
pub(crate) fn is_trying(records: &Records) -> bool {
    let mut open = records.tasks.values().map(|stored| &stored.record).filter(|task| !task.is_over());
    open.any(|task| match task.work {
        Work::Rollout(rollout) => rollout.canary.is_some_and(|canary| canary.stage == CanaryStage::Comparing),
        Work::Dump { .. } | Work::Restore(_) | Work::Reshard(_) => false,
    })
}

impl Witness {
    /// Remembers which generations a search may be answered from together: while replicas are drained, some shards have gone
    /// over and others have not.
    pub(crate) fn know_mixed(&mut self) {
        let drained = self.records.indexes.values().filter_map(|stored| {
            let Generations { official, preparing, .. } = &stored.record.generations;
            let preparing = preparing.as_ref().filter(|preparing| preparing.way() == Way::Drain)?;
            Some((stored.record.uuid, [(*official)?.generation, preparing.of.generation].into()))
        });
        let drained: Vec<_> = drained.collect();
        self.mixed.extend(drained);
    }

    /// Remembers in which attempts of rollouts replicas of which shards have failed.
    pub(crate) fn know_failed(&mut self) {
        let said = self.records.replicas().flat_map(|replica| {
            let shard = replica.place.shard;
            replica.record.generations.values().filter_map(move |prepared| match prepared {
                Prepared::Failed { rollout, attempt, .. } => Some(((*rollout)?, *attempt, shard)),
                Prepared::Under(_) | Prepared::Ready => None,
            })
        });
        let said: Vec<_> = said.collect();
        self.failed.extend(said);
    }

    /// A rollout that drains is paused for what has failed since somebody has had it tried again, and where no other shard
    /// has anything before it.
    pub(crate) fn check_pauses(&self, before: &Records, now: u64) -> Vec<String> {
        let was = |id: &TaskId| before.tasks.get(id).map(|was| was.record.status);
        let paused = |(id, task): &(&TaskId, &TaskRecord)| {
            (was(id), task.status) == (Some(TaskStatus::Running), TaskStatus::Paused)
        };
        let tasks = self.records.tasks.iter().map(|(id, stored)| (id, &stored.record));
        tasks.filter(paused).filter_map(|(id, task)| self.check_pause(before, now, *id, task)).collect()
    }

    fn check_pause(&self, before: &Records, now: u64, id: TaskId, task: &TaskRecord) -> Option<String> {
        let why = task.error.as_ref().filter(|why| why.message.contains("cannot serve generation"))?;
        let (_, index) = self.records.index_of(task.uuid)?;
        let preparing = index.record.generations.preparing.as_ref().filter(|it| it.rollout == id)?;
        let has_failed = |shard| self.failed.contains(&(id, preparing.attempt, shard));
        if !index.record.schema.shards.shards().any(has_failed) {
            return Some(format!(
                "rollout {id} is paused in attempt {}, in which nobody has failed: {why}",
                preparing.attempt
            ));
        }
        // What has changed a moment ago its coordinator may not have seen.
        let stands = |since: Option<&u64>| since.is_some_and(|since| since + UNSEEN_MS < now);
        if why.blames_the_dump() || !stands(self.index_changed.get(&task.uuid)) {
            return None;
        }
        let has_a_turn = |replica: &LiveReplica<'_>| {
            let is_known = stands(self.node_changed.get(&replica.node));
            is_known && !has_failed(replica.place.shard) && !replica.is_ready(task.uuid, preparing.of.generation)
        };
        let other = before.replicas_on(index.record.layout).find(has_a_turn)?;
        Some(format!("rollout {id} is paused while shard {} has turns left: {why}", other.place.shard))
    }

    /// Whether one search of an index may be answered from those generations.
    pub(crate) fn may_be_mixed(&self, index: IndexUuid, generations: &BTreeSet<Generation>) -> bool {
        generations.len() < 2 || self.mixed.contains(&(index, generations.clone()))
    }

    /// Counts what drains do where a replica has failed.
    pub(crate) fn count_failing(&mut self, before: &Records) {
        let mut what = Vec::new();
        for index in self.records.indexes.values().map(|stored| &stored.record) {
            let had = before.index_of(index.uuid).and_then(|(_, was)| was.record.generations.preparing.as_ref());
            let (Some(had), Some(has)) = (had, &index.generations.preparing) else { continue };
            if had.rollout != has.rollout || has.over.is_none() {
                continue;
            }
            let failed = self.failed.iter().any(|(rollout, at, _)| (*rollout, *at) == (had.rollout, had.attempt));
            what.extend((failed && had.attempt < has.attempt).then_some("failed, and tried again"));
            what.extend(
                (failed && had.allowed.len() < has.allowed.len()).then_some("let go beside one that has failed"),
            );
        }
        what.into_iter().for_each(|what| self.count(what));
    }

    /// Counts the tasks that have ended well in a way that is not usual.
    pub(crate) fn count_tasks(&mut self, before: &Records) {
        let is_new = |id: &TaskId| before.tasks.get(id).is_none_or(|task| task.record.status != TaskStatus::Succeeded);
        let done = self.records.tasks.iter().filter(|(id, _)| is_new(id)).map(|(_, stored)| &stored.record);
        let done = done.filter(|task| task.status == TaskStatus::Succeeded);
        let what = done.filter_map(|task| match task.work {
            Work::Reshard(_) => Some("index moved"),
            Work::Rollout(rollout) if rollout.way == Way::Drain => Some("rolled out by draining"),
            Work::Rollout(rollout) if rollout.canary.is_some() => Some("rolled out after a trial"),
            Work::Dump { .. } | Work::Rollout(_) | Work::Restore(_) => None,
        });
        let what: Vec<_> = what.collect();
        what.into_iter().for_each(|what| self.count(what));
    }
}
