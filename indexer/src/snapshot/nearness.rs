//! How far two computations of one distance may lie apart.
//!
//! A kernel of another processor adds the same products in another order. What that moves is bounded by the magnitude of
//! the products and not by that of the distance, so each metric has a bound of its own: a fixed one let anything pass where
//! documents lie closer together than that, as embeddings of one topic do under the cosine.

use annuli_core::{Metric, Vector};

/// Of the distance. What is wrong is wrong by more; what an older release rounded is not.
const OF_DISTANCE: f32 = 1e-3;

/// Of the sum of the products' magnitudes: each of two kernels is within 32 units of rounding, as their tests have it.
const OF_PRODUCTS: f32 = 64.0 * f32::EPSILON;

/// What a distance from one query may differ by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nearness {
    metric: Metric,
    /// The query, multiplied with itself; documents are taken to be of its length, for it is one of them.
    square: f32,
}

impl Nearness {
    pub(crate) fn of(metric: Metric, query: &Vector) -> Self {
        Self { metric, square: query.as_slice().iter().map(|component| component * component).sum() }
    }

    /// Whether a distance is the recorded one.
    pub(crate) fn is_near(self, found: f32, wanted: f32) -> bool {
        let allowed = match self.metric {
            // Differences are taken before anything is added: what is small is as exact as what is large.
            Metric::Euclidean => OF_DISTANCE * wanted.abs(),
            // One less the cosine: it loses what the cosine has in front of it.
            Metric::Cosine => OF_DISTANCE * wanted.abs() + OF_PRODUCTS,
            Metric::InnerProduct => OF_DISTANCE * (1.0 - wanted).abs() + OF_PRODUCTS * (1.0 + self.square),
        };
        (found - wanted).abs() <= allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(metric: Metric, query: &[f32], wanted: f32, near: &[f32], far: &[f32]) {
        let nearness = Nearness::of(metric, &Vector::new(query.to_vec()).unwrap());
        for found in near {
            assert!(nearness.is_near(*found, wanted), "{found} for {wanted} under {metric}");
        }
        for found in far {
            assert!(!nearness.is_near(*found, wanted), "{found} for {wanted} under {metric}");
        }
    }

    #[test]
    fn what_may_differ_goes_by_what_is_compared() {
        check(Metric::Euclidean, &[1.0], 1e-6, &[1e-6, 1.000_5e-6], &[1.01e-6, 0.0, 5e-4]);
        check(Metric::Euclidean, &[1.0], 200.0, &[200.1], &[200.5, 199.0]);
        check(Metric::Euclidean, &[1.0], 0.0, &[0.0], &[1e-9]);
        check(Metric::Cosine, &[3.0, 4.0], 0.0, &[0.0, 5e-6], &[1e-4]);
        check(Metric::Cosine, &[3.0, 4.0], 1e-4, &[1.02e-4], &[2e-4, 0.0, 9e-4]);
        // Of short vectors a thousandth of the distance, which is nearly one, would be anything.
        check(Metric::InnerProduct, &[0.01], 1.0 - 1e-4, &[1.0 - 1e-4, 1.0 - 1.05e-4], &[1.0, 1.0 - 2e-4]);
        check(Metric::InnerProduct, &[100.0], -9_999.0, &[-9_999.5], &[-9_900.0]);
    }
}
