//! How far a comparison is: what is done, about how long the rest will take, and when to begin nothing more.

use crate::clock::Stopwatch;
use std::time::Duration;

/// A comparison under way, as steps with the time that each is expected to take.
#[derive(Debug)]
pub(crate) struct Progress {
    watch: Stopwatch,
    at_most: Duration,
    pace: Pace,
    doing: String,
}

/// Expectations, corrected by how the steps so far went.
#[derive(Debug, Default, PartialEq)]
struct Pace {
    /// Expected of steps that are done, and what they took.
    done: Duration,
    took: Duration,
    /// Expected of the step under way, and when it began.
    doing: Duration,
    began: Duration,
    /// Expected of those to come.
    to_come: Duration,
}

impl Progress {
    /// For steps that are expected to take `expected` in all.
    pub(crate) fn new(expected: Duration, at_most: Duration) -> Self {
        let pace = Pace { to_come: expected, ..Pace::default() };
        Self { watch: Stopwatch::start(), at_most, pace, doing: String::new() }
    }

    /// Ends the step under way and begins the next; false, and nothing is begun, when the time for that is over.
    pub(crate) fn begin(&mut self, what: &str, expected: Duration) -> bool {
        let now = self.watch.elapsed();
        self.pace.next(now, expected);
        if now >= self.at_most {
            self.pace.doing = Duration::ZERO;
            return false;
        }
        what.clone_into(&mut self.doing);
        true
    }

    /// Says what is done now.
    pub(crate) fn tell(&self, what: &str) {
        let now = self.watch.elapsed();
        let [gone, left] = [now, self.pace.left(now)].map(minutes);
        eprintln!("[{gone} gone, about {left} left] {}: {what}", self.doing);
    }
}

impl Pace {
    fn next(&mut self, now: Duration, expected: Duration) {
        // A step of nothing, as after one that was not begun, says nothing about the pace.
        if !self.doing.is_zero() {
            self.done += self.doing;
            self.took += now.saturating_sub(self.began);
        }
        self.doing = expected;
        self.began = now;
        self.to_come = self.to_come.saturating_sub(expected);
    }

    fn left(&self, now: Duration) -> Duration {
        // The first steps alone would say too much about the last.
        const BELIEVED_AFTER: Duration = Duration::from_secs(60);
        let factor = if self.done < BELIEVED_AFTER { 1.0 } else { self.took.as_secs_f64() / self.done.as_secs_f64() };
        let of_this = self.doing.mul_f64(factor).saturating_sub(now.saturating_sub(self.began));
        of_this + self.to_come.mul_f64(factor)
    }
}

fn minutes(duration: Duration) -> String {
    let minutes = duration.as_secs().div_ceil(60);
    format!("{minutes} min")
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_left_is_corrected_by_what_the_steps_so_far_took() {
        let mut pace = Pace { to_come: seconds(600), ..Pace::default() };
        assert_eq!(pace.left(seconds(0)), seconds(600));
        pace.next(seconds(0), seconds(100));
        assert_eq!(pace.left(seconds(40)), seconds(560));
        // The first step took twice what was expected.
        pace.next(seconds(200), seconds(300));
        assert_eq!(pace.left(seconds(200)), seconds(1000));
        assert_eq!(pace.left(seconds(700)), seconds(500));
        assert_eq!(pace.left(seconds(900)), seconds(400));
    }

    #[test]
    fn nothing_is_begun_when_time_is_up() {
        let mut progress = Progress::new(seconds(10), Duration::ZERO);
        assert!(!progress.begin("libraries", seconds(10)));
        let mut progress = Progress::new(seconds(10), seconds(3600));
        assert!(progress.begin("libraries", seconds(10)));
    }
}
