//! The graph of a segment: HNSW (Malkov and Yashunin, arXiv 1603.09320), built at once and then never changed.
//!
//! Rows are numbered so that the rows of level l are the first of all: level 1 is rows 0 to n₁, level 2 is rows 0 to
//! n₂ < n₁, and so on. A row has one number at every level, row 0 is where every walk starts, and the rows that every
//! walk passes lie side by side. Modules in the order in which a graph comes to be.

pub(crate) mod levels;

pub(crate) mod pool;
pub(crate) mod visited;

pub(crate) mod walk;

pub(crate) mod growing;
pub(crate) mod select;

pub(crate) mod build;
pub(crate) mod order;
pub(crate) mod repair;

pub(crate) mod frozen;

/// Stands where a row of links has no more of them. Rows are numbered below it.
pub(crate) const NO_LINK: u32 = u32::MAX;

/// Most rows of one graph: numbers share 32 bits with a mark.
pub const GRAPH_ROWS_MAX: usize = i32::MAX as usize;
