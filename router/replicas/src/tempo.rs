//! How long answers take lately: a histogram that forgets.

use crate::limits::{
    ANSWERS_MAX, ANSWERS_PER_LOOK, HEDGE_AFTER_MIN, HUNG_AFTER, NOTICEABLE, OUT_OF_LINE, SLOW_AT_FIRST, SLOW_TIMES_HUNG,
};
use std::array;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Ranges of time that are counted apart: four in each doubling, so that what is read from them is right to a quarter.
const RANGES: usize = 4 * 24;

/// Where the first range ends: shorter times are not told apart.
pub(crate) const FINEST: Duration = Duration::from_micros(5 * STEP_MICROS);

/// What the first four ranges differ by, in microseconds.
const STEP_MICROS: u64 = 4;

/// How long answers of one kind take, from whichever replica of a shard.
///
/// A call that was given up is recorded as well, once it was slow: that long it took at least. Without these, what is
/// slow would vanish from the record as soon as hedges go round it, and hedges would become ever more.
#[derive(Debug)]
pub(crate) struct Tempo {
    ranges: [AtomicU32; RANGES],
    recorded: AtomicU32,
    /// What the last look found, in microseconds: the median in the upper half, the 95th percentile in the lower; 0
    /// before there was one.
    seen: AtomicU64,
}

impl Default for Tempo {
    fn default() -> Self {
        Self { ranges: array::from_fn(|_| AtomicU32::new(0)), recorded: AtomicU32::new(0), seen: AtomicU64::new(0) }
    }
}

impl Tempo {
    /// Records that an answer took so long.
    pub(crate) fn record(&self, took: Duration) {
        self.ranges[range_of(took)].fetch_add(1, Relaxed);
        if (self.recorded.fetch_add(1, Relaxed) + 1).is_multiple_of(ANSWERS_PER_LOOK) {
            self.look();
        }
    }

    /// The median.
    pub(crate) fn typical(&self) -> Option<Duration> {
        self.seen().map(|(median, _)| median)
    }

    /// A call that has waited so long for its answer is slow: the 95th percentile, where it is known.
    pub(crate) fn slow(&self) -> Duration {
        self.seen().map_or(SLOW_AT_FIRST, |(_, slow)| slow)
    }

    /// When to ask another replica as well.
    pub(crate) fn hedge_after(&self) -> Option<Duration> {
        self.seen().map(|(_, slow)| slow.max(HEDGE_AFTER_MIN))
    }

    /// A call that has waited so long for its answer waits for a replica that hangs.
    pub(crate) fn hung_after(&self) -> Duration {
        let slow = self.seen().map_or(Duration::ZERO, |(_, slow)| slow);
        HUNG_AFTER.max(slow * SLOW_TIMES_HUNG)
    }

    /// Whether an answer took as long as those of a replica that is out of line.
    pub(crate) fn is_far_out(&self, took: Duration) -> bool {
        took >= NOTICEABLE && self.typical().is_some_and(|typical| took > typical.mul_f32(OUT_OF_LINE))
    }

    fn seen(&self) -> Option<(Duration, Duration)> {
        let word = self.seen.load(Relaxed);
        (word != 0).then(|| (Duration::from_micros(word >> 32), Duration::from_micros(word & 0xffff_ffff)))
    }

    fn look(&self) {
        let counts: [u32; RANGES] = array::from_fn(|range| self.ranges[range].load(Relaxed));
        let all: u32 = counts.iter().sum();
        let [median, slow] = [50, 95].map(|percent| end_of(range_with(&counts, all * percent / 100)));
        self.seen.store(median << 32 | slow, Relaxed);
        if all >= ANSWERS_MAX {
            for range in &self.ranges {
                let _ = range.fetch_update(Relaxed, Relaxed, |count| Some(count / 2));
            }
        }
    }
}

/// The range of the answer that has so many quicker ones before it.
fn range_with(counts: &[u32; RANGES], quicker: u32) -> usize {
    let mut counted = 0;
    let holds = |count: &u32| {
        counted += count;
        counted > quicker
    };
    counts.iter().position(holds).unwrap_or(RANGES - 1)
}

fn range_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let units = (micros / STEP_MICROS).max(4);
    let doublings = units.ilog2() - 2;
    let range = 4 * u64::from(doublings) + (units >> doublings) - 4;
    usize::try_from(range).map_or(RANGES - 1, |range| range.min(RANGES - 1))
}

/// Where a range ends, in microseconds. The last ends after four and a half minutes, which half a word holds.
fn end_of(range: usize) -> u64 {
    let (doublings, quarter) = (range / 4, range as u64 % 4);
    STEP_MICROS * ((quarter + 5) << doublings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn recorded(answers: impl IntoIterator<Item = Duration>) -> Tempo {
        let tempo = Tempo::default();
        answers.into_iter().for_each(|took| tempo.record(took));
        tempo
    }

    #[track_caller]
    fn about(found: Duration, expected: Duration) {
        assert!(found >= expected && found <= expected.mul_f32(1.26), "{found:?} is not about {expected:?}");
    }

    #[test]
    fn nothing_is_known_before_enough_answers() {
        let few = ANSWERS_PER_LOOK as usize - 1;
        let tempo = recorded(vec![millis(5); few]);
        assert_eq!((tempo.typical(), tempo.hedge_after(), tempo.slow()), (None, None, SLOW_AT_FIRST));
        tempo.record(millis(5));
        about(tempo.typical().unwrap(), millis(5));
    }

    #[test]
    fn the_median_and_the_95th_percentile_are_right_to_a_quarter() {
        let tempo = recorded((0..256).map(|number| millis(1 + number * 7 % 100)));
        about(tempo.typical().unwrap(), millis(50));
        about(tempo.slow(), millis(95));
    }

    #[test]
    fn late_is_what_a_twentieth_of_the_answers_is() {
        let with_slow = |percent: u64| {
            let took = |number: u64| if number * 37 % 100 < percent { millis(100) } else { millis(9) };
            recorded((0..256).map(took)).slow()
        };
        about(with_slow(3), millis(9));
        about(with_slow(8), millis(100));
    }

    #[test]
    fn the_median_has_half_of_the_answers_before_it() {
        let tempo = recorded((0..64).map(|number| if number % 2 == 0 { millis(1) } else { millis(9) }));
        about(tempo.typical().unwrap(), millis(9));
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let tempo = recorded(vec![millis(100); 5_000]);
        for _ in 0..4 * ANSWERS_MAX {
            tempo.record(millis(2));
        }
        about(tempo.slow(), millis(2));
    }

    #[test]
    fn a_hedge_waits_at_least_a_millisecond() {
        let tempo = recorded(vec![Duration::from_micros(30); 64]);
        assert_eq!(tempo.hedge_after(), Some(HEDGE_AFTER_MIN));
        assert!(tempo.slow() < HEDGE_AFTER_MIN);
    }

    #[test]
    fn far_out_is_long_by_itself_and_beside_the_others() {
        let tempo = recorded(vec![millis(4); 64]);
        assert!(!tempo.is_far_out(millis(19)));
        assert!(tempo.is_far_out(millis(30)));
        let quick = recorded(vec![Duration::from_micros(50); 64]);
        assert!(!quick.is_far_out(millis(9)));
    }

    proptest! {
        #[test]
        fn an_answer_is_counted_where_it_belongs(micros in 0_u64..200_000_000) {
            let range = range_of(Duration::from_micros(micros));
            prop_assert!(micros < end_of(range));
            prop_assert!(range == 0 || micros >= end_of(range - 1));
        }
    }

    #[test]
    fn no_time_is_too_long_to_be_counted() {
        assert_eq!(range_of(Duration::MAX), RANGES - 1);
        assert!(end_of(RANGES - 1) < 1 << 32);
    }
}
