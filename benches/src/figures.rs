//! Figures of many measurements.

use std::time::Duration;

/// The smallest latency that at least `percent` of all do not exceed, in milliseconds; `None` without any.
///
/// `sorted` is in ascending order. It is always one that was measured: nothing is interpolated.
pub(crate) fn percentile_ms(sorted: &[Duration], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(|latency| latency.as_secs_f64() * 1e3)
}

/// The middle one, or the mean of the two in the middle; `None` without any.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_percentile(latencies: std::ops::Range<u64>, percent: usize, expected: Option<f64>) {
        let sorted: Vec<Duration> = latencies.map(Duration::from_millis).collect();
        assert_eq!(percentile_ms(&sorted, percent), expected);
    }

    #[test]
    fn a_percentile_is_the_smallest_that_so_many_do_not_exceed() {
        check_percentile(1..101, 50, Some(50.0));
        check_percentile(1..101, 99, Some(99.0));
        check_percentile(1..102, 99, Some(100.0));
        check_percentile(1..11, 95, Some(10.0));
        check_percentile(7..8, 50, Some(7.0));
        check_percentile(0..0, 50, None);
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }
}
