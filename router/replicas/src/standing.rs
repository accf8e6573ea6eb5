//! Whether a replica is asked, after how it has answered: a value, and what happens to it.
//!
//! ```text
//!          3 failures in a row, or out of line
//!   sound ────────────────────────────────────▶ out ──── the pause is over ────▶ on trial
//!     ▲                                          ▲                                │    │
//!     │                                          └──── it failed: twice the time ─┘    │
//!     └─────────────────────────────── it answered ────────────────────────────────────┘
//! ```

use crate::limits::{FAILURES_MAX, FORGIVEN_AFTER, PAUSE, PAUSE_MAX};
use std::time::Duration;

/// A moment, in milliseconds since the replica was first known: it fits into a word beside other things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

/// Whether a replica is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Like any other.
    Sound {
        /// Failures since its last answer.
        failures: u8,
        /// Since when.
        since: Moment,
        /// How often it was ejected before that.
        pauses: u8,
    },
    /// Not until then.
    Out {
        /// The reason.
        why: Why,
        /// The end of the pause.
        until: Moment,
        /// How often, this time included.
        pauses: u8,
    },
    /// By one call at a time, and one is under way.
    OnTrial {
        /// Why it was ejected.
        why: Why,
        /// How often.
        pauses: u8,
    },
}

/// Why a replica is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It failed, several times in a row.
    Failures,
    /// It takes much longer than the others.
    Slowness,
}

/// Who may ask a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Everybody.
    Open,
    /// One call, to see whether it answers again.
    Due,
    /// Nobody.
    Closed(Why),
}

impl Standing {
    /// Of a replica of which nothing is known.
    pub(crate) const UNKNOWN: Self = Self::Sound { failures: 0, since: Moment(0), pauses: 0 };

    pub(crate) fn admission(self, now: Moment) -> Admission {
        match self {
            Self::Sound { .. } => Admission::Open,
            Self::Out { until, .. } if until <= now => Admission::Due,
            Self::Out { why, .. } | Self::OnTrial { why, .. } => Admission::Closed(why),
        }
    }

    /// Why it was ejected and has not returned.
    pub(crate) fn ejected(self) -> Option<Why> {
        match self {
            Self::Sound { .. } => None,
            Self::Out { why, .. } | Self::OnTrial { why, .. } => Some(why),
        }
    }

    /// A call answered. Who is out stays so: the call may have begun before.
    #[must_use]
    pub(crate) fn answered(self) -> Self {
        match self {
            Self::Sound { since, pauses, .. } => Self::Sound { failures: 0, since, pauses },
            Self::Out { .. } | Self::OnTrial { .. } => self,
        }
    }

    /// A call failed.
    #[must_use]
    pub(crate) fn failed(self, now: Moment) -> Self {
        match self {
            Self::Sound { failures, since, pauses } if failures + 1 < FAILURES_MAX => {
                Self::Sound { failures: failures + 1, since, pauses }
            }
            Self::Sound { .. } => self.out(Why::Failures, now),
            Self::Out { .. } | Self::OnTrial { .. } => self,
        }
    }

    /// It is out of line with the others.
    #[must_use]
    pub(crate) fn out_of_line(self, now: Moment) -> Self {
        match self {
            Self::Sound { .. } => self.out(Why::Slowness, now),
            Self::Out { .. } | Self::OnTrial { .. } => self,
        }
    }

    /// A call begins by which it is tried; unchanged where it is not to be tried.
    #[must_use]
    pub(crate) fn tried(self, now: Moment) -> Self {
        match self {
            Self::Out { why, until, pauses } if until <= now => Self::OnTrial { why, pauses },
            Self::Sound { .. } | Self::Out { .. } | Self::OnTrial { .. } => self,
        }
    }

    /// The call by which it was tried ended.
    #[must_use]
    pub(crate) fn after_trial(self, trial: Trial, now: Moment) -> Self {
        match (self, trial) {
            (Self::OnTrial { pauses, .. }, Trial::Passed) => Self::Sound { failures: 0, since: now, pauses },
            (Self::OnTrial { why, .. }, Trial::Failed) => self.out(why, now),
            (Self::OnTrial { why, pauses }, Trial::Undecided) => Self::Out { why, until: now, pauses },
            (Self::Sound { .. } | Self::Out { .. }, _) => self,
        }
    }

    fn out(self, why: Why, now: Moment) -> Self {
        let before = match self {
            Self::Sound { since, .. } if now.0.saturating_sub(since.0) >= millis(FORGIVEN_AFTER) => 0,
            Self::Sound { pauses, .. } | Self::Out { pauses, .. } | Self::OnTrial { pauses, .. } => pauses,
        };
        Self::Out { why, until: Moment(now.0 + millis(pause(before))), pauses: (before + 1).min(PAUSES_MAX) }
    }
}

/// How the call ended by which a replica was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trial {
    /// It answered, as quickly as others.
    Passed,
    /// It failed, or is as slow as it was.
    Failed,
    /// Its caller left, or the replica had too much to do.
    Undecided,
}

/// The pause after so many others: twice as long each time.
fn pause(before: u8) -> Duration {
    PAUSE.saturating_mul(1 << before.min(PAUSES_MAX)).min(PAUSE_MAX)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// From here on pauses are as long as they get; five bits hold it.
const PAUSES_MAX: u8 = 20;

// The word that a standing is kept in: two bits say which, one why; then five for the pauses, eight for the failures,
// and the rest, for nine thousand years, for the moment.
const SOUND: u64 = 0;
const OUT: u64 = 1;
const ON_TRIAL: u64 = 2;
const WHICH: u64 = 0b11;
const SLOWNESS: u64 = 0b100;
const PAUSES_AT: u32 = 3;
const FAILURES_AT: u32 = 8;
const MOMENT_AT: u32 = 16;

impl From<Standing> for u64 {
    fn from(standing: Standing) -> Self {
        let slowness = |why| if why == Why::Slowness { SLOWNESS } else { 0 };
        let (which, pauses, failures, moment) = match standing {
            Standing::Sound { failures, since, pauses } => (SOUND, pauses, failures, since),
            Standing::Out { why, until, pauses } => (OUT | slowness(why), pauses, 0, until),
            Standing::OnTrial { why, pauses } => (ON_TRIAL | slowness(why), pauses, 0, Moment(0)),
        };
        which | Self::from(pauses) << PAUSES_AT | Self::from(failures) << FAILURES_AT | moment.0 << MOMENT_AT
    }
}

impl From<u64> for Standing {
    fn from(word: u64) -> Self {
        let why = if word & SLOWNESS == 0 { Why::Failures } else { Why::Slowness };
        let pauses = (word >> PAUSES_AT & 0b1_1111) as u8;
        let failures = (word >> FAILURES_AT & 0xff) as u8;
        let moment = Moment(word >> MOMENT_AT);
        match word & WHICH {
            OUT => Self::Out { why, until: moment, pauses },
            ON_TRIAL => Self::OnTrial { why, pauses },
            _ => Self::Sound { failures, since: moment, pauses },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Moment = Moment(1_000_000);

    fn later(time: Duration) -> Moment {
        Moment(NOW.0 + millis(time))
    }

    fn ejected() -> Standing {
        (0..FAILURES_MAX).fold(Standing::UNKNOWN, |standing, _| standing.failed(NOW))
    }

    /// How long it is out, when it is ejected again and again without time to recover.
    fn pauses(times: usize) -> Vec<u64> {
        let mut standing = ejected();
        let mut lasted = Vec::new();
        let mut now = NOW;
        for _ in 0..times {
            let Standing::Out { until, .. } = standing else { panic!("it is {standing:?}") };
            lasted.push((until.0 - now.0) / 1_000);
            now = until;
            standing = standing.tried(now).after_trial(Trial::Failed, now);
        }
        lasted
    }

    #[test]
    fn the_third_failure_in_a_row_ejects() {
        let twice = Standing::UNKNOWN.failed(NOW).failed(NOW);
        assert_eq!(twice.admission(NOW), Admission::Open);
        assert_eq!(twice.failed(NOW).admission(NOW), Admission::Closed(Why::Failures));
        assert_eq!(twice.answered().failed(NOW).admission(NOW), Admission::Open);
    }

    #[test]
    fn who_is_ejected_is_tried_when_the_pause_is_over() {
        let almost = Moment(later(PAUSE).0 - 1);
        assert_eq!(ejected().admission(almost), Admission::Closed(Why::Failures));
        assert_eq!(ejected().tried(almost), ejected());
        assert_eq!(ejected().admission(later(PAUSE)), Admission::Due);
    }

    #[test]
    fn while_one_call_tries_it_no_other_does() {
        let trial = ejected().tried(later(PAUSE));
        assert_eq!(trial.admission(later(PAUSE_MAX)), Admission::Closed(Why::Failures));
        assert_eq!(trial.tried(later(PAUSE_MAX)), trial);
    }

    #[test]
    fn a_trial_that_was_left_is_begun_by_the_next() {
        let now = later(PAUSE);
        assert_eq!(ejected().tried(now).after_trial(Trial::Undecided, now).admission(now), Admission::Due);
    }

    #[test]
    fn pauses_double_up_to_their_bound() {
        assert_eq!(pauses(8), [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pauses(1_000).last(), Some(&30));
    }

    #[test]
    fn who_fails_soon_after_its_return_is_out_for_longer_and_who_lasted_is_not() {
        let returned = ejected().tried(later(PAUSE)).after_trial(Trial::Passed, later(PAUSE));
        assert_eq!(returned.admission(NOW), Admission::Open);
        let out_for = |after: Duration| {
            let now = Moment(later(PAUSE).0 + millis(after));
            let Standing::Out { until, .. } = returned.out_of_line(now) else { panic!("it is not out") };
            Duration::from_millis(until.0 - now.0)
        };
        assert_eq!(out_for(FORGIVEN_AFTER - Duration::from_millis(1)), 2 * PAUSE);
        assert_eq!(out_for(FORGIVEN_AFTER), PAUSE);
    }

    #[test]
    fn late_answers_and_failures_do_not_touch_who_is_out() {
        let trial = ejected().tried(later(PAUSE));
        for standing in [ejected(), trial] {
            assert_eq!(standing.answered(), standing);
            assert_eq!(standing.failed(NOW), standing);
            assert_eq!(standing.out_of_line(NOW), standing);
        }
    }

    proptest! {
        #[test]
        fn a_standing_is_kept_in_a_word(
            moment in 0..1_u64 << 48,
            failures in 0..FAILURES_MAX,
            pauses in 0..=PAUSES_MAX,
            slow in any::<bool>(),
        ) {
            let (moment, why) = (Moment(moment), if slow { Why::Slowness } else { Why::Failures });
            for standing in [
                Standing::Sound { failures, since: moment, pauses },
                Standing::Out { why, until: moment, pauses },
                Standing::OnTrial { why, pauses },
            ] {
                prop_assert_eq!(Standing::from(u64::from(standing)), standing);
            }
        }
    }
}
