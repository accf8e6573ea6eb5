//! Rows as they are, in full precision.

use super::{RowSpace, Space};
use crate::kernel::{self, Kernels, code};
use crate::metric::Metric;

/// Vectors of rows, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct FullSpace<'a> {
    pub(crate) metric: Metric,
    pub(crate) dim: usize,
    pub(crate) vectors: &'a [f32],
    /// Under cosine, the length of each row.
    pub(crate) lengths: &'a [f32],
    /// Under the inner product, while a graph is built: what [`super::codes`] says about it.
    pub(crate) lift: Option<&'a FullLift>,
    pub(crate) kernels: &'static Kernels,
}

/// A query, and its extra component.
#[derive(Default)]
pub(crate) struct FullQuery {
    vector: Vec<f32>,
    height: f32,
    /// Ranks up to this are what rounding left of nothing.
    same: f32,
}

/// The extra component of each row.
pub(crate) struct FullLift {
    heights: Vec<f32>,
    longest_squared: f32,
}

impl FullQuery {
    /// What it asks for.
    pub(crate) fn vector(&self) -> &[f32] {
        &self.vector
    }

    /// Makes it ask for what is near `vector`, normalised under cosine.
    pub(crate) fn ask_vector(&mut self, vector: &[f32]) {
        self.vector.clear();
        self.vector.extend_from_slice(vector);
        self.height = 0.0;
        self.same = 0.0;
    }
}

impl FullLift {
    pub(crate) fn new(dim: usize, vectors: &[f32]) -> Self {
        let squared_length = |row: &[f32]| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
        let squares: Vec<_> = vectors.chunks_exact(dim).map(squared_length).collect();
        let longest = squares.iter().copied().fold(0.0, f64::max);
        #[allow(clippy::cast_possible_truncation, reason = "lengths of vectors, far inside an f32")]
        let heights = squares.iter().map(|square| (longest - square).sqrt() as f32).collect();
        #[allow(clippy::cast_possible_truncation, reason = "a squared length, far inside an f32")]
        let longest_squared = longest as f32;
        Self { heights, longest_squared }
    }

    fn rank(&self, height: f32, row: u32, product: f32) -> f32 {
        let rank = self.longest_squared - product - height * self.heights[row as usize];
        if rank < self.longest_squared * 1e-6 { 0.0 } else { rank }
    }
}

impl<'a> FullSpace<'a> {
    pub(crate) fn new(metric: Metric, dim: usize, vectors: &'a [f32], lengths: &'a [f32]) -> Self {
        Self { metric, dim, vectors, lengths, lift: None, kernels: kernel::best() }
    }

    fn row(&self, row: u32) -> &[f32] {
        let start = row as usize * self.dim;
        &self.vectors[start..start + self.dim]
    }

    fn rank(&self, query: &FullQuery, row: u32) -> f32 {
        let vector = self.row(row);
        match (self.metric, self.lift) {
            (Metric::Cosine, _) => {
                let rank = 1.0 - self.kernels.dot(&query.vector, vector) / self.lengths[row as usize];
                if query.same > 0.0 && rank <= query.same { 0.0 } else { rank }
            }
            (Metric::Euclidean, _) => self.kernels.squared_euclidean(&query.vector, vector),
            (Metric::InnerProduct, None) => -self.kernels.dot(&query.vector, vector),
            (Metric::InnerProduct, Some(lift)) => lift.rank(query.height, row, self.kernels.dot(&query.vector, vector)),
        }
    }
}

impl Space for FullSpace<'_> {
    type Query = FullQuery;

    fn prefetch(&self, rows: &[u32]) {
        let ahead = code::rows_ahead(4 * self.dim);
        rows.iter().take(ahead).for_each(|&row| code::best().prefetch(self.row(row)));
    }

    fn ranks(&self, query: &FullQuery, rows: &[u32], ranks: &mut [f32]) {
        let ahead = code::rows_ahead(4 * self.dim);
        let kernels = code::best();
        let ask = |row| kernels.prefetch(self.row(row));
        rows.iter().take(ahead).copied().for_each(ask);
        for (place, (&row, rank)) in rows.iter().zip(ranks).enumerate() {
            rows.get(place + ahead).copied().into_iter().for_each(ask);
            *rank = self.rank(query, row);
        }
    }
}

impl RowSpace for FullSpace<'_> {
    fn new_query(&self) -> FullQuery {
        FullQuery::default()
    }

    fn ask_row(&self, row: u32, query: &mut FullQuery) {
        query.ask_vector(self.row(row));
        query.height = self.lift.map_or(0.0, |lift| lift.heights[row as usize]);
        if self.metric == Metric::Cosine {
            query.same = 1e-6;
            let inverse = 1.0 / self.lengths[row as usize];
            query.vector.iter_mut().for_each(|component| *component *= inverse);
        }
    }
}
