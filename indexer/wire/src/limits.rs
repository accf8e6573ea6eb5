//! Bounds of the protocol, each with its reason. They hold in both directions: a peer may be hostile, or of another
//! release.

use annuli_core::limits::{BODY_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_TERMS_MAX};

/// Largest message that any setting allows. The largest body that an operator may let clients send is 1 GiB, and
/// bincode's own limit has to be known when it is compiled.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Largest request to a shard, unless the settings say otherwise. A number in JSON has at least two bytes, an f32 four:
/// the largest body that clients may send doubles, and names and lengths are beside it.
pub const REQUEST_BYTES_MAX: usize = 3 * BODY_BYTES_MAX;

/// Largest answer of a shard, unless the settings say otherwise: the hits that one reply may have, with some kilobytes of
/// metadata each.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Largest failure: a message and some details.
pub const FAILURE_BYTES_MAX: usize = 1024 * 1024;

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

/// Most calls that a server works on at once: each may hold a request and an answer. A router has no more requests at
/// once, unless it is told otherwise.
pub const CONCURRENT_CALLS_MAX: usize = 512;

/// Most connections to a server at once: as many as its calls, and as many again that are idle or just opened. Past it new
/// ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 2 * CONCURRENT_CALLS_MAX;

/// Most connections to one peer. A connection carries one call at a time; calls beyond wait for one of them, which for
/// a small search is a fraction of a millisecond.
pub const CONNECTIONS_PER_PEER_MAX: usize = 128;

/// Shortest secret of a cluster, in bytes: 16 random letters cannot be guessed.
pub const SECRET_BYTES_MIN: usize = 16;

/// Longest secret of a cluster, in bytes: it is a header of every call.
pub const SECRET_BYTES_MAX: usize = 512;
