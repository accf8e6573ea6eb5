//! Whether a generation that is tried on live searches may become official.

use super::{Due, Step};
use crate::decide::is_on_trial;
use crate::record::{Canary, CanaryStage, Comparison, Rollout, TaskId};
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a trial waits for searches. An index that is asked less often cannot be tried by those who ask it.
pub(super) const CANARY_PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Of a hundred searches so many may fail in the new generation: a connection breaks now and then.
const FAILED_PERCENT_MAX: u64 = 1;

/// What is due of a rollout that is tried, once every replica is ready; `None` if it is not, or has passed.
pub(super) fn of_rollout(records: &Records, id: TaskId, rollout: &Rollout) -> Option<Due> {
    let canary = rollout.canary?;
    let fail = |message: String| Step::FailRollout(id, Failure::new(ErrorCode::ShardUnavailable, message));
    match canary.stage {
        CanaryStage::Awaited => Some(Due::now(Step::BeginCanary(id))),
        CanaryStage::Comparing => {
            let compared = records.comparison(id);
            if is_decided(&canary, &compared) {
                return Some(Due::now(Step::EndCanary(id)));
            }
            let minutes = CANARY_PATIENCE.as_secs() / 60;
            let message = format!(
                "fewer than {} searches were compared in {minutes} minutes: the index is searched too seldom to try \
                 generation {} on it, ask for fewer searches or for a larger share, or roll it out without",
                canary.searches, rollout.to.generation
            );
            Some(Due::after(CANARY_PATIENCE, fail(message)))
        }
        CanaryStage::Ended(compared) => {
            let why = verdict(&canary, &compared).err()?;
            Some(Due::now(fail(format!("generation {} does not do on live searches: {why}", rollout.to.generation))))
        }
    }
}

/// Whether nothing that is yet to be compared would change the verdict, or enough was.
fn is_decided(canary: &Canary, compared: &Comparison) -> bool {
    compared.searches >= u64::from(canary.searches) || fails_too_often(canary, compared)
}

fn fails_too_often(canary: &Canary, compared: &Comparison) -> bool {
    let searches = compared.searches.max(u64::from(canary.searches));
    compared.failed.saturating_mul(100) > searches.saturating_mul(FAILED_PERCENT_MAX)
}

/// Whether it may become official, by what was compared.
///
/// # Errors
/// Why not. How long searches took is for people to judge: a generation that nobody else asks has nothing in its caches.
fn verdict(canary: &Canary, compared: &Comparison) -> Result<(), String> {
    let Comparison { searches, failed, .. } = *compared;
    if fails_too_often(canary, compared) {
        return Err(format!("{failed} of {searches} searches failed in it, {FAILED_PERCENT_MAX} % may"));
    }
    let (overlap, floor) = (compared.overlap_percent(), canary.floor_percent);
    if overlap < floor {
        return Err(format!(
            "it has {overlap} % of the hits that the official one has in {searches} searches, the floor is {floor} %"
        ));
    }
    Ok(())
}

/// Reports for trials that are over, or of tasks that nobody remembers.
pub(super) fn leftovers(records: &Records) -> Vec<Due> {
    let tasks: BTreeSet<_> = records.compared.keys().map(|(task, _)| *task).collect();
    let over = tasks.into_iter().filter(|id| !is_on_trial(records, *id));
    over.map(|id| Due::now(Step::ForgetCompared(id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: Canary = Canary { percent: 5, floor_percent: 80, searches: 100, stage: CanaryStage::Comparing };

    /// Compared as often as is wanted, each with ten hits.
    fn compared(failed: u64, common: u64) -> Comparison {
        Comparison { searches: 100, failed, hits: 1_000, common, ..Comparison::default() }
    }

    #[track_caller]
    fn check(compared: &Comparison, want: Result<(), &str>) {
        assert_eq!(verdict(&CANARY, compared), want.map_err(str::to_owned));
    }

    #[test]
    fn common_hits_and_failures_decide_whether_a_generation_does() {
        check(&compared(0, 1_000), Ok(()));
        check(&compared(1, 800), Ok(()));
        let low = "it has 79 % of the hits that the official one has in 100 searches, the floor is 80 %";
        check(&compared(0, 799), Err(low));
        check(&compared(2, 980), Err("2 of 100 searches failed in it, 1 % may"));
    }

    #[test]
    fn it_is_decided_by_enough_searches_or_as_soon_as_too_many_have_failed() {
        let few = |searches, failed| Comparison { searches, failed, ..Comparison::default() };
        let decided = [few(99, 1), few(100, 0), few(2, 2)].map(|compared| is_decided(&CANARY, &compared));
        assert_eq!(decided, [false, true, true]);
    }
}
