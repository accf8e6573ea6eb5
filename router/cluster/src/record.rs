//! What stands in the coordination store: the catalogue, and who serves it.
//!
//! ```text
//! elections/coordinator/leader                who coordinates; the election's own, read for who wants to know
//! cluster                 how many shards every index has, and how many it is to have    ClusterRecord
//! index/<name>            what an index is, and its histories          IndexRecord
//! alias/<name>            a second name of an index                    AliasRecord
//! gone/<index-uuid>       an index that was deleted, and who is yet to remove it      Tombstone
//! node/<node-id>          a process and what it serves; under its lease               NodeRecord
//! term/<shard>[.<layout>] in which epoch the shard was served last                    TermRecord
//! dump/<dump-id>          a dump: being taken, taken, or yet to be removed            DumpRecord
//! task/<task-id>          what somebody has asked the coordinator for                 TaskRecord
//! compared/<task-id>/<router>   what a router has compared for a rollout              Comparisons
//! ```
//!
//! The catalogue is the only truth about which indexes there are. A node removes what has a tombstone and nothing
//! else, so that a store that was lost or mistaken takes no documents with it.

mod alias;
mod canary;
mod cluster;
mod coordinator;
mod dump;
mod generation;
mod index;
mod key;
mod layout;
mod moving;
mod node;
mod task;
mod term;
mod tombstone;

pub use alias::AliasRecord;
pub use canary::{Canary, CanaryStage, Comparison, Comparisons, ShardComparison, Standing};
pub use cluster::ClusterRecord;
pub use coordinator::CoordinatorRecord;
pub use dump::{DumpRecord, DumpState, DumpedShard, ShardDump};
pub use generation::{Generations, NumberedDump, Preparing, Way};
pub use index::{IndexRecord, IndexState, Origin};
pub use key::{Key, RouterId};
pub use layout::{Layout, LayoutId, Place};
pub use moving::{Former, LeftBehind, Moving};
pub use node::{Blame, NodeId, NodeRecord, Prepared, ReplicaId, ReplicaRecord, Role, Served};
pub use task::{Approval, AskedBy, Flipped, Rollout, TaskId, TaskRecord, Work};
pub use term::TermRecord;
pub use tombstone::Tombstone;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the records that this release writes; it reads every one up to this.
const FORMAT: u32 = 1;

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableRecord {
    /// It is not what any release wrote.
    #[error("the record `{key}` of the coordination store cannot be read: {reason}")]
    Json {
        /// Its key.
        key: String,
        /// Why.
        reason: serde_json::Error,
    },
    /// It holds what cannot be.
    #[error("the record `{key}` of the coordination store cannot be used: {reason}")]
    Content {
        /// Its key.
        key: String,
        /// Why.
        reason: String,
    },
    /// A later release wrote it.
    #[error(
        "the record `{key}` of the coordination store has format version {found}, this release reads up to {FORMAT}: \
         use a newer one"
    )]
    Newer {
        /// Its key.
        key: String,
        /// Its version.
        found: u32,
    },
}

#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format_version: u32,
    record: T,
}

/// Writes a record.
fn encode<T: Serialize>(record: T) -> Vec<u8> {
    serde_json::to_vec(&Versioned { format_version: FORMAT, record }).expect("records hold texts and numbers")
}

/// Reads a record.
fn decode<T: DeserializeOwned>(key: &Key, bytes: &[u8]) -> Result<T, UnreadableRecord> {
    let json = |reason| UnreadableRecord::Json { key: key.to_string(), reason };
    // First, so that what a later release added is not called a mistake.
    let Version { format_version } = serde_json::from_slice(bytes).map_err(json)?;
    if format_version > FORMAT {
        return Err(UnreadableRecord::Newer { key: key.to_string(), found: format_version });
    }
    let Versioned { record, .. } = serde_json::from_slice(bytes).map_err(json)?;
    Ok(record)
}

fn unusable(key: &Key, reason: impl std::fmt::Display) -> UnreadableRecord {
    UnreadableRecord::Content { key: key.to_string(), reason: reason.to_string() }
}
