//! What a rollout would do: what the coordinator decides, played on a copy of the records, with replicas that all succeed.
//!
//! A plan that was worked out by itself would one day say something else than what is done.

use super::{Due, Step, of_task, written};
use crate::change::Change;
use crate::decide::{RolloutOptions, Word, request_rollout, say, tried_shards};
use crate::record::{
    Comparison, Comparisons, Generations, NumberedDump, Prepared, ReplicaId, RouterId, ShardComparison, TaskId, Way,
};
use crate::records::{Records, Stored};
use annuli_api::v1::rollout::{PlannedReplica, PlannedStep, RolloutPlan};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, IndexName, IndexUuid};
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
    while !stage.is_done() {
        let due = stage.due();
        if due.is_empty() {
            return Err(stage.stuck());
        }
        let mut replicas = Vec::new();
        for step in due {
            replicas.extend(stage.play(&step, (uuid, to), &mut steps)?);
        }
        if !replicas.is_empty() {
            steps.push(match stage.way() {
                Way::Beside => PlannedStep::Prepare { replicas },
                Way::Drain => PlannedStep::Drain { replicas },
            });
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

    /// Plays a step: what is to be said of it, and the replica that it lets prepare.
    fn play(
        &mut self,
        step: &Step,
        (uuid, to): (IndexUuid, NumberedDump),
        steps: &mut Vec<PlannedStep>,
    ) -> Result<Option<PlannedReplica>, Failure> {
        match step {
            Step::Allow(_, replica) => {
                let planned = self.planned(*replica);
                self.take(step)?;
                self.prepare(*replica, (uuid, to));
                return Ok(planned);
            }
            Step::SwitchShard(_, shard) => {
                steps.push(PlannedStep::Switch { shard: shard.0 });
                self.take(step)?;
            }
            Step::BeginCanary(_) => {
                steps.extend(self.compare());
                self.take(step)?;
            }
            Step::EndCanary(_) => self.take(step)?,
            Step::AwaitApproval(_) => {
                steps.push(PlannedStep::AwaitApproval);
                self.take(step)?;
                let agreed = say(&self.records, self.id, Word::Resume)?;
                self.write(&agreed);
            }
            Step::StartRollout(_) => {
                let before = self.generations(uuid).retiring;
                self.take(step)?;
                self.hear(uuid);
                // A replica holds two generations at most.
                let gone = before.filter(|before| self.generations(uuid).retiring != Some(*before));
                steps.extend(gone.map(|gone| PlannedStep::Retire { generation: gone.generation.0 }));
            }
            Step::Flip(_) => {
                let from = self.generations(uuid).official.map(|official| official.generation.0);
                steps.push(PlannedStep::Flip { from });
                self.take(step)?;
                let retiring = self.generations(uuid).retiring;
                steps.extend(retiring.map(|of| PlannedStep::Retire { generation: of.generation.0 }));
            }
            Step::FailRollout(_, failure) | Step::PauseRollout(_, failure) => return Err(failure.clone()),
            // No step of a rollout, or of one in which nothing takes its time.
            Step::GiveUpOn(..)
            | Step::BeginDump(_)
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
            | Step::ForgetTombstone(_)
            | Step::ForgetTerm(_)
            | Step::ForgetAlias(_) => return Err(self.stuck()),
        }
        Ok(None)
    }

    /// Whether it has come to its end. One that waits for somebody has not.
    fn is_done(&self) -> bool {
        self.records.tasks.get(&self.id).is_some_and(|task| task.record.status == TaskStatus::Succeeded)
    }

    fn due(&self) -> Vec<Step> {
        // Nothing takes its time here, and whoever is to be waited for a moment was.
        let is_now = |due: &Due| due.patience.is_zero() || matches!(due.step, Step::Allow(..) | Step::Flip(_));
        self.due_at_last().into_iter().filter(is_now).map(|due| due.step).collect()
    }

    /// Also what would be due only after a while.
    fn due_at_last(&self) -> Vec<Due> {
        let task = self.records.tasks.get(&self.id);
        task.map_or_else(Vec::new, |task| of_task(&self.records, self.id, &task.record))
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

    /// Every replica knows of the rollout, and has let go of what is left over from one before.
    fn hear(&mut self, index: IndexUuid) {
        let Generations { official, retiring, preparing, .. } = self.generations(index);
        let Some(preparing) = preparing else { return };
        let heard = (preparing.rollout, preparing.of.generation);
        let is_kept = |number: Generation| [official, retiring].iter().flatten().any(|kept| kept.generation == number);
        for record in self.records.nodes.values_mut().filter_map(|node| node.record.replica.as_mut()) {
            record.generations.retain(|(of, number), _| *of != index || is_kept(*number));
            record.heard.insert(index, heard);
        }
    }

    fn way(&self) -> Way {
        let task = self.records.tasks.get(&self.id);
        task.and_then(|task| task.record.rollout()).map_or(Way::Beside, |rollout| rollout.way)
    }

    fn prepare(&mut self, replica: ReplicaId, (index, to): (IndexUuid, NumberedDump)) {
        let way = self.way();
        let nodes = self.records.nodes.values_mut().filter_map(|node| node.record.replica.as_mut());
        for record in nodes.filter(|record| record.id == replica) {
            record.generations.retain(|(of, _), _| *of != index || way == Way::Beside);
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

    /// Why it goes no further.
    fn stuck(&self) -> Failure {
        let failed = self.records.tasks.get(&self.id).and_then(|task| task.record.error.clone());
        let due = self.due_at_last();
        let hindered = due.iter().find_map(|due| {
            let (Step::FailRollout(_, why) | Step::PauseRollout(_, why)) = &due.step else { return None };
            Some(why.clone())
        });
        let unknown =
            || Failure::new(ErrorCode::Internal, format_args!("the rollout cannot be planned: {due:?} is due"));
        failed.or(hindered).unwrap_or_else(unknown)
    }
}
