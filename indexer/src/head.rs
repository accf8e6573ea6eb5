//! The head: the live HNSW graph, an `hnsw_rs` over our own distance kernels.
//!
//! The crate is kept away from what it cannot take. Vectors are checked before they come here, so no distance is NaN
//! or negative. It is never asked to filter: its filter is without a bound when few points match, and can panic; we
//! ask for more points and drop what does not count. It never sees a file.

use crate::table::Row;
use annuli_core::kernel::{self, Kernels};
use annuli_core::metric::PreparedQuery;
use annuli_core::{HnswParams, Metric};
use hnsw_rs::anndists::dist::Distance;
use hnsw_rs::hnsw::Hnsw;
use rayon::ThreadPool;
use std::fmt;
use std::sync::Arc;

/// Layers above the lowest; with M = 16 the eighth holds one point in four billion.
const LAYERS: usize = 16;

/// Points that are inserted one after the other at the start: points that enter an almost empty graph side by side do
/// not see each other, and some would never be linked.
const SEQUENTIAL_START: usize = 64;

/// A graph that grows while it is searched. Its points are slots of one table.
pub struct Head {
    graph: Hnsw<'static, f32, GraphDistance>,
    metric: Metric,
}

impl Head {
    /// An empty graph.
    pub fn new(metric: Metric, params: HnswParams) -> Self {
        let distance = GraphDistance { metric, kernels: kernel::best() };
        // The expected number of points only sizes the first allocation.
        let graph = Hnsw::new(params.m(), 1_024, LAYERS, params.ef_construction(), distance);
        Self { graph, metric }
    }

    /// Inserts rows with their slots, on the threads of `pool`. Searches may go on meanwhile.
    pub fn insert(&self, rows: &[(usize, Arc<Row>)], pool: &ThreadPool) {
        let vectors: Vec<_> =
            rows.iter().map(|(slot, row)| (PreparedQuery::new(self.metric, &row.vector), *slot)).collect();
        let alone = SEQUENTIAL_START.saturating_sub(self.graph.get_nb_point()).min(vectors.len());
        let (first, rest) = vectors.split_at(alone);
        for (vector, slot) in first {
            self.graph.insert_slice((vector.components(), *slot));
        }
        let rest: Vec<_> = rest.iter().map(|(vector, slot)| (vector.components(), *slot)).collect();
        pool.install(|| self.graph.parallel_insert_slice(&rest));
    }

    /// Slots of about the `count` nearest points, in no useful order: the caller measures them exactly.
    pub fn nearest(&self, query: &PreparedQuery, count: usize, ef: usize) -> Vec<usize> {
        self.graph.search(query.components(), count, ef.max(count)).into_iter().map(|found| found.d_id).collect()
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({} points)", self.graph.get_nb_point())
    }
}

/// What the graph compares by. It needs the right order and numbers that are neither negative nor NaN, not the
/// distance that is reported. Under cosine the vectors have length 1.
struct GraphDistance {
    metric: Metric,
    kernels: &'static Kernels,
}

impl Distance<f32> for GraphDistance {
    fn eval(&self, a: &[f32], b: &[f32]) -> f32 {
        match self.metric {
            Metric::Cosine => (1.0 - self.kernels.dot(a, b)).max(0.0),
            Metric::Euclidean => self.kernels.squared_euclidean(a, b),
            Metric::InnerProduct => above_zero(-self.kernels.dot(a, b)),
        }
    }
}

/// Maps all numbers to those above zero without changing their order.
fn above_zero(number: f32) -> f32 {
    if number >= 0.0 { 1.0 + number } else { 1.0 / (1.0 - number) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_map_to_numbers_above_zero_keeps_the_order(a in -1e33f32..1e33, b in -1e33f32..1e33) {
            prop_assert!(above_zero(a) > 0.0);
            if a < b {
                prop_assert!(above_zero(a) <= above_zero(b));
            }
        }
    }

    #[test]
    fn the_map_tells_near_numbers_apart() {
        assert!(above_zero(-10.001) < above_zero(-10.0));
        assert!(above_zero(-0.001) < above_zero(0.001));
        assert!(above_zero(10.0) < above_zero(10.001));
    }
}
