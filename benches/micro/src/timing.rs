//! The one home of the clock: how long one call takes.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock, here only")]

use std::fmt;
use std::time::{Duration, Instant};

/// Samples of one measurement; odd, so that the median is one of them.
const SAMPLES: usize = 31;

/// Long enough that reading the clock does not show, short enough to fall between interruptions.
const SAMPLE_AT_LEAST: Duration = Duration::from_millis(1);

/// Nanoseconds of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timing {
    pub median_ns: f64,
    pub least_ns: f64,
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9.1} {:>9.1}", self.median_ns, self.least_ns)
    }
}

/// Measures `run`, which makes `calls` calls.
pub(crate) fn time(calls: usize, mut run: impl FnMut()) -> Timing {
    let mut sample = |repeats: u32| {
        let start = Instant::now();
        (0..repeats).for_each(|_| run());
        start.elapsed()
    };
    // The first runs also bring code and data into the caches.
    let mut repeats = 1;
    while sample(repeats) < SAMPLE_AT_LEAST {
        repeats *= 2;
    }
    let samples = (0..SAMPLES).map(|_| sample(repeats).as_nanos() as f64 / f64::from(repeats) / calls as f64);
    summary(samples.collect())
}

fn summary(mut samples: Vec<f64>) -> Timing {
    samples.sort_by(f64::total_cmp);
    Timing { median_ns: samples[samples.len() / 2], least_ns: samples[0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_has_the_middle_and_the_least() {
        assert_eq!(summary(vec![5.0, 1.0, 9.0]), Timing { median_ns: 5.0, least_ns: 1.0 });
    }

    #[test]
    fn a_call_takes_time() {
        let mut calls = 0_u64;
        let timing = time(1000, || (0..1000).for_each(|_| calls = std::hint::black_box(calls + 1)));
        assert!(calls > 31_000);
        assert!(timing.least_ns > 0.0 && timing.least_ns <= timing.median_ns, "{timing:?}");
    }
}
