//! How long an index rests between two rounds.

use annuli_api::{ErrorCode, Failure};
use std::time::Duration;

/// While it changes: what was written is found by who asks a replica after this, and what it takes to tell it.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// While nothing changes, at most. It grows bit by bit: who is at rest costs the primary a question now and then.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// After rounds that failed, at most, and while nothing follows. It doubles.
pub(super) const FAILED_PAUSE_MAX: Duration = Duration::from_secs(8);

/// After rounds that came to nothing for want of memory, at most: each has gathered all of it.
const SHORT_PAUSE_MAX: Duration = Duration::from_mins(1);

/// What has come of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// Something had changed.
    News,
    /// Nothing had.
    Nothing,
    /// Nobody follows.
    Nobody,
}

/// The rounds of an index so far.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// Since something had changed.
    in_vain: u32,
    /// Since one did not fail.
    failed: u32,
}

impl Pauses {
    /// Whether the last round failed.
    pub(super) fn has_failed(&self) -> bool {
        self.failed > 0
    }

    /// The rest after a round. No two indexes rest for as long, so that they do not all ask at once.
    pub(super) fn after(&mut self, round: &Result<Came, Failure>) -> Duration {
        let pause = self.without_chance(round);
        pause.mul_f64(0.75 + fastrand::f64() / 2.0)
    }

    fn without_chance(&mut self, round: &Result<Came, Failure>) -> Duration {
        let Ok(came) = round else {
            self.failed = self.failed.saturating_add(1);
            let is_short = round.as_ref().is_err_and(|failure| failure.code == ErrorCode::LimitExceeded);
            let max = if is_short { SHORT_PAUSE_MAX } else { FAILED_PAUSE_MAX };
            return PAUSE.saturating_mul(2_u32.saturating_pow(self.failed)).min(max);
        };
        self.failed = 0;
        match came {
            Came::News => {
                self.in_vain = 0;
                PAUSE
            }
            Came::Nothing => {
                self.in_vain = self.in_vain.saturating_add(1);
                (PAUSE + (PAUSE / 8).saturating_mul(self.in_vain)).min(PAUSE_MAX)
            }
            Came::Nobody => FAILED_PAUSE_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(code: ErrorCode) -> Result<Came, Failure> {
        Err(Failure::new(code, "not now"))
    }

    /// The rests after those rounds, in milliseconds.
    #[track_caller]
    fn check<const N: usize>(rounds: [Result<Came, Failure>; N], want: [u128; N]) {
        let mut pauses = Pauses::default();
        assert_eq!(rounds.map(|round| pauses.without_chance(&round).as_millis()), want);
    }

    #[test]
    fn who_is_at_rest_asks_ever_less_and_at_once_as_often_when_something_changes() {
        check([Ok(Came::News), Ok(Came::Nothing), Ok(Came::Nothing), Ok(Came::News)], [500, 562, 625, 500]);
        let mut pauses = Pauses::default();
        let last = (0..100).map(|_| pauses.without_chance(&Ok(Came::Nothing))).max();
        assert_eq!(last, Some(PAUSE_MAX));
        check([Ok(Came::Nobody), Ok(Came::Nothing)], [8_000, 562]);
    }

    #[test]
    fn who_fails_asks_ever_less() {
        let gone = || fails(ErrorCode::ShardUnavailable);
        check([gone(), gone(), Ok(Came::News), gone(), gone()], [1_000, 2_000, 500, 1_000, 2_000]);
        let mut pauses = Pauses::default();
        let mut longest = |code| (0..100).map(|_| pauses.without_chance(&fails(code))).max();
        assert_eq!(longest(ErrorCode::ShardUnavailable), Some(FAILED_PAUSE_MAX));
        assert_eq!(longest(ErrorCode::LimitExceeded), Some(SHORT_PAUSE_MAX));
    }

    #[test]
    fn no_two_rest_for_as_long() {
        fastrand::seed(7);
        let rests: Vec<_> = (0..100).map(|_| Pauses::default().after(&Ok(Came::News))).collect();
        let [shortest, longest] = [rests.iter().min(), rests.iter().max()].map(|rest| *rest.unwrap());
        assert!(
            PAUSE * 3 / 4 <= shortest && shortest < longest && longest <= PAUSE * 5 / 4,
            "{shortest:?} {longest:?}"
        );
    }
}
