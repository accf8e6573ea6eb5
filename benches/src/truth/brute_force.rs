//! The nearest rows of many queries at once.
//!
//! Products of blocks of queries with blocks of rows give every distance fast but with rounding; somewhat more
//! candidates than asked for are taken by them, compared again one by one, and the result is proved: nothing that
//! was left out can be nearer. Where the proof fails, as it does among many equal distances, all rows are compared.

use crate::dataset::{Neighbours, row};
use crate::distance;
use crate::workers::{one_per_core, share_out};
use annuli_core::{Metric, TopK};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use std::cmp::Ordering;
use std::convert::Infallible;

/// Queries that one thread answers at once: enough to make each block of rows worth its conversion.
const QUERIES_AT_ONCE: usize = 256;

/// Rows that are compared at once: with 1,024 dimensions a block is 8 MiB.
const ROWS_AT_ONCE: usize = 1024;

/// Candidates beyond those asked for. Few distances differ by no more than rounding, unless they are equal.
const SPARE_CANDIDATES: usize = 28;

/// The error of a product, relative to the squared lengths: a hundred times what 4,096 roundings of an f64 can add
/// up to, and far below any difference that matters.
const ROUNDING: f64 = 1e-10;

/// The `k` nearest rows of each query, equally near ones in the order of their rows.
pub(crate) fn brute_force(metric: Metric, base: &Array2<f32>, queries: &Array2<f32>, k: usize) -> Neighbours {
    let scan = Scan { metric, base, queries, k };
    let blocks = queries.nrows().div_ceil(QUERIES_AT_ONCE);
    let Ok(neighbours) =
        share_out(&mut one_per_core(), blocks, |(), block| Ok::<_, Infallible>(scan.block(block * QUERIES_AT_ONCE)));
    neighbours.concat()
}

struct Scan<'a> {
    metric: Metric,
    base: &'a Array2<f32>,
    queries: &'a Array2<f32>,
    k: usize,
}

impl Scan<'_> {
    /// The neighbours of the block of queries that starts at `first`.
    fn block(&self, first: usize) -> Neighbours {
        let end = self.queries.nrows().min(first + QUERIES_AT_ONCE);
        let queries = Block::new(self.metric, &self.queries.slice(s![first..end, ..]));
        let mut nearest: Vec<_> = (first..end).map(|_| TopK::new(self.k + SPARE_CANDIDATES)).collect();
        let mut longest_row = 0.0_f64;
        for start in (0..self.base.nrows()).step_by(ROWS_AT_ONCE) {
            let end = self.base.nrows().min(start + ROWS_AT_ONCE);
            let rows = Block::new(self.metric, &self.base.slice(s![start..end, ..]));
            longest_row = rows.squares.iter().copied().fold(longest_row, f64::max);
            let products = queries.vectors.dot(&rows.vectors.t());
            for ((products, query_square), nearest) in
                products.rows().into_iter().zip(&queries.squares).zip(&mut nearest)
            {
                for (offset, (product, row_square)) in products.iter().zip(&rows.squares).enumerate() {
                    let key = match self.metric {
                        Metric::Euclidean => query_square + row_square - 2.0 * product,
                        Metric::Cosine | Metric::InnerProduct => 1.0 - product,
                    };
                    nearest.offer(Candidate { key, row: start + offset });
                }
            }
        }
        let rounding = queries.squares.iter().map(|square| ROUNDING * (square + longest_row));
        let queries = (first..end).zip(nearest).zip(rounding);
        queries.map(|((query, candidates), rounding)| self.prove(query, candidates, rounding)).collect()
    }

    /// The nearest of all rows, given those that seem to be and how wrong that may be.
    fn prove(&self, query: usize, candidates: TopK<Candidate>, rounding: f64) -> Vec<usize> {
        // Without a bound every row is a candidate.
        let left_out_beyond = candidates.bound().map_or(f64::INFINITY, |bound| bound.key - 2.0 * rounding);
        let nearest = self.nearest_of(query, candidates.into_sorted().into_iter().map(|candidate| candidate.row));
        let is_proved = nearest.last().is_none_or(|farthest| self.key(farthest.key) < left_out_beyond);
        let nearest = if is_proved { nearest } else { self.nearest_of(query, 0..self.base.nrows()) };
        nearest.into_iter().map(|candidate| candidate.row).collect()
    }

    /// What a distance is among the keys of candidates.
    fn key(&self, distance: f64) -> f64 {
        match self.metric {
            Metric::Euclidean => distance * distance,
            Metric::Cosine | Metric::InnerProduct => distance,
        }
    }

    fn nearest_of(&self, query: usize, rows: impl Iterator<Item = usize>) -> Vec<Candidate> {
        let mut nearest = TopK::new(self.k);
        for candidate in rows {
            let key = distance::between(self.metric, row(self.queries, query), row(self.base, candidate));
            nearest.offer(Candidate { key, row: candidate });
        }
        nearest.into_sorted()
    }
}

/// Vectors in double precision, under cosine brought to length 1, and their squared lengths.
struct Block {
    vectors: Array2<f64>,
    squares: Array1<f64>,
}

impl Block {
    fn new(metric: Metric, vectors: &ArrayView2<'_, f32>) -> Self {
        let mut vectors = vectors.mapv(f64::from);
        let mut squares = vectors.map_axis(Axis(1), |vector| vector.dot(&vector));
        if metric == Metric::Cosine {
            vectors /= &squares.mapv(f64::sqrt).insert_axis(Axis(1));
            squares.fill(1.0);
        }
        Self { vectors, squares }
    }
}

/// A row and how far it is: ordered by that, then by the row.
struct Candidate {
    key: f64,
    row: usize,
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.total_cmp(&other.key).then_with(|| self.row.cmp(&other.row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, so that there are many equal distances.
    fn vectors(rows: usize, dim: usize, mut state: u64, values: u64) -> Array2<f32> {
        Array2::from_shape_simple_fn((rows, dim), || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from(u16::try_from((state >> 33) % values).unwrap()) + 1.0
        })
    }

    fn naive(metric: Metric, base: &Array2<f32>, query: &[f32], k: usize) -> Vec<usize> {
        let mut rows: Vec<_> =
            (0..base.nrows()).map(|number| (distance::between(metric, query, row(base, number)), number)).collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        rows.into_iter().take(k).map(|(_, number)| number).collect()
    }

    #[track_caller]
    fn check(rows: usize, dim: usize, values: u64, k: usize) {
        let (base, queries) = (vectors(rows, dim, 1, values), vectors(300, dim, 2, values));
        for metric in Metric::ALL {
            let found = brute_force(metric, &base, &queries, k);
            assert_eq!(found.len(), queries.nrows());
            for (query, found) in found.iter().enumerate() {
                assert_eq!(*found, naive(metric, &base, row(&queries, query), k), "{metric}, query {query}");
            }
        }
    }

    #[test]
    fn brute_force_finds_what_a_naive_scan_finds() {
        check(2500, 12, 1000, 10);
    }

    #[test]
    fn equal_distances_are_ordered_by_row() {
        check(1500, 3, 4, 10);
    }

    #[test]
    fn a_small_base_is_returned_whole() {
        check(5, 4, 100, 10);
    }
}
