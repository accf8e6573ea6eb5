//! Queries in codes.

use crate::codes::{Quantiser, UPPER_MIDDLE};
use crate::kernel::code::Formula;
use crate::kernel::quantise;
use crate::metric::Metric;

/// A query in codes: rank = constant + term + factor · product − height · height of the row.
pub(crate) struct CodeQuery {
    pub(super) codes: Vec<i8>,
    pub(super) constant: f64,
    /// The constant where only upper halves of rows are known.
    upper_constant: f64,
    factor: f64,
    pub(super) height: f32,
    /// The length of a step, in those of the rows.
    scale: f64,
    /// Ranks up to this are what rounding left of nothing: the row is the one that is asked for, or equals it.
    pub(super) same: f32,
    ranking: Ranking,
}

impl CodeQuery {
    /// A query to be filled, for rows of so many components, padding included.
    pub(crate) fn new(components: usize) -> Self {
        Self {
            codes: vec![0; components],
            constant: 0.0,
            upper_constant: 0.0,
            factor: 0.0,
            height: 0.0,
            scale: 1.0,
            same: 0.0,
            ranking: Ranking::Order,
        }
    }

    /// What ranks rows of so many components.
    pub(super) fn formula(&self, components: usize) -> Formula<'_> {
        Formula { codes: &self.codes[..components], constant: self.constant, factor: self.factor }
    }

    /// What ranks rows by their upper halves.
    pub(super) fn upper_formula(&self, components: usize) -> Formula<'_> {
        Formula { codes: &self.codes[..components], constant: self.upper_constant, factor: 16.0 * self.factor }
    }

    /// What the ranks of rows tell.
    pub(crate) fn ranking(&self) -> Ranking {
        self.ranking
    }
}

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

/// What turns vectors into queries.
#[derive(Clone, Copy)]
pub(crate) struct QueryCoder<'a> {
    pub(crate) metric: Metric,
    pub(crate) quantiser: &'a Quantiser,
}

impl QueryCoder<'_> {
    /// Makes `query` ask for what is near `vector`, normalised under cosine. Under the inner product the rows' terms
    /// must be zero: the query itself takes codes, not its place among the centres.
    pub(crate) fn ask(self, vector: &[f32], query: &mut CodeQuery) {
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
    pub(crate) fn error(self, vector: &[f32], query: &CodeQuery) -> f32 {
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
    fn is_of_whole_numbers(self) -> bool {
        let dim = self.quantiser.centres().len();
        self.metric == Metric::Euclidean && self.quantiser.is_lossless() && dim <= EXACT_TERMS_DIM_MAX
    }

    /// Puts in place what does not depend on rows, from Σa, Σa² and the length of a step.
    pub(super) fn finish(self, query: &mut CodeQuery, scale: f64, sum: f64, squares: f64) {
        query.height = 0.0;
        query.factor = match self.metric {
            Metric::Cosine | Metric::Euclidean => -2.0 * scale,
            Metric::InnerProduct => -scale,
        };
        let constant = |middle: f64| match self.metric {
            Metric::Cosine | Metric::Euclidean => scale * (scale * squares + 2.0 * middle * sum),
            // Less what is the same for all rows, so that ranks keep their digits.
            Metric::InnerProduct => scale * middle * sum,
        };
        (query.constant, query.upper_constant) = (constant(128.0), constant(UPPER_MIDDLE));
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
pub(super) const EXACT_TERMS_DIM_MAX: usize = 1_024;
