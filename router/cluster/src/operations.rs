//! What is asked of a cluster: written down as tasks, which the coordinator takes from there.

use crate::catalogue::{ClusterCatalogue, Coordinating, dump_info};
use crate::change::Change;
use crate::commit::Decision;
use crate::coordinate::{obstacles, rehearse};
use crate::decide::{
    ReshardCancellation, ReshardRequest, RolloutOptions, Spoken, Word, request_dump, request_restore, request_rollout,
    worst_off,
};
use crate::mirror::Seen;
use crate::record::{
    AskedBy, CanaryStage, Comparison, DumpState, IndexRecord, LayoutId, NumberedDump, Place, Prepared, Rollout, Served,
    TaskId, TaskRecord, Way, Work,
};
use crate::records::{LiveReplica, Records};
use annuli_api::v1::canary::CanaryProgress;
use annuli_api::v1::cluster::{
    ClusterIndex, ClusterInfo, ClusterPrimary, ClusterReplica, ClusterShard, NextShards, Resharding, SteppedDown,
};
use annuli_api::v1::rollout::{RolloutPlan, RolloutWord, StartRollout};
use annuli_api::v1::task::{TaskInfo, TaskProgress, TaskStatus};
use annuli_api::{Catalogue, Chronicle, ErrorCode, Failure, Index, Operations};
use annuli_core::{Generation, IndexName, IndexUuid, ShardCount, ShardId};
use annuli_dump::DumpId;
use async_trait::async_trait;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

#[async_trait]
impl Operations for ClusterCatalogue {
    async fn start_dump(&self, index: &Index) -> Result<Uuid, Failure> {
        self.check_dumps()?;
        let id = TaskId(self.new_uuid());
        self.decide(|records| asked(records, id, || request_dump(records, &index.name, id, None))).await?;
        Ok(id.0)
    }

    async fn start_rollout(&self, index: &Index, rollout: StartRollout) -> Result<Uuid, Failure> {
        self.check_dumps()?;
        let (id, options) = (TaskId(self.new_uuid()), options(rollout));
        self.decide(|records| asked(records, id, || request_rollout(records, &index.name, id, options))).await?;
        Ok(id.0)
    }

    async fn plan_rollout(&self, index: &Index, rollout: StartRollout) -> Result<RolloutPlan, Failure> {
        self.check_dumps()?;
        // By what it would be decided by: a dump may have been taken through another router a moment ago.
        self.refresh().await;
        let Seen { records, .. } = &*self.mirror().seen();
        rehearse(records, &index.name, TaskId(self.new_uuid()), options(rollout))
    }

    async fn restore(&self, name: &IndexName, dump: Uuid) -> Result<Uuid, Failure> {
        let dump = DumpId::new(dump).map_err(|error| Failure::new(ErrorCode::DumpNotFound, error))?;
        let (origin, schema) = self.find_dump(dump).await?;
        let (id, new) = (TaskId(self.new_uuid()), IndexUuid(self.new_uuid()));
        self.decide(|records| asked(records, id, || request_restore(records, name, new, id, origin, &schema))).await?;
        Ok(id.0)
    }

    async fn say(&self, index: &Index, rollout: Uuid, word: RolloutWord) -> Result<(), Failure> {
        let word = match word {
            RolloutWord::Pause => Word::Pause,
            RolloutWord::Resume => Word::Resume,
            RolloutWord::Rollback => Word::RollBack,
        };
        let (id, mut spoken) = (TaskId(rollout), Spoken::new(word));
        self.decide(|records| {
            let of_index = records.tasks.get(&id).is_some_and(|task| task.record.uuid == index.uuid);
            if !of_index {
                let message = format!("index `{}` has no rollout {id}", index.name);
                return Err(Failure::new(ErrorCode::TaskNotFound, message));
            }
            Ok(Decision::to(spoken.decide(records, id)?))
        })
        .await
    }

    fn tasks(&self) -> Vec<TaskInfo> {
        let Seen { records, .. } = &*self.mirror().seen();
        records.tasks.iter().map(|(id, stored)| task_info(records, *id, &stored.record)).collect()
    }

    fn rollout(&self, index: &Index, id: Uuid) -> Option<TaskInfo> {
        let (Seen { records, .. }, id) = (&*self.mirror().seen(), TaskId(id));
        let task = &records.tasks.get(&id)?.record;
        (task.uuid == index.uuid && task.rollout().is_some()).then(|| task_info(records, id, task))
    }

    async fn cluster(&self) -> Result<ClusterInfo, Failure> {
        let coordinating = self.coordinator().await?;
        let Seen { records, .. } = &*self.mirror().seen();
        let index = |name: &IndexName| (name.as_str().to_owned(), cluster_index(records, name));
        let Resharding { shards, next } = resharding(records);
        Ok(ClusterInfo {
            coordinator: coordinating.name,
            epoch: coordinating.epoch.0,
            shards,
            next,
            indexes: records.indexes.keys().map(index).collect(),
        })
    }

    async fn reshard(&self, shards: ShardCount) -> Result<Resharding, Failure> {
        self.check_dumps()?;
        let mut request = ReshardRequest::default();
        self.decide(|records| Ok(Decision::to(request.decide(records, shards)?))).await?;
        Ok(resharding(&self.mirror().seen().records))
    }

    async fn cancel_reshard(&self) -> Result<Resharding, Failure> {
        let mut cancellation = ReshardCancellation::default();
        self.decide(|records| Ok(Decision::to(cancellation.decide(records)?))).await?;
        Ok(resharding(&self.mirror().seen().records))
    }

    async fn step_down(&self) -> Result<SteppedDown, Failure> {
        let Coordinating { name, epoch } = self.depose_coordinator().await?;
        Ok(SteppedDown { coordinator: name, epoch: epoch.0 })
    }

    fn chronicle(&self) -> Arc<dyn Chronicle> {
        Arc::clone(self.past()) as Arc<dyn Chronicle>
    }
}

/// Into how many shards indexes are divided, and how far they are on their way to the next number.
fn resharding(records: &Records) -> Resharding {
    let Some(cluster) = records.cluster.as_ref().map(|stored| &stored.record) else {
        return Resharding { shards: None, next: None };
    };
    let next = cluster.next.map(|next| {
        let has_moved = |index: &IndexRecord| index.layout == next.id;
        let moved = records.indexes.values().filter(|stored| has_moved(&stored.record)).count();
        let is_there = |shard: &ShardId| records.primary(Place { layout: next.id, shard: *shard }).is_some();
        NextShards {
            shards: next.shards.get(),
            primaries: count(next.shards.shards().filter(is_there).count()),
            indexes_moved: count(moved),
            indexes_total: count(records.indexes.len()),
            waits_for: obstacles(records),
        }
    });
    Resharding { shards: Some(cluster.layout.shards.get()), next }
}

fn options(rollout: StartRollout) -> RolloutOptions {
    RolloutOptions {
        generation: rollout.generation.map(Generation),
        max_unavailable: rollout.max_unavailable,
        approve: rollout.approve.unwrap_or(false),
        way: if rollout.drain.unwrap_or(false) { Way::Drain } else { Way::Beside },
        canary: rollout.canary,
        asked_by: AskedBy::Person,
    }
}

/// A task is asked for once, also when the answer to its commit was lost.
pub(crate) fn asked(
    records: &Records,
    id: TaskId,
    request: impl FnOnce() -> Result<Change, Failure>,
) -> Result<Decision<()>, Failure> {
    if records.tasks.contains_key(&id) {
        return Ok(Decision::Stands(()));
    }
    Ok(Decision::Write(request()?, ()))
}

fn task_info(records: &Records, id: TaskId, task: &TaskRecord) -> TaskInfo {
    let (kind, progress, result) = match &task.work {
        Work::Dump { .. } => {
            let dump = DumpId::new(id.0).ok();
            let record = dump.and_then(|dump| Some((dump, &records.dumps.get(&dump)?.record)));
            let result = record.and_then(|(dump, record)| {
                let generation = record.generation()?;
                Some(json!(dump_info(NumberedDump { generation, dump }, record)))
            });
            let shards_done = record.map_or(0, |(_, record)| count(record.done().count()));
            let shards_total = shards(records, task.uuid).max(shards_done);
            ("dump", TaskProgress::Shards { shards_done, shards_total }, result)
        }
        Work::Rollout(rollout) => {
            let generation = rollout.to.generation;
            let index = records.index_of(task.uuid).map(|(_, index)| &index.record);
            let layout = index.map_or(LayoutId::FIRST, |index| index.layout);
            let replicas: Vec<_> = records.replicas_on(layout).collect();
            // One that goes back prepares another.
            let preparing = index.and_then(|index| index.generations.preparing.as_ref());
            let under = preparing.filter(|it| it.rollout == id).map_or(generation, |it| it.of.generation);
            let is_ready = |replica: &&LiveReplica<'_>| replica.is_ready(task.uuid, under);
            // They may have gone on to another generation since it was done.
            let is_done = task.status == TaskStatus::Succeeded;
            let ready = if is_done { replicas.len() } else { replicas.iter().filter(is_ready).count() };
            let result = json!({"generation": generation.0, "dump": rollout.to.dump.uuid()});
            let (replicas_ready, replicas_total) = (count(ready), count(replicas.len()));
            let canary = canary(records, id, rollout);
            let progress = TaskProgress::Replicas { replicas_ready, replicas_total, canary };
            ("rollout", progress, Some(result))
        }
        Work::Restore(origin) => {
            let index = records.index_of(task.uuid).map(|(_, stored)| &stored.record);
            let shards_total = records.cluster.as_ref().map_or(0, |cluster| cluster.record.layout.shards.get());
            // It may have been deleted since it was restored.
            let is_whole = task.status == TaskStatus::Succeeded;
            let made = index.map_or(0, |index| count(index.histories.len()));
            let shards_done = if is_whole { shards_total } else { made };
            let result = json!({"dump": origin.dump.uuid(), "index_uuid": task.uuid.0});
            ("restore", TaskProgress::Shards { shards_done, shards_total }, Some(result))
        }
        Work::Reshard(to) => {
            let shards_total = to.shards.get();
            let (stage, shards_done) = match task.status {
                TaskStatus::Succeeded => ("moved", shards_total),
                TaskStatus::Queued
                | TaskStatus::Running
                | TaskStatus::Paused
                | TaskStatus::Failed
                | TaskStatus::RolledBack
                | TaskStatus::Cancelled => stage(records, id, task.uuid),
            };
            ("reshard", TaskProgress::Shards { shards_done, shards_total }, Some(json!({"stage": stage})))
        }
    };
    TaskInfo {
        id: id.0,
        kind: kind.to_owned(),
        index: Some(task.index.as_str().to_owned()),
        shard: None,
        status: task.status,
        progress,
        error: task.error.clone(),
        result,
    }
}

/// How its generation does on live searches, if it is tried on them.
fn canary(records: &Records, id: TaskId, rollout: &Rollout) -> Option<CanaryProgress> {
    let canary = rollout.canary?;
    Some(match canary.stage {
        CanaryStage::Awaited => canary.progress(&Comparison::default()),
        CanaryStage::Comparing => {
            let worst = worst_off(records, id, &canary).map(|(_, worst)| worst.sums);
            canary.progress(&worst.unwrap_or_default())
        }
        CanaryStage::Ended(compared) => canary.progress(&compared),
    })
}

/// What is done to move an index, and how many shards of what it is to become have that behind them.
fn stage(records: &Records, id: TaskId, uuid: IndexUuid) -> (&'static str, u32) {
    let moving = records.index_of(uuid).and_then(|(_, index)| index.record.moving.as_ref());
    let Some(moving) = moving else {
        let dump = DumpId::new(id.0).ok().and_then(|dump| records.dumps.get(&dump));
        let is_taken = dump.is_some_and(|dump| dump.record.state == DumpState::Taking);
        return (if is_taken { "dumping" } else { "waiting" }, 0);
    };
    if moving.sealed.is_some() {
        ("sealed", count(moving.done.len()))
    } else if moving.histories.len() < moving.shards.get() as usize {
        ("restoring", count(moving.histories.len()))
    } else {
        ("forwarding", count(moving.near.len()))
    }
}

fn shards(records: &Records, uuid: IndexUuid) -> u32 {
    records.index_of(uuid).map_or(0, |(_, index)| index.record.schema.shards.get())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn cluster_index(records: &Records, name: &IndexName) -> ClusterIndex {
    let index = &records.indexes[name].record;
    let generations = &index.generations;
    let replicas: Vec<_> = records.replicas_on(index.layout).collect();
    ClusterIndex {
        generation: generations.official.map(|official| official.generation.0),
        preparing: generations.preparing.as_ref().map(|preparing| preparing.of.generation.0),
        held: generations.held,
        shards: index.schema.shards.shards().map(|shard| cluster_shard(records, index, shard, &replicas)).collect(),
    }
}

fn cluster_shard(records: &Records, index: &IndexRecord, shard: ShardId, replicas: &[LiveReplica<'_>]) -> ClusterShard {
    let uuid = index.uuid;
    let primary = records.primary(Place { layout: index.layout, shard }).map(|node| ClusterPrimary {
        address: node.address.clone(),
        state: match node.serves.get(&uuid) {
            Some(Served::Ready) => "ready".to_owned(),
            Some(Served::Unavailable) | None => "unavailable".to_owned(),
        },
    });
    let replica = |replica: &LiveReplica<'_>| ClusterReplica {
        id: replica.record.id.0,
        address: replica.address.to_owned(),
        generations: generations(replica, uuid),
    };
    ClusterShard {
        shard: shard.0,
        primary,
        replicas: replicas.iter().filter(|replica| replica.place.shard == shard).map(replica).collect(),
    }
}

fn generations(replica: &LiveReplica<'_>, uuid: IndexUuid) -> BTreeMap<u64, String> {
    let said = |prepared: &Prepared| match prepared {
        Prepared::Ready => "ready".to_owned(),
        Prepared::Under(now) => now.clone(),
        Prepared::Failed { why, .. } => format!("failed: {why}"),
    };
    let of_index = replica.record.generations.iter().filter(|((index, _), _)| *index == uuid);
    of_index.map(|((_, generation), prepared)| (generation.0, said(prepared))).collect()
}

#[cfg(test)]
mod tests;
