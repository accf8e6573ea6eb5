//! A segment: an immutable piece of a shard, in one file that is mapped into memory.
//!
//! It holds documents (id, seq, point, vector, and a payload that this crate does not read), the graph over their
//! vectors, and the columns that answer filters. A document's place in it is its *slot*. What a search reads all over
//! the place, codes (or their upper halves) and links, is copied into huge pages when the file is opened; the rest stays
//! mapped.
//! Modules in reading order.

mod format;
mod rows;

mod mapped;
mod open;

mod by_halves;
mod coded;
mod section_writer;
mod suffice;
mod write;

mod exact;
mod search;
mod touch;

pub use crate::graph::GRAPH_ROWS_MAX;
pub use crate::graph::build::{BuildOptions, Cancelled};
pub use format::Precision;
pub use open::OpenSegmentError;
pub use rows::Rows;
pub use search::{Allowed, Breadth, Found, Scratch};
pub use write::{SegmentOptions, WriteSegmentError, write_segment};

use crate::codes::{Quantiser, halves};
use crate::column::Columns;
use crate::id::{Point, Seq};
use crate::kernel::code::{CodeRows, HalfRows};
use crate::limits::DIM_MAX;
use crate::lines::Lines;
use crate::metric::{Metric, PreparedQuery};
use crate::space::{CodeSpace, FullSpace, QueryCoder};
use crate::vector::Dim;
use format::{Section, Shape};
use mapped::Mapped;
use std::fmt;

/// An open segment. Everything in it has been checked: no number in it leads outside.
pub struct Segment {
    shape: Shape,
    file: Mapped,
    quantiser: Quantiser,
    /// Whole, or their upper halves.
    codes: Lines,
    terms: Vec<f32>,
    upper_terms: Vec<f32>,
    links: Lines,
    upper_links: Vec<u32>,
    level_counts: Vec<u32>,
}

impl Segment {
    /// Documents in it, dead ones included.
    pub fn len(&self) -> usize {
        self.shape.rows as usize
    }

    /// Returns whether it holds no document.
    pub fn is_empty(&self) -> bool {
        self.shape.rows == 0
    }

    /// The dimension of its vectors.
    pub fn dim(&self) -> Dim {
        self.shape.dim
    }

    /// How its vectors are compared.
    pub fn metric(&self) -> Metric {
        self.shape.metric
    }

    /// How its graph is walked.
    pub fn precision(&self) -> Precision {
        self.shape.precision
    }

    /// A number that tells its content from any other: the checksum of the header, which holds all other checksums.
    pub fn checksum(&self) -> u64 {
        let bytes = &self.file.bytes()[format::HEADER_BYTES - 8..format::HEADER_BYTES];
        u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
    }

    /// The id of the document in `slot`.
    ///
    /// # Panics
    /// When there is no such slot, as all that take one.
    pub fn id(&self, slot: u32) -> &str {
        let ends: &[u64] = self.file.numbers(Section::IdEnds);
        let bytes = &self.file.section(Section::Ids)[piece(ends, slot)];
        std::str::from_utf8(bytes).expect("checked when the segment was opened")
    }

    /// The point of the document in `slot`.
    pub fn point(&self, slot: u32) -> Point {
        Point(self.file.numbers::<u64>(Section::Points)[slot as usize])
    }

    /// The write of the document in `slot`.
    pub fn seq(&self, slot: u32) -> Seq {
        Seq(self.file.numbers::<u64>(Section::Seqs)[slot as usize])
    }

    /// What was stored with the document in `slot`.
    pub fn payload(&self, slot: u32) -> &[u8] {
        &self.file.section(Section::Payloads)[piece(self.file.numbers(Section::PayloadEnds), slot)]
    }

    /// What answers filters.
    pub fn columns(&self) -> Columns<'_> {
        Columns::from_bytes(self.file.section(Section::Columns), self.shape.rows)
            .expect("checked when the segment was opened")
    }

    /// The slot of `point`.
    pub fn slot_of(&self, point: Point) -> Option<u32> {
        let slots: &[u32] = self.file.numbers(Section::SlotsByPoint);
        let place = slots.binary_search_by_key(&point, |&slot| self.point(slot)).ok()?;
        Some(slots[place])
    }

    /// Every slot, in the order of their points.
    pub fn slots_by_point(&self) -> &[u32] {
        self.file.numbers(Section::SlotsByPoint)
    }

    /// Puts the vector in `slot` into `vector`, exactly as it was sent.
    pub fn read_vector(&self, slot: u32, vector: &mut Vec<f32>) {
        if self.shape.stores_vectors() {
            vector.clear();
            vector.extend_from_slice(self.stored_vector(slot));
        } else if self.shape.precision == Precision::Halves {
            let rows = self.half_rows();
            let mut codes = [0; DIM_MAX];
            let codes = &mut codes[..self.shape.dim.get()];
            halves::join(rows.upper.row(slot), rows.lower.row(slot), codes);
            self.quantiser.decode(codes, vector);
        } else {
            self.quantiser.decode(&self.code_rows().row(slot)[..self.shape.dim.get()], vector);
        }
    }

    /// The distance of a query to the vector in `slot`, exact but for f32 rounding. `buffer` is for its use.
    pub fn distance(&self, query: &PreparedQuery, slot: u32, buffer: &mut Vec<f32>) -> f32 {
        let length = self.file.numbers::<f32>(Section::Lengths).get(slot as usize).copied().unwrap_or_default();
        if self.shape.stores_vectors() {
            return query.distance_to(self.stored_vector(slot), length);
        }
        self.read_vector(slot, buffer);
        query.distance_to(buffer, length)
    }

    fn stored_vector(&self, slot: u32) -> &[f32] {
        let dim = self.shape.dim.get();
        &self.file.numbers(Section::Vectors)[slot as usize * dim..][..dim]
    }

    fn query_coder(&self) -> QueryCoder<'_> {
        QueryCoder { metric: self.shape.metric, quantiser: &self.quantiser }
    }

    fn code_rows(&self) -> CodeRows<'_> {
        CodeRows::new(self.codes.bytes(), self.shape.code_stride(), &self.terms)
    }

    fn code_space(&self) -> CodeSpace<'_> {
        CodeSpace::new(self.shape.metric, &self.quantiser, self.code_rows())
    }

    /// The lower halves stay mapped: they are read of few rows.
    fn half_rows(&self) -> HalfRows<'_> {
        let stride = self.shape.code_stride();
        HalfRows {
            upper: CodeRows::new(self.codes.bytes(), stride, &self.upper_terms),
            lower: CodeRows::new(self.file.section(Section::LowerHalves), stride, &self.terms),
        }
    }

    fn full_space(&self) -> FullSpace<'_> {
        FullSpace::new(
            self.shape.metric,
            self.shape.dim.get(),
            self.file.numbers(Section::Vectors),
            self.file.numbers(Section::Lengths),
        )
    }
}

/// Where the piece of `slot` lies, between the end of the one before and its own.
fn piece(ends: &[u64], slot: u32) -> std::ops::Range<usize> {
    let start = if slot == 0 { 0 } else { ends[slot as usize - 1] };
    let place = |end: u64| usize::try_from(end).expect("inside a mapped file");
    place(start)..place(ends[slot as usize])
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Segment({:?})", self.shape)
    }
}
