//! The contract between processes: what clients and Annuli's own processes may ask of each other.
//!
//! [`ShardApi`] is the one seam of the system: the router holds it and never learns where a shard lives. [`v1`] holds
//! the JSON of the public API. A field of a wire type is added as optional or not at all; nothing is renamed; a new
//! version is a new module beside `v1`.
//!
//! This crate never knows tokio, axum or RocksDB: it has types and traits, no server and no client.

pub mod body;
pub mod catalogue;
pub mod chronicle;
pub mod error;
pub mod operations;
pub mod shard_api;
pub mod token;
pub mod v1;

pub use body::{Format, ReadBounds};
pub use catalogue::{Catalogue, Created, DumpProgress, Index};
pub use chronicle::Chronicle;
pub use error::{Effect, ErrorCode, Failure};
pub use operations::Operations;
pub use shard_api::{Position, ShardApi};
pub use token::AsOf;
