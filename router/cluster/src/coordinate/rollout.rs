//! What is due of a rollout: replicas prepare, in turn; then it is tried, approved, and made official.

use super::{Due, Step, canary};
use crate::record::{Approval, Blame, IndexRecord, Place, Prepared, ReplicaId, Rollout, TaskId, TaskRecord};
use crate::records::{LiveReplica, Records};
use annuli_api::{ErrorCode, Failure};
use annuli_core::ShardId;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a rollout waits for a replica that has gone, or where there is none at all.
pub(super) const REPLICA_PATIENCE: Duration = Duration::from_secs(60);

/// How long a rollout waits for a replica that says nothing new of what it prepares: building what was in no segment takes
/// its time.
pub(super) const PREPARATION_PATIENCE: Duration = Duration::from_secs(2 * 60 * 60);

/// What is due of a rollout whose generation replicas prepare.
pub(super) fn of_task(
    records: &Records,
    id: TaskId,
    task: &TaskRecord,
    rollout: &Rollout,
    index: &IndexRecord,
) -> Vec<Due> {
    let Some(preparing) = &index.generations.preparing else { return Vec::new() };
    let (uuid, generation) = (task.uuid, preparing.of.generation);
    let fail = |patience, message: String| {
        vec![Due::after(patience, Step::FailRollout(id, Failure::new(ErrorCode::ShardUnavailable, message)))]
    };
    let replicas: Vec<_> = records.replicas_on(index.layout).collect();
    if replicas.is_empty() {
        return fail(REPLICA_PATIENCE, "no replica of any shard is there".to_owned());
    }
    let is_allowed = |replica: &LiveReplica<'_>| preparing.allowed.contains(&replica.record.id);
    for replica in replicas.iter().filter(|replica| is_allowed(replica)) {
        if let Some(Prepared::Failed { why, rollout: Some(of), blame }) = replica.prepared(uuid, generation)
            && *of == id
        {
            let LiveReplica { place: Place { shard, .. }, address, .. } = replica;
            let message =
                format!("the replica of shard {shard} at {address} cannot serve generation {generation}: {why}");
            let failure = Failure::new(ErrorCode::ShardUnavailable, message);
            let failure = match blame {
                Blame::Dump => failure.blaming_the_dump(),
                Blame::Replica => failure,
            };
            return vec![Due::now(Step::FailRollout(id, failure))];
        }
    }
    // It may be what it prepares that ends it.
    let lives = |id: &&ReplicaId| replicas.iter().any(|replica| replica.record.id == **id);
    if let Some(gone) = preparing.allowed.iter().find(|id| !lives(id)) {
        return fail(REPLICA_PATIENCE, format!("replica {gone} has gone while generation {generation} was prepared"));
    }
    let mut unready: BTreeMap<ShardId, Vec<&LiveReplica<'_>>> = BTreeMap::new();
    for replica in replicas.iter().filter(|replica| !replica.is_ready(uuid, generation)) {
        unready.entry(replica.place.shard).or_default().push(replica);
    }
    if unready.is_empty() {
        return vec![canary::of_rollout(records, id, rollout).unwrap_or_else(|| Due::now(at_last(id, rollout)))];
    }
    let mut allowed = Vec::new();
    for replicas in unready.into_values() {
        let (busy, waiting): (Vec<&LiveReplica<'_>>, Vec<_>) =
            replicas.into_iter().partition(|replica| is_allowed(replica));
        allowed.extend(busy.iter().flat_map(|replica| {
            let LiveReplica { place: Place { shard, .. }, address, .. } = replica;
            let at = match replica.prepared(uuid, generation) {
                Some(Prepared::Under(now)) => now,
                Some(Prepared::Ready | Prepared::Failed { .. }) | None => "it has not begun",
            };
            // Whatever new it says makes this another step, whose time begins anew.
            fail(PREPARATION_PATIENCE, format!("the replica of shard {shard} at {address} does not get on: {at}"))
        }));
        let places = (rollout.max_unavailable as usize).saturating_sub(busy.len());
        allowed.extend(waiting.iter().take(places).map(|replica| Due::now(Step::Allow(id, replica.record.id))));
    }
    allowed
}

/// Every replica is ready, and nothing else is waited for.
fn at_last(id: TaskId, rollout: &Rollout) -> Step {
    if rollout.approval == Approval::Awaited { Step::AwaitApproval(id) } else { Step::Flip(id) }
}
