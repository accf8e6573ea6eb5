//! Qdrant's REST API, as much of it as Annuli has, so that an unmodified `qdrant-client` works.
//!
//! An adapter: `routes` lists the calls; each is read, done with the router's own operations, and answered in the
//! envelope that clients expect. A collection is an index of one unnamed vector; what we do not have is refused with
//! 400 and its name, never left out. Hints about where and how something is stored change no answer: they are taken.

mod asked;
mod envelope;
mod routes;
mod unsupported;

mod collection_name;
mod filter;
mod payload_selector;
mod point_id;
mod vector;

mod aliases;
mod collection_info;
mod collections;
mod named;
mod payload;
mod payload_indexes;
mod points;
mod query;
mod reads;
mod reply_size;
mod schema;
mod snapshots;
mod writes;

use annuli_router::http::dialect::Dialect;
use axum::http::HeaderName;

/// The version of Qdrant whose API this is: clients compare it with their own.
pub const QDRANT_VERSION: &str = "1.20.0";

/// The dialect, for a port of its own.
pub fn dialect() -> Dialect {
    Dialect { routes: routes::table(), say: envelope::say, key_header: Some(HeaderName::from_static("api-key")) }
}
