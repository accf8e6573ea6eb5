//! One shard of an index on one machine, and the workspace that holds many.
//!
//! **A write** enters [`shard::Shard`], waits in a bounded queue, and is taken with others by the shard's one
//! [`writer`] thread. That commits the group to RocksDB as one batch ([`store`]), adds and kills points in the
//! [`table`], publishes a new [`view`], and only then acknowledges.
//!
//! **A search** takes the current view, an atomic load, and works on the bounded [`cpu_pool`]. It never waits for the
//! writer. A view is a table of points, the [`head`] graph that covers the first of them, and nothing else: what the
//! graph does not cover yet is scanned exactly.
//!
//! **The graph** grows and is rebuilt by the [`builder`] thread, behind both. RocksDB is the truth: on open the table
//! is read from its rows, and the graph is built again.

pub mod clock;
pub mod deadline;
pub mod settings;

pub mod store;

pub mod head;
pub mod table;
pub mod view;

pub mod builder;
pub mod writer;

pub mod cpu_pool;
pub mod shard;

pub mod snapshot;
pub mod workspace;

pub use cpu_pool::CpuPool;
pub use settings::{Durability, ShardSettings};
pub use shard::Shard;
pub use workspace::Workspace;
