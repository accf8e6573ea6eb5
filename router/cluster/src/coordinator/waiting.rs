//! What is due, and since when.

use crate::coordinate::{Due, Step};
use std::time::Duration;
use tokio::time::Instant;

/// When nothing is due for a while, it is looked again all the same.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Steps that are due.
#[derive(Default)]
pub(super) struct Waiting(Vec<Known>);

struct Known {
    step: Step,
    /// When it has been due for its patience.
    ripe: Instant,
    /// It was put off until then.
    again: Option<Instant>,
    /// How often it failed.
    failed: u32,
}

impl Known {
    /// When it may be taken.
    fn moment(&self) -> Instant {
        self.again.map_or(self.ripe, |again| again.max(self.ripe))
    }
}

impl Waiting {
    /// Takes in what is due now. What was due before without interruption keeps its moment, unless it needs less patience by
    /// now.
    pub(super) fn renew(&mut self, due: Vec<Due>, now: Instant) {
        let mut before = std::mem::take(&mut self.0);
        let known = |Due { step, patience }| match before.iter().position(|known| known.step == step) {
            Some(place) => {
                let known = before.swap_remove(place);
                Known { ripe: known.ripe.min(now + patience), ..known }
            }
            None => Known { step, ripe: now + patience, again: None, failed: 0 },
        };
        self.0 = due.into_iter().map(known).collect();
    }

    /// The step that may be taken for longest, and of several the first: one that has failed goes behind all that were to be
    /// taken by then, however long it took.
    pub(super) fn first(&self, now: Instant) -> Option<Step> {
        let may_be = self.0.iter().filter(|known| known.moment() <= now);
        may_be.min_by_key(|known| known.moment()).map(|known| known.step.clone())
    }

    /// When the next may be.
    pub(super) fn next(&self, now: Instant) -> Instant {
        self.0.iter().map(Known::moment).min().unwrap_or(now + LOOK_AGAIN_AFTER)
    }

    /// A step has come to nothing: it is taken again at that moment, if it is due then.
    pub(super) fn put_off(&mut self, step: &Step, again: Instant) {
        if let Some(known) = self.0.iter_mut().find(|known| known.step == *step) {
            known.again = Some(again);
        }
    }

    /// A step has failed: it is taken again at that moment, if it is due then. Returns how often it has by now.
    pub(super) fn failed(&mut self, step: &Step, again: Instant) -> u32 {
        let Some(known) = self.0.iter_mut().find(|known| known.step == *step) else { return 1 };
        known.again = Some(again);
        known.failed += 1;
        known.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::uuid;
    use annuli_core::Generation;

    fn step(number: u128) -> Step {
        Step::Retire(uuid(number), Generation(1))
    }

    fn due(number: u128, seconds: u64) -> Due {
        Due { step: step(number), patience: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_step_is_taken_once_it_has_been_due_for_its_patience() {
        let (start, mut waiting) = (Instant::now(), Waiting::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        waiting.renew(vec![due(1, 10), due(2, 5)], start);
        assert_eq!(waiting.first(at(4)), None);
        assert_eq!(waiting.next(at(4)), at(5));
        waiting.renew(vec![due(1, 10), due(2, 5)], at(5));
        assert_eq!(waiting.first(at(5)), Some(step(2)));
        // Its being due was interrupted: it begins anew.
        waiting.renew(vec![due(1, 10)], at(6));
        waiting.renew(vec![due(1, 10), due(2, 5)], at(7));
        assert_eq!((waiting.first(at(9)), waiting.next(at(9))), (None, at(10)));
    }

    #[test]
    fn a_step_that_failed_does_not_keep_the_others() {
        let (now, mut waiting) = (Instant::now(), Waiting::default());
        waiting.renew(vec![due(1, 0), due(2, 0)], now);
        assert_eq!(waiting.failed(&step(1), now + Duration::from_secs(1)), 1);
        waiting.renew(vec![due(1, 0), due(2, 0)], now);
        assert_eq!(waiting.first(now), Some(step(2)));
        assert_eq!(waiting.failed(&step(1), now), 2);
    }

    /// Two that took longer to fail than until they were tried again took turns, and no other ever came to its own.
    #[test]
    fn steps_that_take_long_to_fail_do_not_keep_the_others() {
        let (mut now, mut waiting) = (Instant::now(), Waiting::default());
        let (mut left, mut taken) = (vec![due(1, 0), due(2, 0), due(3, 0)], Vec::new());
        for _ in 0..5 {
            waiting.renew(left.clone(), now);
            let next = waiting.first(now).expect("something is due");
            now += Duration::from_secs(30);
            if next == step(3) {
                left.retain(|due| due.step != next);
            } else {
                waiting.failed(&next, now + Duration::from_secs(1));
            }
            taken.push(next);
        }
        assert_eq!(taken, [1, 2, 3, 1, 2].map(step));
    }

    /// A shard of which nobody answered any longer had a minute before it to go over, as while somebody did.
    #[test]
    fn a_step_that_needs_less_patience_than_before_is_taken_once_it_has_had_that() {
        let (start, mut waiting) = (Instant::now(), Waiting::default());
        let at = |seconds| start + Duration::from_secs(seconds);
        waiting.renew(vec![due(1, 60)], start);
        waiting.renew(vec![due(1, 20)], at(10));
        assert_eq!((waiting.first(at(10)), waiting.next(at(10))), (None, at(30)));
        waiting.renew(vec![due(1, 20)], at(11));
        assert_eq!(waiting.next(at(11)), at(30));
        waiting.renew(vec![due(1, 0)], at(11));
        assert_eq!(waiting.first(at(11)), Some(step(1)));
        // What was put off stays so.
        waiting.put_off(&step(1), at(15));
        waiting.renew(vec![due(1, 0)], at(12));
        assert_eq!((waiting.first(at(12)), waiting.next(at(12))), (None, at(15)));
    }
}
