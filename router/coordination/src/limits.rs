//! Every bound of the coordination store, each with its reason. All of them hold for every implementor, so that what one
//! store takes the other takes as well.

use std::time::Duration;

/// Longest key or prefix, in bytes. Keys are names of indexes, nodes and tasks with a path before them.
pub const KEY_BYTES_MAX: usize = 512;

/// Largest value, in bytes. etcd refuses requests of more than 1.5 MiB unless it is told otherwise.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// Most conditions and writes of one transaction together. A write with a lease implies a condition, so one of this many
/// needs at most the 128 that etcd takes of each.
pub const TXN_OPERATIONS_MAX: usize = 64;

/// Most bytes of all keys and values of one transaction. With framing it stays below the 1.5 MiB of etcd.
pub const TXN_BYTES_MAX: usize = 1280 * 1024;

/// Most bytes of all keys and values of an embedded store. Every process holds all of it in memory, and a compaction
/// writes all of it.
pub const STORE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Shortest time that a lease lives without being kept. Below it, a busy machine alone would end leases.
pub const LEASE_TTL_MIN: Duration = Duration::from_secs(1);

/// Longest time that a lease lives without being kept: as long, what a lost process held stays held.
pub const LEASE_TTL_MAX: Duration = Duration::from_secs(3600);

/// Revisions that a watch of an embedded store may lag behind before it has to list again. A cluster that starts makes
/// some hundred within a second.
pub const HISTORY_REVISIONS_MAX: usize = 4096;

/// Bytes of those revisions. They are held in memory beside the state.
pub const HISTORY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Revisions that wait for the reader of a watch. A slower reader finds the rest in the history.
pub const WATCH_QUEUE_MAX: usize = 64;

/// Requests that wait for the thread of an embedded store. Each is some milliseconds, so a full queue is less than a
/// second; past that, refusing is kinder than waiting.
pub const REQUESTS_QUEUE_MAX: usize = 256;

/// Largest request for etcd or answer from it, in bytes: a page of a listing is a hundred of the largest values.
#[cfg(feature = "etcd")]
pub const ETCD_MESSAGE_BYTES_MAX: usize = 128 * 1024 * 1024;
