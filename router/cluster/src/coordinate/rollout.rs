//! What is due of a rollout: replicas prepare, in turn; then it is tried, approved, and made official.

use super::drain::{self, ByShard, Turn};
use super::{Due, Step, canary};
use crate::decide::has_prepared;
use crate::record::{Approval, Blame, IndexRecord, Place, Prepared, Preparing, ReplicaId, Rollout, TaskId, TaskRecord};
use crate::records::{LiveReplica, Records};
use annuli_api::v1::task::TaskStatus;
use annuli_api::{ErrorCode, Failure};
use std::time::Duration;

/// How long a rollout waits for a replica that has gone, or where there is none at all.
pub(super) const REPLICA_PATIENCE: Duration = Duration::from_secs(60);

/// How long a rollout waits for a replica that says nothing new of what it prepares: building what was in no segment takes
/// its time.
pub(super) const PREPARATION_PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// What is due of a rollout whose generation replicas prepare. That a shard goes over waits for nobody, not even while the
/// rollout is paused: the fewer of its replicas would answer until then.
pub(super) fn of_task(records: &Records, id: TaskId, task: &TaskRecord, preparing: &Preparing) -> Vec<Due> {
    let (Some(rollout), Some((_, index))) = (task.rollout(), records.index_of(task.uuid)) else { return Vec::new() };
    let replicas: Vec<_> = records.replicas_on(index.record.layout).collect();
    let switches = drain::switches(id, &index.record, preparing, &by_shard(replicas.iter()));
    if !switches.is_empty() || task.status == TaskStatus::Paused {
        return switches;
    }
    Turns { records, id, rollout, index: &index.record, preparing, replicas: &replicas }.due()
}

/// A rollout under way, and the replicas that take turns in it.
struct Turns<'a> {
    records: &'a Records,
    id: TaskId,
    rollout: &'a Rollout,
    index: &'a IndexRecord,
    preparing: &'a Preparing,
    replicas: &'a [LiveReplica<'a>],
}

impl Turns<'_> {
    fn due(&self) -> Vec<Due> {
        let generation = self.preparing.of.generation;
        if self.replicas.is_empty() {
            return vec![self.hindered(REPLICA_PATIENCE, "no replica of any shard is there".to_owned())];
        }
        if let Some(failed) = self.replicas.iter().find_map(|replica| self.failure(replica)) {
            return vec![Due::now(self.end_or_pause(failed))];
        }
        let lives = |id: &&ReplicaId| self.replicas.iter().any(|replica| replica.record.id == **id);
        let gone = self.preparing.allowed.iter().find(|id| !lives(id));
        if let Some(gone) = gone
            && !drain::has_gone_over(self.preparing)
        {
            // It may be what it prepares that ends it.
            let message = format!("replica {gone} has gone while generation {generation} was prepared");
            return vec![self.hindered(REPLICA_PATIENCE, message)];
        }
        // Where nothing is given up any longer it goes on without those that stay away: they prepare it when they are back.
        let slack = if gone.is_some() { REPLICA_PATIENCE } else { Duration::ZERO };
        let unready: Vec<_> =
            self.replicas.iter().filter(|replica| !has_prepared(self.index, self.preparing, replica)).collect();
        if unready.is_empty() {
            return vec![self.at_last(slack)];
        }
        by_shard(unready.into_iter()).into_values().flat_map(|unready| self.of_shard(unready, slack)).collect()
    }

    /// What is due of the replicas of a shard that do not have it.
    fn of_shard(&self, unready: Vec<&LiveReplica<'_>>, slack: Duration) -> Vec<Due> {
        let is_allowed = |replica: &&LiveReplica<'_>| self.preparing.allowed.contains(&replica.record.id);
        let (busy, waiting): (Vec<&LiveReplica<'_>>, Vec<_>) = unready.into_iter().partition(is_allowed);
        let mut due: Vec<_> = busy.iter().map(|replica| self.does_not_get_on(replica)).collect();
        let places = (self.rollout.max_unavailable as usize).saturating_sub(busy.len());
        let allow = |patience, replica| Due::after(patience, Step::Allow(self.id, replica));
        let Some(over) = &self.preparing.over else {
            due.extend(waiting.iter().take(places).map(|replica| allow(Duration::ZERO, replica.record.id)));
            return due;
        };
        let is_over = waiting.first().is_some_and(|replica| over.contains(&replica.place.shard));
        let patience = if is_over { slack.max(drain::SWITCH_PATIENCE) } else { slack };
        match drain::turn(self.records, self.index, self.preparing, &waiting, places) {
            Turn::Of(replicas) => due.extend(replicas.into_iter().map(|replica| allow(patience, replica))),
            Turn::Nobody(why) if busy.is_empty() => due.push(self.hindered(REPLICA_PATIENCE, why)),
            Turn::Nobody(_) | Turn::Others => {}
        }
        due
    }

    /// Why a replica that was let prepare it cannot.
    fn failure(&self, replica: &LiveReplica<'_>) -> Option<Failure> {
        let generation = self.preparing.of.generation;
        let Some(Prepared::Failed { why, rollout, blame }) = replica.prepared(self.index.uuid, generation) else {
            return None;
        };
        if *rollout != Some(self.id) || !self.preparing.allowed.contains(&replica.record.id) {
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
    fn at_last(&self, slack: Duration) -> Due {
        let Self { records, id, rollout, .. } = *self;
        let Some(over) = &self.preparing.over else {
            let at_last = if rollout.approval == Approval::Awaited { Step::AwaitApproval(id) } else { Step::Flip(id) };
            return canary::of_rollout(records, id, rollout).unwrap_or_else(|| Due::now(at_last));
        };
        let is_whole = self.index.schema.shards.shards().all(|shard| over.contains(&shard));
        Due::after(if is_whole { slack } else { REPLICA_PATIENCE }, Step::Flip(id))
    }
}

fn by_shard<'a>(replicas: impl Iterator<Item = &'a LiveReplica<'a>>) -> ByShard<'a> {
    let mut by_shard = ByShard::new();
    replicas.for_each(|replica| by_shard.entry(replica.place.shard).or_default().push(replica));
    by_shard
}
