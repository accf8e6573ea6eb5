//! What an operator may tune, and the bounds that nobody needs to.

use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::time::Duration;

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
    /// New documents that become a segment; [`SEAL_POINTS`] but in tests, which want to see many segments soon.
    pub seal_points: NonZeroUsize,
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

/// New documents that become a segment. Until then searches scan them or walk the head, whose inserts cost ten times
/// what they cost in a segment; as many of 784 dimensions are scanned within a millisecond, and built within half a
/// second.
pub const SEAL_POINTS: NonZeroUsize = NonZeroUsize::new(8_192).expect("not zero");

/// Rows beside segments that are left to a scan when writes pause: at 784 dimensions a scan of as many takes some
/// microseconds, less than the walk of one more segment.
pub const TAIL_REST_MAX: usize = 64;

/// How long new rows go without a seal before they enter the head: an import that goes on gets to a seal much sooner,
/// and its rows would enter two graphs.
pub const HEAD_AFTER: Duration = Duration::from_secs(2);

/// How long no write has come when writes count as paused. A batch of a client that sends one after the other comes
/// much sooner.
pub const CALM_AFTER: Duration = Duration::from_millis(500);

/// Changes that an opening goes through, in seals: about a hundred thousand, which takes less than a second.
pub const SEALS_PER_REPLAY_MAX: u64 = 12;

/// Bytes of vectors in one segment. Its build holds their codes, a quarter of that, and their links in memory; and a
/// merge writes all of it again.
pub const SEGMENT_VECTOR_BYTES_MAX: usize = 4 << 30;

/// Documents in one segment, where vectors are small: a build of more takes more than some ten minutes on two cores.
pub const SEGMENT_POINTS_MAX: usize = 4 << 20;

/// While writes come, a segment is merged with smaller ones when these together have as many documents: each document
/// is then written again once for each doubling of the shard.
pub const MERGE_SHARE_BUSY: usize = 1;

/// Segments that are worth a merge while writes come: a merge takes the cores from seals and searches.
pub const MERGED_AT_ONCE_MIN: usize = 4;

/// The share when writes pause: a segment is merged with smaller ones when these have an eighth of its documents. A
/// search walks every segment, and a finished import shall end in one or few.
pub const MERGE_SHARE_CALM: usize = 8;

/// After a build failed, by a full disk most likely, the next is tried this much later.
pub const BUILD_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Deaths that a finished build may still have to take over on the writer's thread: some milliseconds of work. More
/// are taken over before.
pub const DEATHS_AT_SWAP_MAX: usize = 1_000;

/// Points that are scanned exactly rather than walked to: at 784 dimensions a scan of as many takes a quarter of a
/// millisecond, as long as a walk of an hnsw_rs graph, and misses nothing.
pub const SCAN_POINTS_MAX: usize = 2_000;

/// Vector components that a short search compares in all shards: a walk with the default beam in two shards of 784
/// dimensions, about half a millisecond. Below it a search runs where its request was read.
pub const SHORT_SEARCH_COMPONENTS_MAX: usize = 3 * 1_024 * 1_024;

/// New documents that may wait for their segment. Until it holds them they are scanned by every search, which takes
/// 12 ms for as many of 784 dimensions; then writes are refused until the builder has caught up.
pub const PENDING_POINTS_MAX: usize = 100_000;

/// Points that enter the head between two looks at what else there is to do: about 0.2 s of work.
pub const BUILD_STEP_POINTS: usize = 512;

/// Dead documents of a segment below which it is not worth writing it again.
pub const DEAD_POINTS_MIN: usize = 1_000;

/// Share of dead documents, in percent, at which a segment is written again without them. They cost memory, and every
/// walk passes through them.
pub const DEAD_PERCENT_MAX: usize = 30;

/// Changes kept in the log. They serve those who follow a shard; who falls farther behind takes a dump.
pub const LOG_CHANGES_KEPT: u64 = 1_000_000;

/// Documents of a generation that have changed since its dump, at most, when it follows its primary; those that were deleted
/// count. The others are scanned by every search, as those of a primary that wait for their segment, of which there are as
/// many at most.
pub const FOLLOWED_DOCUMENTS_MAX: usize = PENDING_POINTS_MAX;

/// Bytes that all generations of a process together keep of such documents, about. An index has half of it at most.
pub const FOLLOWED_BYTES_MAX: usize = 1 << 30;

/// Bytes of one answer about changes, about: it is held in memory on both sides, and a large one holds up whoever waits for
/// the next.
pub const CHANGES_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Changes of the log that one such answer is made of, at most: of those of a document that changes all the time, and of
/// documents that are not asked for, nothing is told.
pub const CHANGES_SCANNED_MAX: usize = 100_000;

/// Changes that are trimmed at once: a range tombstone for every write would slow down reads.
pub const LOG_TRIM_STEP: u64 = 100_000;

/// Memory for documents that are in no file of their store yet, of all shards together that are filled at once. A store sorts
/// what it holds into one file: the more that is, the less is sorted again.
pub const LOAD_BUFFER_BYTES: usize = 256 << 20;

/// What each of them has of it at least: with less, its files were thousands.
pub const LOAD_BUFFER_BYTES_MIN: usize = 2 << 20;

/// Documents that are loaded into a store at once, or fewer large ones: without a log a write of few costs little beside them,
/// and those of 256 shards wait in memory together.
pub const LOAD_STEP: usize = 64;

/// Documents that one step of a delete by filter removes, so that other writes get their turn.
pub const DELETE_STEP: usize = 1_000;

/// Queries of one request that are worth a job of their own on the pool.
pub const QUERIES_PER_JOB_MIN: usize = 8;

/// Jobs that one request makes of a shard at most: more than there are cores on most machines, and few enough that
/// the largest request over dozens of shards fits into the pool's queue.
pub const JOBS_PER_SEARCH_MAX: usize = 16;

/// Rows between two looks at the deadline while scanning: some ten microseconds of work.
pub const ROWS_PER_LOOK: usize = 1_024;

/// The least share of the nearest documents of its canaries that approximate searches of a generation must find for it to
/// serve; what chance takes from few canaries aside. Well below what healthy graphs find, so that a refusal means that
/// something is broken.
pub const RECALL_FLOOR: f64 = 0.90;

/// Bytes that are read ahead before a generation serves: a second's work of a slow disk, some of it again.
pub const WARM_BYTES_MAX: usize = 1 << 30;

/// How long a generation that is retired waits for the requests that hold it; longer than any should take.
pub const RETIRE_WAIT_MAX: Duration = Duration::from_secs(30);

/// Between two looks whether they have let go.
pub const RETIRE_LOOK_INTERVAL: Duration = Duration::from_millis(10);
