//! Queries a second at a given recall, from a few measured points.

use serde::Serialize;

/// One width of the beam, measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Measured {
    pub ef: usize,
    pub recall: f64,
    pub queries_per_second: f64,
}

/// Queries a second at a target of recall. Nothing is ever read beyond the measured ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AtRecall {
    /// Between two measured points, on the line through the logarithms of their speeds.
    Between { queries_per_second: f64 },
    /// The narrowest beam finds more than was asked for already: at least this fast.
    AtLeast { queries_per_second: f64, recall: f64 },
    /// The widest beam finds less.
    NotReached { recall: f64 },
}

impl AtRecall {
    /// The speed that a report may use, in its stead.
    pub(crate) const fn queries_per_second(self) -> Option<f64> {
        match self {
            Self::Between { queries_per_second } | Self::AtLeast { queries_per_second, .. } => Some(queries_per_second),
            Self::NotReached { .. } => None,
        }
    }
}

/// The speed at recall `target`; `None` without points. `points` are in ascending order of ef.
pub(crate) fn at_recall(points: &[Measured], target: f64) -> Option<AtRecall> {
    let first = points.first()?;
    if first.recall >= target {
        // A slower first point can happen by noise alone: then the next one is what can be had at this recall.
        let reaching = points.iter().filter(|point| point.recall >= target);
        let best = reaching.max_by(|a, b| a.queries_per_second.total_cmp(&b.queries_per_second))?;
        return Some(AtRecall::AtLeast { queries_per_second: best.queries_per_second, recall: best.recall });
    }
    let crossing = points.windows(2).find(|pair| pair[0].recall < target && pair[1].recall >= target);
    let Some([below, above]) = crossing else {
        let recall = points.iter().map(|point| point.recall).fold(0.0, f64::max);
        return Some(AtRecall::NotReached { recall });
    };
    let share = (target - below.recall) / (above.recall - below.recall);
    let [slow, fast] = [above, below].map(|point| point.queries_per_second.ln());
    Some(AtRecall::Between { queries_per_second: (fast + share * (slow - fast)).exp() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(of: &[(f64, f64)]) -> Vec<Measured> {
        let point = |(ef, &(recall, queries_per_second))| Measured { ef, recall, queries_per_second };
        (10..).zip(of).map(point).collect()
    }

    #[track_caller]
    fn check_between(of: &[(f64, f64)], target: f64, expected: f64) {
        match at_recall(&points(of), target) {
            Some(AtRecall::Between { queries_per_second }) => {
                assert!((queries_per_second - expected).abs() < 1e-6, "{queries_per_second}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn between_two_points_the_logarithm_is_a_line() {
        check_between(&[(0.8, 10_000.0), (1.0, 100.0)], 0.9, 1000.0);
        check_between(&[(0.5, 9e9), (0.8, 10_000.0), (1.0, 100.0), (1.0, 1.0)], 0.9, 1000.0);
        check_between(&[(0.8, 10_000.0), (0.9, 500.0)], 0.9, 500.0);
    }

    #[test]
    fn nothing_is_read_beyond_the_ends() {
        let of = points(&[(0.92, 1000.0), (0.97, 500.0)]);
        assert_eq!(at_recall(&of, 0.9), Some(AtRecall::AtLeast { queries_per_second: 1000.0, recall: 0.92 }));
        assert_eq!(at_recall(&of, 0.99), Some(AtRecall::NotReached { recall: 0.97 }));
        assert_eq!(at_recall(&[], 0.9), None);
    }

    #[test]
    fn of_several_that_reach_a_target_the_fastest_counts() {
        let of = points(&[(0.92, 990.0), (0.93, 1000.0), (0.97, 500.0)]);
        assert_eq!(at_recall(&of, 0.9), Some(AtRecall::AtLeast { queries_per_second: 1000.0, recall: 0.93 }));
    }
}
