//! Rows as 8-bit codes.
//!
//! With b the code of a row and a that of a query, both counted from the middle code, the squared distance is
//! Σa² + Σb² − 2Σab in squared steps. Rows store b + 128 and queries a, since that is what processors multiply; then
//! Σab is the product less 128·Σa. What depends on the row alone is kept as its *term*: Σb², or under the inner
//! product what its place among the centres contributes. Everything else is the query's.

use super::Space;
use crate::codes::Quantiser;
use crate::kernel::code::{self, CodeKernels, CodeRows};
use crate::kernel::quantise;
use crate::metric::Metric;

/// Codes of rows, and what they mean.
#[derive(Clone, Copy)]
pub(crate) struct CodeSpace<'a> {
    pub(crate) metric: Metric,
    pub(crate) quantiser: &'a Quantiser,
    pub(crate) rows: CodeRows<'a>,
    /// One for each row: see [`term`].
    pub(crate) terms: &'a [f32],
    /// Under the inner product, while a graph is built.
    pub(crate) lift: Option<&'a Lift>,
    pub(crate) kernels: &'static CodeKernels,
}

/// A query in codes: rank = constant + term + factor · product − height · height of the row.
pub(crate) struct CodeQuery {
    codes: Vec<i8>,
    constant: f64,
    factor: f64,
    height: f64,
}

/// The extra component of each row, in steps.
pub(crate) struct Lift {
    heights: Vec<f32>,
    /// What makes the rank of a row with itself zero.
    constant: f64,
}

impl Lift {
    /// The lift of these rows.
    pub(crate) fn new(quantiser: &Quantiser, rows: CodeRows<'_>, terms: &[f32]) -> Self {
        let inverse = 1.0 / f64::from(quantiser.step());
        let of_centres: f64 = quantiser.centres().iter().map(|&centre| (f64::from(centre) * inverse).powi(2)).sum();
        let dim = quantiser.centres().len();
        let squared_length = |(row, &term): (u32, &f32)| {
            let squares: i32 = rows.row(row)[..dim].iter().map(|&code| (i32::from(code) - 128).pow(2)).sum();
            of_centres - 2.0 * f64::from(term) + f64::from(squares)
        };
        let squares: Vec<_> = (0..).zip(terms).map(squared_length).collect();
        let longest = squares.iter().copied().fold(0.0, f64::max);
        #[allow(clippy::cast_possible_truncation, reason = "a length in steps")]
        let heights = squares.iter().map(|square| (longest - square).max(0.0).sqrt() as f32).collect();
        Self { heights, constant: longest - of_centres }
    }

    /// Below this a difference of two numbers of this size is noise.
    fn noise(&self) -> f64 {
        self.constant.abs() * 1e-6
    }
}

/// Rows that are ranked at a time, on the stack.
const AT_A_TIME: usize = 64;

impl<'a> CodeSpace<'a> {
    pub(crate) fn new(metric: Metric, quantiser: &'a Quantiser, rows: CodeRows<'a>, terms: &'a [f32]) -> Self {
        Self { metric, quantiser, rows, terms, lift: None, kernels: code::best() }
    }

    /// Makes `query` ask for what is near `vector`, normalised under cosine.
    pub(crate) fn ask_vector(&self, vector: &[f32], query: &mut CodeQuery) {
        let kernels = quantise::best();
        let centres = self.quantiser.centres();
        // A query beyond the range of the rows takes longer steps rather than being cut off. Just within the range
        // steps are those of the rows, so that a query on their grid stays exact.
        let farthest = kernels.largest(vector, centres) / self.quantiser.step();
        let scale = if farthest <= 128.0 { 1.0 } else { farthest / 127.0 };
        let steps = &mut query.codes[..vector.len()];
        kernels.steps(vector, centres, 1.0 / (self.quantiser.step() * scale), steps);
        let (sum, squares) = kernels.sums(steps);
        self.finish(query, f64::from(scale), sum, squares);
    }

    fn finish(&self, query: &mut CodeQuery, scale: f64, sum: i32, squares: i32) {
        let (sum, squares) = (f64::from(sum), f64::from(squares));
        query.height = 0.0;
        (query.constant, query.factor) = match self.metric {
            Metric::Cosine | Metric::Euclidean => (scale * (scale * squares + 256.0 * sum), -2.0 * scale),
            // Less what is the same for all rows, so that ranks keep their digits.
            Metric::InnerProduct => (scale * 128.0 * sum, -scale),
        };
    }
}

/// What a row contributes to every rank, from its codes.
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

    fn new_query(&self) -> CodeQuery {
        CodeQuery { codes: vec![0; self.rows.stride()], constant: 0.0, factor: 0.0, height: 0.0 }
    }

    fn ask_row(&self, row: u32, query: &mut CodeQuery) {
        let dim = self.quantiser.centres().len();
        let ours = &mut query.codes[..dim];
        ours.copy_from_slice(bytemuck::cast_slice(&self.rows.row(row)[..dim]));
        ours.iter_mut().for_each(|step| *step ^= i8::MIN);
        let (sum, squares) = quantise::best().sums(ours);
        self.finish(query, 1.0, sum, squares);
        if let Some(lift) = self.lift {
            query.constant += f64::from(self.terms[row as usize]) + lift.constant;
            query.height = f64::from(lift.heights[row as usize]);
        }
    }

    fn ranks(&self, query: &CodeQuery, rows: &[u32], ranks: &mut [f32]) {
        for (rows, ranks) in rows.chunks(AT_A_TIME).zip(ranks.chunks_mut(AT_A_TIME)) {
            let mut products = [0; AT_A_TIME];
            let products = &mut products[..rows.len()];
            self.kernels.products(self.rows, &query.codes, rows, products);
            for ((rank, &row), &product) in ranks.iter_mut().zip(rows).zip(&*products) {
                let term = f64::from(self.terms[row as usize]);
                let mut exact = query.factor * f64::from(product) + (query.constant + term);
                if let Some(lift) = self.lift {
                    exact -= query.height * f64::from(lift.heights[row as usize]);
                    exact = if exact < lift.noise() { 0.0 } else { exact };
                }
                #[allow(clippy::cast_possible_truncation, reason = "rounded to the digits of an f32")]
                let rounded = exact as f32;
                *rank = rounded;
            }
        }
    }
}
