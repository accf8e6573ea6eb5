//! How quick a replica is beside the others, in typical answers of whatever it was asked.
//!
//! A replica serves many indexes, small ones and large ones; how long it takes says as much of the index as of the
//! replica. Therefore each answer is measured by what is typical of its shard and its kind of call, and replicas that
//! answer for different indexes can still be compared.

use crate::limits::{OUT_OF_LINE, PACE_HALF_LIFE, PACE_MAX, PACE_WEIGHT};
use crate::standing::Moment;
use crate::tempo::FINEST;
use std::time::Duration;

/// A moving average of how long answers took by what is typical: 1 is like the others, 2 twice as long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    average: f32,
    /// When it was that, in milliseconds; it comes round every 49 days, and who was not asked for as long is taken for
    /// one who was asked just now.
    at: u32,
}

impl Pace {
    /// Of a replica of which nothing is known: like the others.
    pub(crate) const UNKNOWN: Self = Self { average: 1.0, at: 0 };

    /// The average as it counts now: what is old draws near to 1.
    pub(crate) fn at(self, now: Moment) -> f32 {
        let idle = low(now).wrapping_sub(self.at) as f32 / PACE_HALF_LIFE.as_millis() as f32;
        1.0 + (self.average - 1.0) * (-idle).exp2()
    }

    /// After an answer that took so long.
    #[must_use]
    pub(crate) fn after(self, took: f32, now: Moment) -> Self {
        let average = self.at(now);
        Self { average: average + PACE_WEIGHT * (took.min(PACE_MAX) - average), at: low(now) }
    }
}

/// How long an answer took, by what is typical; the most that counts where that is not known. What is shorter than can
/// be told apart is as long as that.
pub(crate) fn relative(took: Duration, typical: Option<Duration>) -> f32 {
    typical.map_or(PACE_MAX, |typical| took.max(FINEST).as_secs_f32() / typical.max(FINEST).as_secs_f32())
}

/// Whether a pace is out of line with most of these others.
pub(crate) fn is_out_of_line(pace: f32, others: impl Iterator<Item = f32>) -> bool {
    let (mut all, mut quicker) = (0, 0);
    for other in others {
        all += 1;
        quicker += usize::from(pace > OUT_OF_LINE * other);
    }
    2 * quicker > all
}

fn low(moment: Moment) -> u32 {
    (moment.0 & 0xffff_ffff) as u32
}

impl From<Pace> for u64 {
    fn from(pace: Pace) -> Self {
        Self::from(pace.average.to_bits()) << 32 | Self::from(pace.at)
    }
}

impl From<u64> for Pace {
    fn from(word: u64) -> Self {
        Self { average: f32::from_bits((word >> 32) as u32), at: low(Moment(word)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(7);

    /// The pace after that many answers which took so long.
    fn after(answers: usize, took: f32) -> f32 {
        (0..answers).fold(Pace::UNKNOWN, |pace, _| pace.after(took, NOW)).at(NOW)
    }

    #[track_caller]
    fn about(pace: f32, expected: f32) {
        assert!((pace - expected).abs() < 0.05, "{pace} is not about {expected}");
    }

    #[test]
    fn a_pace_comes_to_what_answers_take() {
        about(after(300, 4.0), 4.0);
        about(after(300, 0.1), 0.1);
    }

    #[test]
    fn few_answers_bring_nobody_out_of_line_however_long_they_took() {
        assert!(after(9, f32::INFINITY) < OUT_OF_LINE);
        assert!(after(10, f32::INFINITY) > OUT_OF_LINE);
    }

    #[test]
    fn who_is_not_asked_is_thought_to_be_like_the_others_after_a_while() {
        let slow = (0..300).fold(Pace::UNKNOWN, |pace, _| pace.after(9.0, NOW));
        let half_life = u64::try_from(PACE_HALF_LIFE.as_millis()).unwrap();
        about(slow.at(Moment(NOW.0 + half_life)), 5.0);
        about(slow.at(Moment(NOW.0 + 20 * half_life)), 1.0);
    }

    #[test]
    fn a_pace_goes_on_when_its_clock_comes_round() {
        let before = Moment(u64::from(u32::MAX));
        let slow = (0..300).fold(Pace::UNKNOWN, |pace, _| pace.after(9.0, before));
        about(slow.at(Moment(before.0 + 1)), 9.0);
        about(slow.at(Moment(before.0 + 5_000)), 5.0);
    }

    #[test]
    fn out_of_line_is_who_is_much_slower_than_most() {
        #[track_caller]
        fn check(pace: f32, others: &[f32], expected: bool) {
            assert_eq!(is_out_of_line(pace, others.iter().copied()), expected, "{pace} beside {others:?}");
        }
        check(6.0, &[1.0], true);
        check(4.9, &[1.0], false);
        check(6.0, &[1.0, 1.3], false);
        check(6.0, &[1.0, 1.1], true);
        check(6.0, &[1.0, 1.1, 9.0], true);
        check(6.0, &[1.0, 8.0, 9.0], false);
        check(6.0, &[], false);
    }

    #[test]
    fn an_answer_is_measured_by_what_is_typical() {
        let millis = Duration::from_millis;
        about(relative(millis(30), Some(millis(10))), 3.0);
        about(relative(millis(30), None), PACE_MAX);
        about(relative(Duration::ZERO, Some(FINEST)), 1.0);
    }

    #[test]
    fn a_pace_is_kept_in_a_word() {
        let pace = Pace { average: 3.25, at: u32::MAX - 1 };
        assert_eq!(Pace::from(u64::from(pace)), pace);
    }
}
