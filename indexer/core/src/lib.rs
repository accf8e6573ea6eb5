//! Everything of Annuli that can be proved without a disk, a socket or a clock: names, limits, vectors, distances,
//! filters, the order of hits, and which shard owns a document.
//!
//! This crate never knows tokio, axum, RocksDB or serde. Types are valid by construction: who holds a [`Vector`] or a
//! [`DocId`] need not check it again. Modules in reading order.

pub mod limits;

pub mod id;
pub mod vector;

pub mod kernel;
pub mod metric;

pub mod metadata;
pub mod value;

pub mod filter;

pub mod column;

mod codes;
mod graph;
mod lines;
mod space;

pub mod segment;

pub mod plan;

pub mod hit;
pub mod placement;
pub mod schema;

pub use filter::Filter;
pub use hit::{Hit, TopK};
pub use id::{DocId, Generation, HistoryId, IndexName, IndexUuid, Point, Seq, ShardCount, ShardId};
pub use metadata::Metadata;
pub use metric::Metric;
pub use schema::{HnswParams, IndexSchema, Quantization};
pub use value::{Number, Value};
pub use vector::{Dim, Vector};
