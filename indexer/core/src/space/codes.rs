//! Rows as 8-bit codes.
//!
//! With b the code of a row and a that of a query, both counted from the middle code, the squared distance is
//! Σa² + Σb² − 2Σab in squared steps. Rows store b + 128 and queries a, since that is what processors multiply; then
//! Σab is the product less 128·Σa. What depends on the row alone is kept as its *term*: Σb², or under the inner
//! product what its place among the centres contributes. Everything else is the query's.

use super::Space;
use crate::codes::Quantiser;
use crate::kernel::code::{self, CodeKernels, CodeRows, Formula};
use crate::kernel::quantise;
use crate::metric::Metric;

/// Codes of rows, and what they mean.
#[derive(Clone, Copy)]
pub(crate) struct CodeSpace<'a> {
    pub(crate) metric: Metric,
    pub(crate) quantiser: &'a Quantiser,
    /// With the [`term`] of each row.
    pub(crate) rows: CodeRows<'a>,
    /// While a graph is built, and rows are compared with each other.
    pub(crate) between: Option<&'a BetweenRows>,
    pub(crate) kernels: &'static CodeKernels,
}

/// A query in codes: rank = constant + term + factor · product − height · height of the row.
pub(crate) struct CodeQuery {
    codes: Vec<i8>,
    constant: f64,
    factor: f64,
    height: f32,
    /// The length of a step, in those of the rows.
    scale: f64,
    /// Ranks up to this are what rounding left of nothing: the row is the one that is asked for, or equals it.
    same: f32,
    ranking: Ranking,
}

impl CodeQuery {
    /// What the ranks of rows tell.
    pub(crate) fn ranking(&self) -> Ranking {
        self.ranking
    }
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
        Self { metric, quantiser, rows, between: None, kernels: code::best() }
    }

    /// Makes `query` ask for what is near `vector`, normalised under cosine. Under the inner product the rows' terms
    /// must be zero: the query itself takes codes, not its place among the centres.
    pub(crate) fn ask_vector(&self, vector: &[f32], query: &mut CodeQuery) {
        let kernels = quantise::best();
        let nothing;
        let centres = if self.metric == Metric::InnerProduct {
            nothing = vec![0.0; vector.len()];
            &nothing
        } else {
            self.quantiser.centres()
        };
        let step = f64::from(self.quantiser.step());
        let farthest = f64::from(kernels.largest(vector, centres)) / step;
        query.scale = scale(farthest);
        let steps = &mut query.codes[..vector.len()];
        #[allow(clippy::cast_possible_truncation, reason = "at least as long as the smallest normal f32")]
        let inverse = (1.0 / (step * query.scale)) as f32;
        kernels.steps(vector, centres, inverse, steps);
        let exact = self.is_of_whole_numbers() && kernels.are_whole(vector, centres, inverse, steps);
        query.ranking = if exact { Ranking::Squares } else { Ranking::Order };
        let (sum, squares) = kernels.sums(steps);
        self.finish(query, query.scale.min(SCALE_MAX), f64::from(sum), f64::from(squares));
        query.same = 0.0;
    }

    /// How far a query that was asked is from what it asks for. Not under the inner product.
    pub(crate) fn error(&self, vector: &[f32], query: &CodeQuery) -> f32 {
        let step = f64::from(self.quantiser.step());
        let offset = |((&component, &centre), &code): ((&f32, &f32), &i8)| {
            (f64::from(component) - f64::from(centre)) / step - f64::from(code) * query.scale
        };
        let centres = self.quantiser.centres();
        let squares: f64 = vector.iter().zip(centres).zip(&query.codes).map(offset).map(|steps| steps * steps).sum();
        #[allow(clippy::cast_possible_truncation, reason = "a share of the largest component")]
        let error = (squares.sqrt() * step) as f32;
        error.next_up()
    }

    /// Returns whether codes, terms and so ranks are exact, given a query that is.
    fn is_of_whole_numbers(&self) -> bool {
        let dim = self.quantiser.centres().len();
        self.metric == Metric::Euclidean && self.quantiser.is_lossless() && dim <= EXACT_TERMS_DIM_MAX
    }

    fn finish(&self, query: &mut CodeQuery, scale: f64, sum: f64, squares: f64) {
        query.height = 0.0;
        (query.constant, query.factor) = match self.metric {
            Metric::Cosine | Metric::Euclidean => (scale * (scale * squares + 256.0 * sum), -2.0 * scale),
            // Less what is the same for all rows, so that ranks keep their digits.
            Metric::InnerProduct => (scale * 128.0 * sum, -scale),
        };
    }
}

/// How long a query's steps are, in those of the rows, when its farthest component is so many of these from its
/// centre. A query beyond the range of the rows takes longer steps rather than being cut off; one within it finer ones,
/// by a whole divisor, so that a query on the rows' grid stays exact.
fn scale(farthest: f64) -> f64 {
    if farthest > 128.0 {
        farthest / 127.0
    } else if farthest > 127.0 {
        1.0
    } else {
        1.0 / (127.0 / farthest.max(127.0 / DIVISOR_MAX)).floor()
    }
}

/// Finest steps of a query: beyond it the rows' own steps are all that matters.
const DIVISOR_MAX: f64 = 1e9;

/// Longest steps of a query, in those of the rows. Squared and times all that 4,096 components add up to it is within
/// an f32; rows of so narrow a range are equally far from so far a query in every digit that an f32 has.
const SCALE_MAX: f64 = 1e15;

/// Most components of which a sum of squared codes is exact as an f32. Beyond it is off by two at most.
const EXACT_TERMS_DIM_MAX: usize = 1_024;

/// What the ranks of rows tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ranking {
    /// Which row is nearer, about.
    Order,
    /// The squares of distances, but for what rounding adds to a whole number.
    Squares,
}

impl Ranking {
    /// The distance of a row, where its rank tells it to the bit as it would be measured: of whole numbers an f32 holds
    /// every sum up to 2²⁴, in whatever order it is taken.
    pub(crate) fn distance(self, rank: f32) -> Option<f32> {
        const EXACT_MAX: f32 = 16_777_216.0;
        (self == Self::Squares && rank <= EXACT_MAX).then(|| rank.round_ties_even().abs().sqrt())
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

    fn new_query(&self) -> CodeQuery {
        CodeQuery {
            codes: vec![0; self.rows.stride()],
            constant: 0.0,
            factor: 0.0,
            height: 0.0,
            scale: 1.0,
            same: 0.0,
            ranking: Ranking::Order,
        }
    }

    fn ask_row(&self, row: u32, query: &mut CodeQuery) {
        let between = self.between.expect("rows are asked for while a graph is built");
        let dim = self.quantiser.centres().len();
        let steps = &mut query.codes[..dim];
        steps.copy_from_slice(bytemuck::cast_slice(&self.rows.row(row)[..dim]));
        steps.iter_mut().for_each(|step| *step ^= i8::MIN);
        // Of rows the term is Σa², except under the inner product, which has no use for it.
        let squares = f64::from(self.rows.term(row));
        self.finish(query, 1.0, f64::from(between.sums[row as usize]), squares);
        query.scale = 1.0;
        query.same = if dim > EXACT_TERMS_DIM_MAX { 4.0 } else { 0.0 };
        if let Some(lift) = &between.lift {
            query.constant += f64::from(self.rows.term(row)) + lift.constant;
            query.height = lift.heights[row as usize];
        }
    }

    fn prefetch(&self, rows: &[u32]) {
        let ahead = code::rows_ahead(self.rows.stride());
        rows.iter().take(ahead).for_each(|&row| self.kernels.prefetch(self.rows.row(row)));
    }

    fn ranks(&self, query: &CodeQuery, rows: &[u32], ranks: &mut [f32]) {
        let formula = Formula { codes: &query.codes, constant: query.constant, factor: query.factor };
        self.kernels.ranks(self.rows, formula, rows, ranks);
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
