//! Bounds of the protocol, each with its reason. They hold in both directions: a peer may be hostile, or of another
//! release.

use annuli_core::limits::{FILTER_DEPTH_MAX, FILTER_TERMS_MAX};

/// Largest message that any setting allows. The largest body that an operator may let clients send is 1 GiB, and
/// bincode's own limit has to be known when it is compiled.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Most items of one list in a message: as many as an operator may let one request have documents or hits (a million),
/// so that what small items take in memory has a bound too.
pub const ITEMS_MAX: usize = 1024 * 1024;

/// Most hits of a query, width of a search beam, documents of a page: as for all lists. It keeps sums of them far from
/// overflowing.
pub const SOUGHT_MAX: usize = ITEMS_MAX;

/// Deepest nesting of a filter as shards evaluate it. A level of a filter in JSON is at most two of these: a combination
/// of its fields and what a field's value or an operator says.
pub const FILTER_LEVELS_MAX: usize = 2 * FILTER_DEPTH_MAX + 1;

/// Most combinations and tests of a filter, values of `$in` apart: a term in JSON is at most three of these.
pub const FILTER_NODES_MAX: usize = 3 * FILTER_TERMS_MAX;
