//! Growth beside the logarithm of the number of rows: what a graph promises, and what caches that are too small take.

use super::Comparison;
use super::ratio::{self, Ratio};
use crate::library::frontier::AtRecall;
use serde::Serialize;

/// At which speeds of different sizes are compared.
pub(crate) const RECALL: f64 = 0.95;

/// Our engine with so many rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Step {
    pub rows: usize,
    pub speed: Option<AtRecall>,
    pub build_us_per_vector: f64,
    pub bytes_per_vector: Option<f64>,
    /// Queries a second × log of the rows, ÷ that of the smallest set: 1 or more where searches slow down no faster than
    /// the logarithm grows. None of the smallest itself.
    pub speed_by_log: Option<Ratio>,
    /// Time to build for each vector ÷ log of the rows, ÷ that of the smallest set: 1 or less likewise.
    pub build_by_log: Option<f64>,
}

/// The steps, the smallest first.
pub(crate) fn steps(growth: &[Comparison]) -> Vec<Step> {
    let Some(smallest) = growth.first() else { return Vec::new() };
    let (from, others) = (log(smallest), growth.iter().enumerate());
    let step = |(number, comparison): (usize, &Comparison)| -> Option<Step> {
        let ours = ratio::ours(&comparison.libraries)?;
        let per_vector = |comparison: &Comparison| {
            Some(ratio::ours(&comparison.libraries)?.build.seconds / comparison.documents as f64)
        };
        let logs = log(comparison) / from;
        let is_later = number > 0;
        let first = ratio::ours(&smallest.libraries).filter(|_| is_later);
        let speed = first.and_then(|first| ratio::speed(ours.on(1)?, first.on(1)?, RECALL));
        let build = per_vector(comparison)?;
        Some(Step {
            rows: comparison.documents,
            speed: ours.on(1).and_then(|series| series.at(RECALL)),
            build_us_per_vector: build * 1e6,
            bytes_per_vector: ours.memory.map(|memory| memory.bytes_per_vector),
            speed_by_log: speed.map(|speed| Ratio { ratio: speed.ratio * logs, ..speed }),
            build_by_log: per_vector(smallest).filter(|_| is_later).map(|first| build / first / logs),
        })
    };
    others.filter_map(step).collect()
}

fn log(comparison: &Comparison) -> f64 {
    (comparison.documents as f64).ln()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::goals::tests::comparison_of;
    use super::super::ratio::tests::peer;
    use super::*;

    /// Our engine with so many rows, at such a speed, built in such a time.
    pub(crate) fn grown(documents: usize, queries_per_second: f64, build_seconds: f64) -> Comparison {
        let mut ours = peer("annuli", queries_per_second, false);
        ours.build.seconds = build_seconds;
        Comparison { name: "noise-10k", documents, ..comparison_of(vec![ours], Vec::new()) }
    }

    #[track_caller]
    fn check(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-9, "{actual} is not {expected}");
    }

    #[test]
    fn what_grows_with_the_logarithm_stands_at_1() {
        // log 1,000,000 ÷ log 1,000 is 2.
        let steps = steps(&[grown(1_000, 300.0, 1.0), grown(1_000_000, 150.0, 2_000.0)]);
        assert_eq!((steps[0].speed_by_log, steps[0].build_by_log), (None, None));
        check(steps[1].speed_by_log.unwrap().ratio, 1.0);
        check(steps[1].build_by_log.unwrap(), 1.0);
        check(steps[1].build_us_per_vector, 2_000.0);
    }

    #[test]
    fn what_grows_faster_is_told() {
        let steps = steps(&[grown(1_000, 300.0, 1.0), grown(1_000_000, 75.0, 4_000.0)]);
        check(steps[1].speed_by_log.unwrap().ratio, 0.5);
        check(steps[1].build_by_log.unwrap(), 2.0);
    }
}
