//! Whether a generation that is tried on live searches may become official.

use super::{Due, Step};
use crate::decide::{is_on_trial, worst_off};
use crate::record::{Canary, CanaryStage, Comparison, Rollout, ShardComparison, Standing, TaskId};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, IndexName, ShardId};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a trial waits for searches. An index that is asked less often cannot be tried by those who ask it.
pub(super) const CANARY_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What is due of a rollout that is tried, once every replica is ready; `None` if it is not, or has passed. How long it waits for
/// searches goes on meanwhile, where a replica is not.
pub(super) fn of_rollout(records: &Records, id: TaskId, rollout: &Rollout) -> Option<Due> {
    let canary = rollout.canary?;
    match canary.stage {
        CanaryStage::Awaited => Some(Due::now(Step::BeginCanary(id))),
        CanaryStage::Comparing => {
            let (shard, compared) = worst_off(records, id, &canary)?;
            let fail = |message: String| Step::FailRollout(id, Failure::new(ErrorCode::ShardUnavailable, message));
            let generation = rollout.to.generation;
            Some(match canary.standing(&compared.sums) {
                Standing::Does(_) => Due::now(Step::EndCanary(id)),
                Standing::IsLacking(_) => {
                    let index = &records.tasks.get(&id)?.record.index;
                    Due::after(CANARY_PATIENCE, fail(untried(index, generation, &canary)))
                }
                Standing::Fails | Standing::IsLow(_) => {
                    let why = refused(&canary, shard, &compared);
                    Due::now(fail(format!("generation {generation} does not do on live searches: {why}")))
                }
            })
        }
        CanaryStage::Ended(_) => None,
    }
}

/// Why nothing can be said of a generation. How many searches there were, and of which shard, is left out: each other text is
/// another step, whose time would begin anew.
fn untried(index: &IndexName, generation: Generation, canary: &Canary) -> String {
    let Canary { searches, percent, .. } = canary;
    let minutes = CANARY_PATIENCE.as_secs() / 60;
    format!(
        "fewer than {searches} searches of a shard of index `{index}` were compared in {minutes} minutes, so nothing is known \
         of generation {generation}: with a share of {percent} % it takes about {} searches of each shard; large batches, exact \
         searches, those of the primary and those that found nothing do not count. Ask for fewer searches or a larger \
         share, or roll it out without",
        u64::from(*searches).saturating_mul(100) / u64::from(*percent).max(1),
    )
}

/// What is wrong with that shard. How long searches took is for people to judge: a generation that nobody else asks has
/// nothing in its caches.
fn refused(canary: &Canary, shard: ShardId, compared: &ShardComparison) -> String {
    let Comparison { searches, failed, .. } = compared.sums;
    if canary.standing(&compared.sums) == Standing::Fails {
        let failures_max = canary.failures_max(&compared.sums);
        let last = compared.last_failure.as_deref().unwrap_or("for reasons that nobody has reported");
        return format!(
            "of shard {shard}, {failed} of {searches} searches failed in it, {failures_max} may; the last: {last}"
        );
    }
    let (overlap, floor) = (compared.sums.overlap_percent(), canary.floor_percent);
    format!(
        "of shard {shard} it has {overlap} % of the hits that the official one has in {searches} searches, the floor is \
         {floor} %"
    )
}

/// Reports for trials that are over, or of tasks that nobody remembers.
pub(super) fn leftovers(records: &Records) -> Vec<Due> {
    let tasks: BTreeSet<_> = records.compared.keys().map(|(task, _)| *task).collect();
    let over = tasks.into_iter().filter(|id| !is_on_trial(records, *id));
    over.map(|id| Due::now(Step::ForgetCompared(id))).collect()
}
