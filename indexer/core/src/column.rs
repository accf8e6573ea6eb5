//! Columns: which rows of a segment a filter matches, without looking at the rows.
//!
//! A segment is immutable, and so are its columns: they are built once, are bytes from then on, and are read where
//! they lie. [`Filter::matches`] is the truth; columns answer what it would. What they cannot tell they say, and the
//! caller asks the rows ([`Selection::settle`]): never a wrong answer, at worst a slow one.
//!
//! Reading trusts nothing. [`Columns::from_bytes`] checks the directory, which takes microseconds however many rows
//! there are; values and slots are checked as they are read, because checking all of them first would bring every
//! page of the file into memory. Damage found so late makes rows unsure instead of failing the search. That the bytes
//! are those that were written is for the segment's checksum to say.

mod dictionary;
mod key;
mod posting;
mod section;

mod builder;

mod condition;
mod lookup;

mod estimate;
mod select;
mod slots;

#[cfg(test)]
mod tests;

pub use builder::ColumnsBuilder;
pub use estimate::Estimate;
pub use section::InvalidColumns;
pub use select::Selection;
pub use slots::Slots;

use crate::Filter;
use section::Section;

/// Most paths of one segment that are indexed, the first to be seen. Metadata with more than this uses values as
/// names; each path costs a directory entry and a look at each opening.
pub const PATHS_MAX: usize = 1024;

/// Longest path that is indexed, in bytes: that of a filter, see
/// [`FIELD_PATH_BYTES_MAX`](crate::limits::FIELD_PATH_BYTES_MAX).
pub const PATH_BYTES_MAX: usize = 512;

/// Most memory of a builder, about. The section is at most as long, and so its offsets fit 32 bits: a million rows
/// with a dozen values each, several of them unique, stay below. Beyond it the largest columns are given up.
pub const BUILD_BYTES_MAX: usize = 1 << 30;

/// A view of a segment's columns. Copying it copies nothing of them.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(Section<'a>);

impl<'a> Columns<'a> {
    /// From what [`ColumnsBuilder::finish`] gave, or anything else.
    pub fn from_bytes(bytes: &'a [u8], rows: u32) -> Result<Self, InvalidColumns> {
        Section::parse(bytes, rows).map(Self)
    }

    /// Rows of the segment.
    pub fn rows(&self) -> u32 {
        self.0.rows
    }

    /// Which rows match, as far as columns can tell.
    pub fn select(&self, filter: &Filter) -> Selection {
        select::select(&self.0, filter)
    }

    /// How many rows match, between two bounds, without finding them: some binary searches for each test.
    pub fn estimate(&self, filter: &Filter) -> Estimate {
        condition::resolve(&self.0, filter).estimate(self.0.rows)
    }
}
