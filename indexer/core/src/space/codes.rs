//! Rows as 8-bit codes.
//!
//! With b the code of a row and a that of a query, both counted from the middle code, the squared distance is
//! Σa² + Σb² − 2Σab in squared steps. Rows store b + 128 and queries a, since that is what processors multiply; then
//! Σab is the product less 128·Σa. What depends on the row alone is kept as its *term*: Σb², or under the inner
//! product what its place among the centres contributes. Everything else is the query's.

use super::query::{CodeQuery, EXACT_TERMS_DIM_MAX, QueryCoder};
use super::{RowSpace, Space};
use crate::codes::Quantiser;
use crate::kernel::code::{self, CodeKernels, CodeRows};
use crate::metric::Metric;

/// Codes of rows, and what they mean.
#[derive(Clone, Copy)]
pub(crate) struct CodeSpace<'a> {
    pub(crate) coder: QueryCoder<'a>,
    /// With the [`term`] of each row.
    pub(crate) rows: CodeRows<'a>,
    /// While a graph is built, and rows are compared with each other.
    pub(crate) between: Option<&'a BetweenRows>,
    pub(crate) kernels: &'static CodeKernels,
}

/// What comparing rows with each other needs, prepared once.
pub(crate) struct BetweenRows {
    /// Σa of each row.
    sums: Vec<i32>,
    /// Under the inner product.
    lift: Option<Lift>,
}

impl BetweenRows {
    pub(crate) fn new(metric: Metric, quantiser: &Quantiser, rows: CodeRows<'_>) -> Self {
        let dim = quantiser.centres().len();
        let sum = |row| rows.row(row)[..dim].iter().map(|&code| i32::from(code) - 128).sum();
        Self {
            sums: (0..).take(rows.len()).map(sum).collect(),
            lift: (metric == Metric::InnerProduct).then(|| Lift::new(quantiser, rows)),
        }
    }
}

/// The extra component of each row, in steps.
struct Lift {
    heights: Vec<f32>,
    /// What makes the rank of a row with itself zero.
    constant: f64,
    /// Below this a difference of two ranks is what rounding left of nothing.
    noise: f32,
}

impl Lift {
    fn new(quantiser: &Quantiser, rows: CodeRows<'_>) -> Self {
        let inverse = 1.0 / f64::from(quantiser.step());
        let of_centres: f64 = quantiser.centres().iter().map(|&centre| (f64::from(centre) * inverse).powi(2)).sum();
        let dim = quantiser.centres().len();
        let squared_length = |row| {
            let squares: i32 = rows.row(row)[..dim].iter().map(|&code| (i32::from(code) - 128).pow(2)).sum();
            of_centres - 2.0 * f64::from(rows.term(row)) + f64::from(squares)
        };
        let squares: Vec<_> = (0..).take(rows.len()).map(squared_length).collect();
        let longest = squares.iter().copied().fold(0.0, f64::max);
        #[allow(clippy::cast_possible_truncation, reason = "a length in steps")]
        let heights = squares.iter().map(|square| (longest - square).max(0.0).sqrt() as f32).collect();
        #[allow(clippy::cast_possible_truncation, reason = "a share of a squared length in steps")]
        let noise = (longest * 1e-6) as f32;
        Self { heights, constant: longest - of_centres, noise }
    }

    /// The rank of a row, with the product of the extra components taken off.
    fn lower(&self, rank: f32, height: f32, row: u32) -> f32 {
        let lowered = rank - height * self.heights[row as usize];
        if lowered < self.noise { 0.0 } else { lowered }
    }
}

impl<'a> CodeSpace<'a> {
    pub(crate) fn new(metric: Metric, quantiser: &'a Quantiser, rows: CodeRows<'a>) -> Self {
        Self { coder: QueryCoder { metric, quantiser }, rows, between: None, kernels: code::best() }
    }
}

/// What a row contributes to every rank, from its codes. Under the inner product only while a graph is built.
pub(crate) fn term(metric: Metric, quantiser: &Quantiser, codes: &[u8]) -> f32 {
    let centred = || codes.iter().zip(quantiser.centres()).map(|(&code, &centre)| (i32::from(code) - 128, centre));
    #[allow(clippy::cast_possible_truncation, reason = "a sum of products far inside an f32")]
    #[allow(clippy::cast_precision_loss, reason = "exact up to 1,024 dimensions, and near beyond")]
    match metric {
        Metric::Cosine | Metric::Euclidean => centred().map(|(code, _)| code * code).sum::<i32>() as f32,
        Metric::InnerProduct => {
            let inverse = 1.0 / f64::from(quantiser.step());
            -centred().map(|(code, centre)| f64::from(code) * f64::from(centre) * inverse).sum::<f64>() as f32
        }
    }
}

impl Space for CodeSpace<'_> {
    type Query = CodeQuery;

    fn prefetch(&self, rows: &[u32]) {
        let ahead = code::rows_ahead(self.rows.stride());
        rows.iter().take(ahead).for_each(|&row| self.kernels.prefetch(self.rows.row(row)));
    }

    fn ranks(&self, query: &CodeQuery, rows: &[u32], ranks: &mut [f32]) {
        self.kernels.ranks(self.rows, query.formula(self.rows.stride()), rows, ranks);
        if query.same > 0.0 {
            ranks.iter_mut().filter(|rank| **rank <= query.same).for_each(|rank| *rank = 0.0);
        }
        if let Some(lift) = self.between.and_then(|between| between.lift.as_ref()) {
            for (rank, &row) in ranks.iter_mut().zip(rows) {
                *rank = lift.lower(*rank, query.height, row);
            }
        }
    }
}

impl RowSpace for CodeSpace<'_> {
    fn new_query(&self) -> CodeQuery {
        CodeQuery::new(self.rows.stride())
    }

    fn ask_row(&self, row: u32, query: &mut CodeQuery) {
        let between = self.between.expect("rows are asked for while a graph is built");
        let dim = self.coder.quantiser.centres().len();
        let steps = &mut query.codes[..dim];
        steps.copy_from_slice(bytemuck::cast_slice(&self.rows.row(row)[..dim]));
        steps.iter_mut().for_each(|step| *step ^= i8::MIN);
        // Of rows the term is Σa², except under the inner product, which has no use for it.
        let squares = f64::from(self.rows.term(row));
        self.coder.finish(query, 1.0, f64::from(between.sums[row as usize]), squares);
        query.same = if dim > EXACT_TERMS_DIM_MAX { 4.0 } else { 0.0 };
        if let Some(lift) = &between.lift {
            query.constant += f64::from(self.rows.term(row)) + lift.constant;
            query.height = lift.heights[row as usize];
        }
    }
}
