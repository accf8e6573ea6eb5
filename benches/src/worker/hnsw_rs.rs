//! hnsw_rs as it is, with its own vectorised distances: what many Rust projects use.

use crate::dataset::row;
use annuli_core::Vector;
use hnsw_rs::prelude::{DistL2, Hnsw, Neighbour};
use ndarray::Array2;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// The version that the lock file pins; the crate does not tell it at run time.
pub(super) const VERSION: &str = "hnsw_rs 0.3.5";

/// More levels than a million points ever take.
const LEVELS_MAX: usize = 16;

/// An index of single precision.
pub(super) struct Index {
    graph: Hnsw<'static, f32, DistL2>,
    pool: rayon::ThreadPool,
}

impl Index {
    pub(super) fn build(base: &Array2<f32>, m: usize, ef_construction: usize, threads: usize) -> Self {
        let mut graph = Hnsw::new(m, base.nrows(), LEVELS_MAX, ef_construction, DistL2 {});
        let pool = pool(threads);
        let rows: Vec<(&[f32], usize)> = (0..base.nrows()).map(|number| (row(base, number), number)).collect();
        pool.install(|| graph.parallel_insert_slice(&rows));
        graph.set_searching_mode(true);
        Self { graph, pool }
    }

    pub(super) fn set_threads(&mut self, threads: usize) {
        self.pool = pool(threads);
    }

    pub(super) fn search(&self, queries: &[Vector], k: usize, ef: usize) -> Vec<Vec<usize>> {
        let one = |query: &Vector| -> Vec<usize> {
            let found = self.graph.search(query.as_slice(), k, ef);
            found.iter().map(Neighbour::get_origin_id).collect()
        };
        self.pool.install(|| queries.par_iter().map(one).collect())
    }
}

/// Even one thread is a pool of its own, or the library would take every core that there is.
fn pool(threads: usize) -> rayon::ThreadPool {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("the system starts a few threads")
}
