//! What a rollout would do: what the coordinator decides, played on a copy of the records, with replicas that all succeed.
//!
//! A plan that was worked out by itself would one day say something else than what is done.

use super::{Step, of_task, written};
use crate::change::Change;
use crate::decide::{RolloutOptions, Word, request_rollout, say, tried_shards};
use crate::record::{
    Comparison, Comparisons, Generations, NumberedDump, Prepared, ReplicaId, RouterId, ShardComparison, TaskId,
};
use crate::records::{Records, Stored};
use annuli_api::v1::rollout::{PlannedReplica, PlannedStep, RolloutPlan};
use annuli_api::{ErrorCode, Failure};
use annuli_core::{IndexName, IndexUuid};
use uuid::Uuid;

/// The steps of the rollout that is asked for so, if it were asked for now under that id.
pub(crate) fn rehearse(
    records: &Records,
    name: &IndexName,
    id: TaskId,
    options: RolloutOptions,
) -> Result<RolloutPlan, Failure> {
    let request = request_rollout(records, name, id, options)?;
    let mut stage = Stage { records: records.clone(), id };
    stage.write(&request);
    let (uuid, to) = stage.rollout().ok_or_else(|| stage.stuck())?;
    let waits_for = stage.clear(uuid);
    let mut steps = Vec::new();
    loop {
        let due = stage.due();
        if due.is_empty() {
            break;
        }
        let mut replicas = Vec::new();
        for step in due {
            match step {
                Step::Allow(_, replica) => {
                    replicas.extend(stage.planned(replica));
                    stage.take(&step)?;
                    stage.prepare(replica, (uuid, to));
                }
                Step::BeginCanary(_) => {
                    steps.extend(stage.compare());
                    stage.take(&step)?;
                }
                Step::EndCanary(_) => stage.take(&step)?,
                Step::AwaitApproval(_) => {
                    steps.push(PlannedStep::AwaitApproval);
                    stage.take(&step)?;
                    let agreed = say(&stage.records, id, Word::Resume)?;
                    stage.write(&agreed);
                }
                Step::StartRollout(_) => {
                    let before = stage.generations(uuid).retiring;
                    stage.take(&step)?;
                    // A replica holds two generations at most.
                    let gone = before.filter(|before| stage.generations(uuid).retiring != Some(*before));
                    steps.extend(gone.map(|gone| PlannedStep::Retire { generation: gone.generation.0 }));
                }
                Step::Flip(_) => {
                    let from = stage.generations(uuid).official.map(|official| official.generation.0);
                    steps.push(PlannedStep::Flip { from });
                    stage.take(&step)?;
                    steps.extend(from.map(|generation| PlannedStep::Retire { generation }));
                }
                Step::FailRollout(_, failure) => return Err(failure),
                // No step of a rollout.
                Step::BeginDump(_)
                | Step::CommitDump(_)
                | Step::RemoveFiles(..)
                | Step::FailDump(..)
                | Step::Retire(..)
                | Step::RetireDump(_)
                | Step::Cancel(_)
                | Step::Forget(_)
                | Step::ForgetCompared(_)
                | Step::ForgetDump(_)
                | Step::BeginReshard(_)
                | Step::Seal(_)
                | Step::MoveOver(_)
                | Step::FailReshard(..)
                | Step::AbandonMove(_)
                | Step::ForgetFormer(_)
                | Step::EndReshard
                | Step::ForgetTombstone(_) => return Err(stage.stuck()),
            }
        }
        if !replicas.is_empty() {
            steps.push(PlannedStep::Prepare { replicas });
        }
    }
    Ok(RolloutPlan { generation: to.generation.0, dump: to.dump.uuid(), waits_for, steps })
}

/// A copy of the records, on which one rollout is played.
struct Stage {
    records: Records,
    id: TaskId,
}

impl Stage {
    fn rollout(&self) -> Option<(IndexUuid, NumberedDump)> {
        let task = &self.records.tasks.get(&self.id)?.record;
        Some((task.uuid, task.rollout()?.to))
    }

    /// Takes away what would be done before, and returns its ids.
    fn clear(&mut self, uuid: IndexUuid) -> Vec<Uuid> {
        let (id, tasks) = (self.id, &self.records.tasks);
        let before =
            tasks.iter().filter(|(other, task)| **other != id && task.record.uuid == uuid && !task.record.is_over());
        let before: Vec<_> = before.map(|(other, _)| *other).collect();
        before.iter().for_each(|other| drop(self.records.tasks.remove(other)));
        let index = self.records.indexes.values_mut().filter(|index| index.record.uuid == uuid);
        index.for_each(|index| index.record.generations.preparing = None);
        before.into_iter().map(|other| other.0).collect()
    }

    fn due(&self) -> Vec<Step> {
        let Some(task) = self.records.tasks.get(&self.id) else { return Vec::new() };
        let due = of_task(&self.records, self.id, &task.record).into_iter();
        // Nothing takes its time here.
        due.filter(|due| due.patience.is_zero()).map(|due| due.step).collect()
    }

    fn take(&mut self, step: &Step) -> Result<(), Failure> {
        let change = written(&self.records, step).ok_or_else(|| self.stuck())?;
        self.write(&change);
        Ok(())
    }

    /// Nobody else writes here, so its conditions hold.
    fn write(&mut self, change: &Change) {
        let revision = u64::MAX;
        change.deletes.iter().for_each(|key| self.records.delete(&key.to_string()));
        change.puts.iter().for_each(|(key, value)| self.records.put(&key.to_string(), revision, value));
    }

    fn prepare(&mut self, replica: ReplicaId, (index, to): (IndexUuid, NumberedDump)) {
        let nodes = self.records.nodes.values_mut().filter_map(|node| node.record.replica.as_mut());
        for record in nodes.filter(|record| record.id == replica) {
            record.generations.insert((index, to.generation), Prepared::Ready);
        }
    }

    /// Searches agree as often as is wanted.
    fn compare(&mut self) -> Option<PlannedStep> {
        let canary = self.records.tasks.get(&self.id)?.record.rollout()?.canary?;
        let sums = Comparison { searches: u64::from(canary.searches), ..Comparison::default() };
        let agrees = |shard| (shard, ShardComparison { sums, last_failure: None });
        let record = Comparisons(tried_shards(&self.records, self.id).into_iter().map(agrees).collect());
        self.records.compared.insert((self.id, RouterId(Uuid::nil())), Stored { revision: 0, record });
        let (percent, searches, floor_percent) = (canary.percent, canary.searches, canary.floor_percent);
        Some(PlannedStep::Compare { percent, searches, floor_percent })
    }

    fn planned(&self, replica: ReplicaId) -> Option<PlannedReplica> {
        let found = self.records.replicas().find(|found| found.record.id == replica)?;
        Some(PlannedReplica { shard: found.place.shard.0, id: replica.0, address: found.address.to_owned() })
    }

    fn generations(&self, uuid: IndexUuid) -> Generations {
        self.records.index_of(uuid).map(|(_, index)| index.record.generations.clone()).unwrap_or_default()
    }

    fn stuck(&self) -> Failure {
        Failure::new(ErrorCode::Internal, format_args!("the rollout cannot be planned: {:?} is due", self.due()))
    }
}
