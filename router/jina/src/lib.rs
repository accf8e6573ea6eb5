//! The wire protocol of Jina 3 over HTTP, so that an unmodified `jina.Client(protocol='http')` works.
//!
//! An adapter: `routes` lists the calls, `request` and `document` read them, `endpoint` does what they ask with
//! the router's own operations, and `shape` and `reply` write what each generation of clients reads. An index is
//! chosen by `parameters.index`; without it, it is `default`, which the first `/index` creates.

mod document;
mod endpoint;
mod filter;
mod kept;
mod parameters;
mod reply;
mod request;
mod routes;
mod shape;
mod target;

mod care;
mod search;
mod write;

pub use target::{DEFAULT_INDEX, Founding};

use annuli_core::Metric;
use annuli_router::http::dialect::Dialect;

/// The dialect. An index that it creates compares by `metric`.
pub fn dialect(metric: Metric) -> Dialect {
    Dialect { routes: routes::table(Founding { metric }), say: reply::say, key_header: None }
}
