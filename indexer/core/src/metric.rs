//! What a distance means. A smaller distance is nearer, under every metric.

use crate::kernel::{self, Kernels};
use crate::vector::{NoDirection, Vector};
use std::fmt;

/// How two vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Distance 1 − cos(a, b), score cos(a, b).
    Cosine,
    /// Distance √Σ(aᵢ−bᵢ)², score 1 / (1 + distance).
    Euclidean,
    /// Distance 1 − a·b, score a·b. Not a metric in the mathematical sense: it may be negative.
    InnerProduct,
}

/// A text that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no metric: choose cosine, euclidean or inner_product")]
pub struct UnknownMetric {
    name: String,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 3] = [Self::Cosine, Self::Euclidean, Self::InnerProduct];

    /// The name in requests, configuration and stored schemas.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Euclidean => "euclidean",
            Self::InnerProduct => "inner_product",
        }
    }

    /// The metric of that name.
    pub fn from_name(name: &str) -> Result<Self, UnknownMetric> {
        Self::ALL
            .into_iter()
            .find(|metric| metric.name() == name)
            .ok_or_else(|| UnknownMetric { name: name.chars().take(64).collect() })
    }

    /// Returns whether `vector` can be compared under this metric: under cosine it needs a direction.
    pub fn check(self, vector: &Vector) -> Result<(), NoDirection> {
        match self {
            Self::Cosine => vector.check_direction(),
            Self::Euclidean | Self::InnerProduct => Ok(()),
        }
    }

    /// The similarity that belongs to a distance: larger is nearer.
    pub fn score(self, distance: f32) -> f32 {
        match self {
            Self::Cosine | Self::InnerProduct => 1.0 - distance,
            Self::Euclidean => 1.0 / (1.0 + distance),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A query made ready for many comparisons under one metric.
#[derive(Debug, Clone)]
pub struct PreparedQuery {
    metric: Metric,
    kernels: &'static Kernels,
    components: Vec<f32>,
}

impl PreparedQuery {
    /// Prepares `query`: under cosine it is brought to length 1.
    pub fn new(metric: Metric, query: &Vector) -> Self {
        let components = match metric {
            Metric::Cosine => query.normalised(),
            Metric::Euclidean | Metric::InnerProduct => query.as_slice().to_vec(),
        };
        Self { metric, kernels: kernel::best(), components }
    }

    /// The components to compare with: under cosine, of length 1.
    pub fn components(&self) -> &[f32] {
        &self.components
    }

    /// The distance to `other`, exact but for f32 rounding. Never NaN; never negative but for the inner product.
    ///
    /// Every reported distance comes from here, so the same pair has the same distance whichever way it was found.
    ///
    /// # Panics
    /// When the dimensions differ, which the schema's check at the edge has ruled out.
    pub fn distance(&self, other: &Vector) -> f32 {
        self.distance_to(other.as_slice(), other.length())
    }

    /// The distance to a vector of these components and this length, which only cosine looks at.
    pub(crate) fn distance_to(&self, components: &[f32], length: f32) -> f32 {
        match self.metric {
            Metric::Cosine => {
                let cosine = self.kernels.dot(&self.components, components) / length;
                1.0 - cosine.clamp(-1.0, 1.0)
            }
            Metric::Euclidean => self.kernels.squared_euclidean(&self.components, components).sqrt(),
            Metric::InnerProduct => 1.0 - self.kernels.dot(&self.components, components),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
        let [a, b] = [a, b].map(|components| Vector::new(components.to_vec()).unwrap());
        PreparedQuery::new(metric, &a).distance(&b)
    }

    #[track_caller]
    fn check(metric: Metric, a: &[f32], b: &[f32], want: f32, score: f32) {
        let got = distance(metric, a, b);
        assert!((got - want).abs() < 1e-6, "{metric}: {got}");
        assert!((metric.score(got) - score).abs() < 1e-6, "{metric}: score {}", metric.score(got));
    }

    #[test]
    fn distances_are_those_of_the_documentation() {
        check(Metric::Euclidean, &[1.0, 2.0], &[4.0, 6.0], 5.0, 1.0 / 6.0);
        check(Metric::Cosine, &[2.0, 0.0], &[0.0, 7.0], 1.0, 0.0);
        check(Metric::Cosine, &[2.0, 2.0], &[9.0, 9.0], 0.0, 1.0);
        check(Metric::Cosine, &[1.0, 0.0], &[-3.0, 0.0], 2.0, -1.0);
        check(Metric::InnerProduct, &[1.0, 2.0], &[3.0, 4.0], -10.0, 11.0);
    }

    #[test]
    fn extreme_vectors_have_finite_distances() {
        for metric in Metric::ALL {
            for (a, b) in [(1e15, -1e15), (1e15, 1e15), (1e-14, 1e15), (1e-14, 1e-14)] {
                let got = distance(metric, &[a; 4096], &[b; 4096]);
                assert!(got.is_finite(), "{metric} of {a} and {b}: {got}");
            }
        }
    }

    #[test]
    fn names_are_read_back() {
        for metric in Metric::ALL {
            assert_eq!(Metric::from_name(metric.name()), Ok(metric));
        }
        assert_eq!(
            Metric::from_name("l2").unwrap_err().to_string(),
            "`l2` is no metric: choose cosine, euclidean or inner_product"
        );
    }
}
