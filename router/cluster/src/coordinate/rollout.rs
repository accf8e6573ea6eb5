//! What is due of a rollout: replicas prepare, in turn; then it is tried, approved, and made official.

use super::drain::{self, Turn};
use super::{Due, Step, canary};
use crate::change::Change;
use crate::decide::{fail_rollout, has_prepared, pause_rollout};
use crate::record::{Approval, Blame, IndexRecord, Place, Prepared, Preparing, ReplicaId, Rollout, TaskId, TaskRecord};
use crate::records::{LiveReplica, Records};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::ShardId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a rollout waits for a replica that has gone, or where there is none at all.
pub(super) const REPLICA_PATIENCE: Duration = Duration::from_secs(60);

/// How long a rollout waits for a replica that says nothing new of what it prepares: building what was in no segment takes
/// its time.
pub(super) const PREPARATION_PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// How long a rollout waits for one replica in all, whatever it says and however often it goes and comes back: the largest
/// shard, fetched through a slow network.
pub(super) const REPLICA_PATIENCE_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// What is due of a rollout whose generation replicas prepare. That a shard goes over waits for nobody, not even while the
/// rollout is paused: the fewer of its replicas would answer until then.
pub(super) fn of_task(records: &Records, id: TaskId, task: &TaskRecord, preparing: &Preparing) -> Vec<Due> {
    let (Some(rollout), Some((_, index))) = (task.rollout(), records.index_of(task.uuid)) else { return Vec::new() };
    let replicas: Vec<_> = records.replicas_on(index.record.layout).collect();
    let switches = drain::switches(records, id, &index.record, preparing, &replicas);
    let mut due: Vec<_> = switches.values().cloned().collect();
    if task.status == TaskStatus::Running {
        // A shard that is about to go over comes before all that could be done at once. What is waited for goes on being so.
        let goes_over = due.iter().any(|due| due.patience.is_zero());
        let (index, away) = (&index.record, drain::away(preparing, &replicas));
        let switching = switches.into_keys().collect();
        let turns = Turns { records, id, rollout, index, preparing, replicas: &replicas, away, switching };
        due.extend(turns.due().into_iter().filter(|due| !goes_over || !due.patience.is_zero()));
    }
    due
}

/// Ends a rollout that has waited for a replica for too long, or lets it wait for somebody.
pub(super) fn give_up_on(records: &Records, id: TaskId, replica: ReplicaId) -> Option<Change> {
    let (_, index) = records.index_of(records.tasks.get(&id)?.record.uuid)?;
    let preparing = index.record.generations.preparing.as_ref()?;
    let (generation, hours) = (preparing.of.generation, REPLICA_PATIENCE_MAX.as_secs() / 3600);
    let who = match records.replicas().find(|found| found.record.id == replica) {
        Some(LiveReplica { place: Place { shard, .. }, address, .. }) => {
            format!("the replica of shard {shard} at {address}")
        }
        None => format!("replica {replica}, which has gone"),
    };
    let message = format!(
        "generation {generation} was not ready within {hours} hours on {who}: see what the log of its process says, and \
         whether it was started again and again"
    );
    let failure = Failure::new(ErrorCode::ShardUnavailable, message);
    if drain::has_gone_over(preparing) {
        pause_rollout(records, id, failure)
    } else {
        fail_rollout(records, id, failure)
    }
}

/// A rollout under way, and the replicas that take turns in it.
struct Turns<'a> {
    records: &'a Records,
    id: TaskId,
    rollout: &'a Rollout,
    index: &'a IndexRecord,
    preparing: &'a Preparing,
    replicas: &'a [LiveReplica<'a>],
    /// Those that are away, and the shard of each.
    away: BTreeMap<ReplicaId, ShardId>,
    /// Shards that are about to go over.
    switching: BTreeSet<ShardId>,
}

impl Turns<'_> {
    /// What is due now, and beside that what goes on being so whatever else is in the way meanwhile: else who falls over and
    /// over again lets all waiting begin anew.
    fn due(&self) -> Vec<Due> {
        let mut due = self.in_turn();
        due.extend(self.late().map(|id| Due::after(REPLICA_PATIENCE_MAX, Step::GiveUpOn(self.id, id))));
        let trial = canary::of_rollout(self.records, self.id, self.rollout);
        due.extend(trial.filter(|trial| !trial.patience.is_zero() && !due.contains(trial)));
        due
    }

    /// Replicas that prepare it, as far as anybody knows. Where nothing is given up any longer one that stays away keeps
    /// nobody while there is something to do without it.
    fn late(&self) -> impl Iterator<Item = ReplicaId> {
        let has_it = |replica: &LiveReplica<'_>| has_prepared(self.index, self.preparing, replica);
        let counts_gone = !drain::has_gone_over(self.preparing) || self.replicas.iter().all(has_it);
        let is_late = move |id: &&ReplicaId| match self.replicas.iter().find(|replica| replica.record.id == **id) {
            Some(replica) => !has_it(replica),
            None => counts_gone,
        };
        self.preparing.allowed.iter().filter(is_late).copied()
    }

    fn in_turn(&self) -> Vec<Due> {
        let generation = self.preparing.of.generation;
        if self.replicas.is_empty() {
            return vec![self.hindered(REPLICA_PATIENCE, "no replica of any shard is there".to_owned())];
        }
        let failed = self.failures();
        let goes_on = drain::has_gone_over(self.preparing);
        // What is due to the dump fails everywhere: the fewer go over to it, the fewer have to go back.
        let to_blame = failed.values().find(|why| why.blames_the_dump());
        if let Some(why) = to_blame.or(failed.values().next().filter(|_| !goes_on)) {
            return vec![Due::now(self.end_or_pause(why.clone()))];
        }
        let lives = |id: &&ReplicaId| self.replicas.iter().any(|replica| replica.record.id == **id);
        let gone = self.preparing.allowed.iter().find(|id| !lives(id));
        if let Some(gone) = gone
            && !goes_on
        {
            // It may be what it prepares that ends it.
            let message = format!("replica {gone} has gone while generation {generation} was prepared");
            return vec![self.hindered(REPLICA_PATIENCE, message)];
        }
        let unready = self.replicas.iter().filter(|replica| !has_prepared(self.index, self.preparing, replica));
        let mut unready = drain::by_shard(unready);
        if unready.is_empty() {
            return vec![self.at_last()];
        }
        // Where one has failed nobody else lets go; all other shards go on, and only then does it wait for somebody.
        unready.retain(|shard, _| !failed.contains_key(shard));
        match failed.into_values().next() {
            Some(why) if unready.is_empty() => vec![Due::now(self.end_or_pause(why))],
            Some(_) | None => unready.into_iter().flat_map(|(shard, unready)| self.of_shard(shard, unready)).collect(),
        }
    }

    /// What is due of the replicas of a shard that do not have it.
    fn of_shard(&self, shard: ShardId, unready: Vec<&LiveReplica<'_>>) -> Vec<Due> {
        let is_allowed = |replica: &&LiveReplica<'_>| self.preparing.allowed.contains(&replica.record.id);
        let (busy, waiting): (Vec<&LiveReplica<'_>>, Vec<_>) = unready.into_iter().partition(is_allowed);
        let mut due: Vec<_> = busy.iter().map(|replica| self.does_not_get_on(replica)).collect();
        let places = (self.rollout.max_unavailable as usize).saturating_sub(busy.len());
        let allow = |patience, replica| Due::after(patience, Step::Allow(self.id, replica));
        let Some(over) = &self.preparing.over else {
            due.extend(waiting.iter().take(places).map(|replica| allow(Duration::ZERO, replica.record.id)));
            return due;
        };
        if self.switching.contains(&shard) {
            // Whose turn it is then is another question.
            return due;
        }
        // It goes on without those that stay away: they prepare it when they are back.
        let is_whole = self.away.values().all(|of| *of != shard);
        let slack = if is_whole { Duration::ZERO } else { REPLICA_PATIENCE };
        let patience = if over.contains(&shard) { slack.max(drain::SWITCH_PATIENCE) } else { slack };
        match drain::turn(self.records, self.index, self.preparing, &waiting, places) {
            Turn::Of(replicas) => due.extend(replicas.into_iter().map(|replica| allow(patience, replica))),
            Turn::Nobody(why) if busy.is_empty() => due.push(self.hindered(REPLICA_PATIENCE, why)),
            Turn::Nobody(_) | Turn::Others => {}
        }
        due
    }

    /// Why replicas that were let prepare it cannot: of each shard the first that blames the dump, or else the first.
    fn failures(&self) -> BTreeMap<ShardId, Failure> {
        let failed = self.replicas.iter().filter_map(|replica| Some((replica.place.shard, self.failure(replica)?)));
        let mut failed: Vec<_> = failed.rev().collect();
        // The last of a shard stays.
        failed.sort_by_key(|(_, why)| why.blames_the_dump());
        failed.into_iter().collect()
    }

    /// Why a replica that was let prepare it cannot, if it has failed since somebody has had it tried again.
    fn failure(&self, replica: &LiveReplica<'_>) -> Option<Failure> {
        let generation = self.preparing.of.generation;
        let Some(Prepared::Failed { why, rollout, attempt, blame }) = replica.prepared(self.index.uuid, generation)
        else {
            return None;
        };
        let is_of_now = (*rollout, *attempt) == (Some(self.id), self.preparing.attempt);
        if !is_of_now || !self.preparing.allowed.contains(&replica.record.id) {
            return None;
        }
        let LiveReplica { place: Place { shard, .. }, address, .. } = replica;
        let message = format!("the replica of shard {shard} at {address} cannot serve generation {generation}: {why}");
        let failure = Failure::new(ErrorCode::ShardUnavailable, message);
        Some(match blame {
            Blame::Dump => failure.blaming_the_dump(),
            Blame::Replica => failure,
        })
    }

    fn does_not_get_on(&self, replica: &LiveReplica<'_>) -> Due {
        let LiveReplica { place: Place { shard, .. }, address, .. } = replica;
        let at = match replica.prepared(self.index.uuid, self.preparing.of.generation) {
            Some(Prepared::Under(now)) => now,
            Some(Prepared::Ready | Prepared::Failed { .. }) | None => "it has not begun",
        };
        // Whatever new it says makes this another step, whose time begins anew.
        let message = format!("the replica of shard {shard} at {address} does not get on: {at}");
        self.hindered(PREPARATION_PATIENCE, message)
    }

    fn hindered(&self, patience: Duration, why: String) -> Due {
        Due::after(patience, self.end_or_pause(Failure::new(ErrorCode::ShardUnavailable, why)))
    }

    /// What hinders a rollout ends it. Where a shard has gone over there is nothing to go back to at once: it waits for
    /// somebody.
    fn end_or_pause(&self, why: Failure) -> Step {
        if drain::has_gone_over(self.preparing) {
            Step::PauseRollout(self.id, why)
        } else {
            Step::FailRollout(self.id, why)
        }
    }

    /// Every replica is ready. Of a shard that has not gone over all replicas may be away for a moment, with what they serve.
    fn at_last(&self) -> Due {
        let Self { records, id, rollout, .. } = *self;
        let Some(over) = &self.preparing.over else {
            let at_last = if rollout.approval == Approval::Awaited { Step::AwaitApproval(id) } else { Step::Flip(id) };
            return canary::of_rollout(records, id, rollout).unwrap_or_else(|| Due::now(at_last));
        };
        let is_whole = self.index.schema.shards.shards().all(|shard| over.contains(&shard));
        let is_sure = is_whole && self.away.is_empty();
        Due::after(if is_sure { Duration::ZERO } else { REPLICA_PATIENCE }, Step::Flip(id))
    }
}
