//! Distances in double precision: what the answers of the program are judged by.

use annuli_core::Metric;

/// The distance that the API documents for `metric`, computed without any of the program's own kernels.
pub(crate) fn between(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    match metric {
        Metric::Euclidean => sum(a, b, |x, y| (x - y) * (x - y)).sqrt(),
        Metric::Cosine => 1.0 - sum(a, b, |x, y| x * y) / (length(a) * length(b)),
        Metric::InnerProduct => 1.0 - sum(a, b, |x, y| x * y),
    }
}

/// Euclidean length.
pub(crate) fn length(a: &[f32]) -> f64 {
    sum(a, a, |x, y| x * y).sqrt()
}

fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    a.iter().zip(b).map(|(&x, &y)| term(f64::from(x), f64::from(y))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(metric: Metric, expected: f64) {
        let got = between(metric, &[3.0, 0.0], &[3.0, 4.0]);
        assert!((got - expected).abs() < 1e-12, "{metric}: {got}");
    }

    #[test]
    fn distances_are_those_of_the_documentation() {
        check(Metric::Euclidean, 4.0);
        check(Metric::Cosine, 1.0 - 0.6);
        check(Metric::InnerProduct, 1.0 - 9.0);
    }
}
