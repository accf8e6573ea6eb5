//! What `ShardApi` promises, as facts that every implementor is held to; and [`ModelShard`], the plainest of them;
//! with [`ModelCatalogue`] there are indexes of it.
//!
//! For tests alone. A test binary says how a shard of a schema is made, and gets a test for each fact:
//!
//! ```text
//! annuli_contract::hold!(|schema| async move { Subject::of(ModelShard::new(schema)) });
//! ```
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_precision_loss, reason = "a panic is a failed test")]

mod catalogue;
mod given;
mod hold;
mod model;
mod subject;

pub mod facts;

pub use catalogue::ModelCatalogue;
pub use model::{Contents, ModelShard, Stored, history};
pub use subject::Subject;
