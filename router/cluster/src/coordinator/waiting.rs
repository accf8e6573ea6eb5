//! What is due, and since when.

use crate::coordinate::{Due, Step};
use std::time::Duration;
use tokio::time::Instant;

/// When nothing is due for a while, it is looked again all the same.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Steps that are due, each with the moment from which on it may be taken.
#[derive(Default)]
pub(super) struct Waiting(Vec<(Step, Instant)>);

impl Waiting {
    /// Takes in what is due now. What was due before without interruption keeps its moment.
    pub(super) fn renew(&mut self, due: &[Due], now: Instant) {
        let moment = |due: &Due| {
            let known = self.0.iter().find(|(step, _)| *step == due.step);
            known.map_or(now + due.patience, |(_, moment)| *moment)
        };
        self.0 = due.iter().map(|due| (due.step.clone(), moment(due))).collect();
    }

    /// The first step that may be taken.
    pub(super) fn first(&self, now: Instant) -> Option<Step> {
        self.0.iter().find(|(_, moment)| *moment <= now).map(|(step, _)| step.clone())
    }

    /// When the next may be.
    pub(super) fn next(&self, now: Instant) -> Instant {
        self.0.iter().map(|(_, moment)| *moment).min().unwrap_or(now + LOOK_AGAIN_AFTER)
    }

    /// Takes a step no earlier than that.
    pub(super) fn put_off(&mut self, step: &Step, moment: Instant) {
        self.0.iter_mut().filter(|(known, _)| known == step).for_each(|(_, known)| *known = moment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::uuid;

    fn retire(number: u128, seconds: u64) -> Due {
        Due { step: Step::Retire(uuid(number)), patience: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_step_is_taken_once_it_has_been_due_for_its_patience() {
        let (start, mut waiting) = (Instant::now(), Waiting::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        waiting.renew(&[retire(1, 10), retire(2, 5)], start);
        assert_eq!(waiting.first(at(4)), None);
        assert_eq!(waiting.next(at(4)), at(5));
        waiting.renew(&[retire(1, 10), retire(2, 5)], at(5));
        assert_eq!(waiting.first(at(5)), Some(Step::Retire(uuid(2))));
        // Its being due was interrupted: it begins anew.
        waiting.renew(&[retire(1, 10)], at(6));
        waiting.renew(&[retire(1, 10), retire(2, 5)], at(7));
        assert_eq!((waiting.first(at(9)), waiting.next(at(9))), (None, at(10)));
    }

    #[test]
    fn a_step_that_failed_does_not_keep_the_others() {
        let (now, mut waiting) = (Instant::now(), Waiting::default());
        waiting.renew(&[retire(1, 0), retire(2, 0)], now);
        waiting.put_off(&Step::Retire(uuid(1)), now + Duration::from_secs(1));
        waiting.renew(&[retire(1, 0), retire(2, 0)], now);
        assert_eq!(waiting.first(now), Some(Step::Retire(uuid(2))));
    }
}
