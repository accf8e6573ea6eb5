//! One shard of an index on one machine, and the folders that hold many: a workspace, or a node of a cluster.
//!
//! **A write** enters [`shard::Shard`], waits in a bounded queue, and is taken with others by the shard's one
//! [`writer`] thread. That commits the group to RocksDB as one batch ([`store`]), adds and kills points in the
//! [`table`], publishes a new [`view`], and only then acknowledges.
//!
//! **A search** takes the current view, an atomic load, and works on the bounded [`cpu_pool`]. It never waits for the
//! writer. A view is a list of segments, each with its dead ([`part`]), and the [`tail`]: the table of what no segment
//! holds yet, and the [`head`] graph that covers the first of it. What no graph covers is scanned exactly.
//!
//! **Segments** are made and merged by the [`builder`] thread, behind both, as `plan` decides. RocksDB is the truth:
//! on open the segments are mapped, the changes behind the last checkpoint are gone through, and where a segment
//! cannot be used, its documents are read and built again.

pub mod clock;
pub mod deadline;
pub mod settings;
pub mod stop;

pub mod store;

mod bits;
pub mod followed_memory;
pub mod head;
pub mod overlay;
pub mod table;
pub mod tail;

mod gathered;
pub mod part;
pub mod segment_file;
pub mod view;

pub mod build_pool;
mod builds;
mod plan;
mod workshop;

pub mod builder;
pub mod writer;

pub mod cpu_pool;
pub mod meters;
pub mod shard;

mod fetch;
pub mod snapshot;
pub mod workspace;

pub mod node;
pub mod replica;

pub use build_pool::BuildPool;
pub use cpu_pool::CpuPool;
pub use meters::Meters;
pub use node::Node;
pub use replica::Replica;
pub use settings::{Durability, ShardSettings};
pub use shard::Shard;
pub use stop::Effort;
pub use workspace::Workspace;
