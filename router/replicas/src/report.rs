//! What a router tells of its replicas: to metrics, and to whoever asks how the cluster is.

use crate::standing::Why;
use annuli_core::{IndexUuid, ShardId};
use std::time::Duration;

/// A replica, as the calls of this process found it. Counts are from when it was first known.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaReport {
    /// What it is called.
    pub name: Box<str>,
    /// Whether it is asked.
    pub state: ReplicaState,
    /// Calls that are under way.
    pub in_flight: u32,
    /// How long its answers take lately, by what is typical of their shards: 1 is like the others, 2 twice as long.
    pub pace: f32,
    /// Calls, hedges among them.
    pub requests: u64,
    /// Calls that ended without an answer, those apart whose caller left.
    pub failures: u64,
    /// Calls that ended with an answer.
    pub answers: u64,
    /// What these took together.
    pub answer_time: Duration,
    /// Calls that were made because another replica was late.
    pub hedges: u64,
    /// Those of them whose answer was used.
    pub hedges_won: u64,
    /// How often it was not asked for a while, for all indexes or for one.
    pub ejections: u64,
}

/// Whether a replica is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaState {
    /// Like any other.
    Sound,
    /// Not for a while.
    Ejected {
        /// The reason.
        why: Why,
        /// Until it is tried; nothing is left when the next call will try it.
        left: Duration,
    },
    /// It was ejected, and a call is under way to see whether it answers again.
    OnTrial {
        /// Why it was ejected.
        why: Why,
    },
}

/// Reads of a shard that replicas might have answered. Counts are from when the shard was first known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardReport {
    /// Of which index.
    pub index: IndexUuid,
    /// Which.
    pub shard: ShardId,
    /// Those that asked for more than the replicas' generation has, and so were the primary's.
    pub fresher: u64,
    /// Those that the primary was asked because no replica was able, or none had answered for too long.
    pub stood_in: u64,
    /// Median time of the last answers to a search of the usual kind; `None` before there were enough.
    pub search_typical: Option<Duration>,
    /// The same for the 95th percentile: after it another replica is asked as well.
    pub search_slow: Option<Duration>,
}
