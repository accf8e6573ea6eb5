//! What a graph compares its rows by.

mod codes;
mod full;
mod halves;
mod query;

pub(crate) use codes::{BetweenRows, CodeSpace, term};
pub(crate) use full::{FullLift, FullQuery, FullSpace};
pub(crate) use halves::{BothSpace, UpperSpace};
pub(crate) use query::{CodeQuery, QueryCoder, Ranking};

/// Rows by number, and queries that are compared with them. A smaller rank is nearer; what a rank measures beyond that
/// is the space's own affair, but ranks of one space can be compared with each other, whichever query they belong to.
pub(crate) trait Space: Sync {
    /// A query, made ready.
    type Query: Send;

    /// Asks for the first of `rows` to be brought near; [`Space::ranks`] asks for the others in time.
    fn prefetch(&self, rows: &[u32]);

    /// The rank of each of `rows`.
    fn ranks(&self, query: &Self::Query, rows: &[u32], ranks: &mut [f32]);
}

/// A space whose rows ask for each other, as they do while a graph is built.
pub(crate) trait RowSpace: Space {
    /// A query to be filled.
    fn new_query(&self) -> Self::Query;

    /// Makes `query` ask for what is near `row`.
    fn ask_row(&self, row: u32, query: &mut Self::Query);
}
