//! Rows on their way into a graph: their vectors, and their codes where these suffice.

use super::by_halves::{QUERIES, are_as_good};
use super::format::Precision;
use super::rows::Rows;
use super::suffice::{codes_suffice, sample, spread};
use crate::codes::{Quantiser, Ranges, halves};
use crate::graph::levels::Levels;
use crate::kernel::code::{CodeRows, LINE};
use crate::lines::Lines;
use crate::metric::Metric;
use crate::schema::Quantization;
use crate::space::{CodeQuery, CodeSpace, FullSpace, term};
use crate::vector::{Dim, length_of};
use std::borrow::Cow;
use std::io;

/// Codes of all rows, in the order of the levels.
pub(super) struct Coded {
    metric: Metric,
    pub(super) quantiser: Quantiser,
    codes: Lines,
    terms: Vec<f32>,
}

/// Rows of whole codes that are shorter are never walked by halves: a walk would save a line or two of each, which is
/// little beside what else a row costs.
const HALVES_STRIDE_MIN: usize = 4 * LINE;

impl Coded {
    /// `None` where codes do not suffice.
    pub(super) fn new(vectors: &Vectors<'_, impl Rows>, levels: &Levels) -> io::Result<Option<Self>> {
        let (dim, metric) = (vectors.dim.get(), vectors.metric);
        let mut quantiser = vectors.quantiser();
        let codes = vectors.codes(&mut quantiser, &levels.order)?;
        let rows = codes.bytes().chunks_exact(Quantiser::stride(dim));
        let terms = rows.map(|row| term(metric, &quantiser, &row[..dim])).collect();
        let coded = Self { metric, quantiser, codes, terms };
        if coded.quantiser.is_lossless() {
            return Ok(Some(coded));
        }
        let places = sample(levels.order.len());
        let (full, lengths) = vectors.full(places.clone().map(|place| levels.order[place] as usize));
        let places: Vec<_> = places.map(|place| u32::try_from(place).expect("rows are numbered in 32 bits")).collect();
        let terms = coded.search_terms();
        let suffice = codes_suffice(&coded.searched_by(&terms), &FullSpace::new(metric, dim, &full, &lengths), &places);
        drop(terms);
        Ok(suffice.then_some(coded))
    }

    /// By what a graph over these codes is walked.
    pub(super) fn precision(
        &self,
        vectors: &Vectors<'_, impl Rows>,
        levels: &Levels,
        quantization: Quantization,
    ) -> Precision {
        let by_halves = match quantization {
            Quantization::None | Quantization::Int8 => self.are_as_good_by_halves(vectors, levels),
            Quantization::Int4 => true,
        };
        if by_halves { Precision::Halves } else { Precision::Codes8 }
    }

    fn are_as_good_by_halves(&self, vectors: &Vectors<'_, impl Rows>, levels: &Levels) -> bool {
        let dim = vectors.dim.get();
        if Quantiser::stride(dim) < HALVES_STRIDE_MIN {
            return false;
        }
        let terms = self.search_terms();
        let space = self.searched_by(&terms);
        let mut vector = Vec::new();
        let queries = spread(levels.order.len(), QUERIES).map(|place| {
            vectors.read(levels.order[place] as usize, &mut vector);
            let mut query = CodeQuery::new(2 * halves::stride(dim));
            space.coder.ask(&vector, &mut query);
            query
        });
        are_as_good(&space, &queries.collect::<Vec<_>>())
    }

    /// Under the inner product terms serve the build alone.
    fn search_terms(&self) -> Cow<'_, [f32]> {
        match self.metric {
            Metric::Cosine | Metric::Euclidean => Cow::Borrowed(&self.terms),
            Metric::InnerProduct => Cow::Owned(vec![0.0; self.terms.len()]),
        }
    }

    fn searched_by<'a>(&'a self, terms: &'a [f32]) -> CodeSpace<'a> {
        CodeSpace::new(self.metric, &self.quantiser, CodeRows::new(self.codes.bytes(), self.stride(), terms))
    }

    fn stride(&self) -> usize {
        Quantiser::stride(self.quantiser.centres().len())
    }

    pub(super) fn rows(&self) -> CodeRows<'_> {
        CodeRows::new(self.codes.bytes(), self.stride(), &self.terms)
    }

    /// What the graph is built by.
    pub(super) fn space(&self) -> CodeSpace<'_> {
        CodeSpace::new(self.metric, &self.quantiser, self.rows())
    }
}

/// The vectors of rows as the graph wants them.
pub(super) struct Vectors<'a, R> {
    pub(super) rows: &'a R,
    pub(super) metric: Metric,
    pub(super) dim: Dim,
}

impl<R: Rows> Vectors<'_, R> {
    /// Reads a vector, and brings it to length 1 under cosine.
    fn read(&self, row: usize, vector: &mut Vec<f32>) {
        self.rows.read_vector(row, vector);
        if self.metric == Metric::Cosine {
            let inverse = 1.0 / length_of(vector);
            vector.iter_mut().for_each(|component| *component *= inverse);
        }
    }

    fn quantiser(&self) -> Quantiser {
        let mut ranges = Ranges::new(self.dim.get());
        let mut vector = Vec::new();
        for row in 0..self.rows.len() {
            self.read(row, &mut vector);
            ranges.include(&vector);
        }
        ranges.quantiser()
    }

    fn codes(&self, quantiser: &mut Quantiser, order: &[u32]) -> io::Result<Lines> {
        let stride = Quantiser::stride(self.dim.get());
        let mut codes = Lines::zeroed(stride * order.len())?;
        let mut vector = Vec::new();
        for (codes, &row) in codes.bytes_mut().chunks_exact_mut(stride).zip(order) {
            self.read(row as usize, &mut vector);
            quantiser.encode_row(&vector, codes);
        }
        Ok(codes)
    }

    /// The vectors of some rows as they are, and under cosine their lengths.
    pub(super) fn full(&self, rows: impl Iterator<Item = usize>) -> (Vec<f32>, Vec<f32>) {
        let mut full = Vec::with_capacity(rows.size_hint().0 * self.dim.get());
        let mut lengths = Vec::new();
        let mut vector = Vec::new();
        for row in rows {
            self.rows.read_vector(row, &mut vector);
            if self.metric == Metric::Cosine {
                lengths.push(length_of(&vector));
            }
            full.extend_from_slice(&vector);
        }
        (full, lengths)
    }
}
