//! What an operator may tune, and the bounds that nobody needs to.

use serde::{Deserialize, Serialize};

/// When a write counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// On the disk: it survives the loss of power.
    Fsync,
    /// With the operating system: it survives the end of the process, not the loss of power.
    Os,
}

/// Settings of every shard of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardSettings {
    /// When a write counts as durable.
    pub durability: Durability,
}

/// Batches that wait for a shard's writer. Each is at most one request's body; a writer that is this far behind needs
/// rest, not more.
pub const WRITE_QUEUE_MAX: usize = 256;

/// Writes that are committed as one group: enough that an fsync costs a write next to nothing, few enough that the
/// first of them does not wait for long.
pub const GROUP_WRITES_MAX: usize = 10_000;

/// Searches that wait for the pool. One holds its query and its answer, some hundred KiB: past this, refusing is
/// kinder than swapping.
pub const SEARCH_QUEUE_MAX: usize = 1_024;

/// Points that are scanned exactly rather than walked to: at 784 dimensions a scan of as many takes a quarter of a
/// millisecond, as long as a walk of an hnsw_rs graph, and misses nothing.
pub const SCAN_POINTS_MAX: usize = 2_000;

/// Vector components that a short search compares in all shards: a walk with the default beam in two shards of 784
/// dimensions, about half a millisecond. Below it a search runs where its request was read.
pub const SHORT_SEARCH_COMPONENTS_MAX: usize = 3 * 1_024 * 1_024;

/// Points that may wait for the graph. Until it holds them they are scanned by every search, which takes 12 ms for as
/// many of 784 dimensions; then writes are refused until the builder has caught up.
pub const PENDING_POINTS_MAX: usize = 100_000;

/// Points that enter the graph between two looks at what else there is to do: about 0.2 s of work.
pub const BUILD_STEP_POINTS: usize = 512;

/// Dead points below which a rebuild is not worth starting.
pub const DEAD_POINTS_MIN: usize = 1_000;

/// Share of dead points, in percent, at which the table and the graph are rebuilt without them. They cost memory, and
/// every walk passes through them.
pub const DEAD_PERCENT_MAX: usize = 30;

/// Changes kept in the log. They serve those who follow a shard; who falls farther behind takes a dump.
pub const LOG_CHANGES_KEPT: u64 = 1_000_000;

/// Changes that are trimmed at once: a range tombstone for every write would slow down reads.
pub const LOG_TRIM_STEP: u64 = 100_000;

/// Documents that one step of a delete by filter removes, so that other writes get their turn.
pub const DELETE_STEP: usize = 1_000;

/// Queries of one request that are worth a job of their own on the pool.
pub const QUERIES_PER_JOB_MIN: usize = 8;

/// Jobs that one request makes of a shard at most: more than there are cores on most machines, and few enough that
/// the largest request over dozens of shards fits into the pool's queue.
pub const JOBS_PER_SEARCH_MAX: usize = 16;

/// Rows between two looks at the deadline while scanning: some ten microseconds of work.
pub const ROWS_PER_LOOK: usize = 1_024;
