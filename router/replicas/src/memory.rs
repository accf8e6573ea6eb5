//! What is known of a shard's replicas together, for longer than a set of them lasts.

use crate::report::ShardReport;
use crate::tempo::Tempo;
use annuli_core::{IndexUuid, ShardId};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How long answers of a shard take, and how often its primary was asked instead of a replica.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Of searches of the usual kind.
    pub(crate) searches: Tempo,
    /// Of reads of one document.
    pub(crate) gets: Tempo,
    fresher: AtomicU64,
    stood_in: AtomicU64,
}

impl Memory {
    /// A read asked for more than the replicas have.
    pub(crate) fn note_fresher(&self) {
        self.fresher.fetch_add(1, Relaxed);
    }

    /// No replica was able.
    pub(crate) fn note_stood_in(&self) {
        self.stood_in.fetch_add(1, Relaxed);
    }

    pub(crate) fn report(&self, index: IndexUuid, shard: ShardId) -> ShardReport {
        ShardReport {
            index,
            shard,
            fresher: self.fresher.load(Relaxed),
            stood_in: self.stood_in.load(Relaxed),
            search_typical: self.searches.typical(),
            search_slow: self.searches.typical().map(|_| self.searches.slow()),
        }
    }
}
