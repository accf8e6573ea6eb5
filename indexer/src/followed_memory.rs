//! The memory that a process has for what its generations follow: counted by what is held, wherever it is held.
//!
//! A row has its share for as long as it is there, be it of a view that a search still looks at, of several generations, or
//! dead. An index takes at most as much as it leaves free: one that changes a lot has half of it, and never all.

use annuli_core::IndexUuid;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The memory of a process.
#[derive(Debug)]
pub struct FollowedMemory {
    bytes_max: usize,
    all: Arc<AtomicUsize>,
    indexes: Mutex<BTreeMap<IndexUuid, Arc<IndexMemory>>>,
}

/// What an index has of it.
#[derive(Debug)]
pub struct IndexMemory {
    bytes_max: usize,
    all: Arc<AtomicUsize>,
    own: AtomicUsize,
    /// What the generations of an index follow is told to all of them at once: none begins in between.
    turn: Mutex<()>,
}

/// A part of it; given back when this is dropped.
#[derive(Debug)]
pub struct Share {
    bytes: usize,
    of: Arc<IndexMemory>,
}

impl FollowedMemory {
    /// As much, in bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, all: Arc::default(), indexes: Mutex::default() }
    }

    /// About how much is taken, in bytes.
    pub fn bytes(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// How much may be taken, in bytes.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// More than this no index has, whatever the others leave, in bytes.
    pub fn index_bytes_max(&self) -> usize {
        self.bytes_max / 2
    }

    /// What an index has of it: the same for everyone who asks, as long as somebody has it.
    pub fn of(&self, index: IndexUuid) -> Arc<IndexMemory> {
        // Each value is put in whole.
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        indexes.retain(|known, memory| *known == index || Arc::strong_count(memory) > 1);
        let begun = || {
            let (all, own) = (Arc::clone(&self.all), AtomicUsize::new(0));
            Arc::new(IndexMemory { bytes_max: self.bytes_max, all, own, turn: Mutex::default() })
        };
        Arc::clone(indexes.entry(index).or_insert_with(begun))
    }
}

impl IndexMemory {
    /// Takes so many bytes, whether they are there or not: see [`Self::is_short`].
    pub fn take(self: &Arc<Self>, bytes: usize) -> Share {
        self.own.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_add(bytes, Ordering::Relaxed);
        Share { bytes, of: Arc::clone(self) }
    }

    /// Whether it has taken more than it leaves free.
    pub fn is_short(&self) -> bool {
        let (own, all) = (self.own.load(Ordering::Relaxed), self.all.load(Ordering::Relaxed));
        own > self.bytes_max.saturating_sub(all)
    }

    /// About how much it has taken, in bytes.
    pub fn bytes(&self) -> usize {
        self.own.load(Ordering::Relaxed)
    }

    /// Waits for its turn to change what the generations of the index have followed.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        // It guards no data that a panic could leave half changed.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.own.fetch_sub(self.bytes, Ordering::Relaxed);
        self.of.all.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn index(number: u128) -> IndexUuid {
        IndexUuid(Uuid::from_u128(number))
    }

    /// The first took all, and every other index stood still with its next write.
    #[test]
    fn an_index_takes_no_more_than_it_leaves_to_the_others() {
        let memory = FollowedMemory::new(100);
        let [heavy, other] = [1, 2].map(|number| memory.of(index(number)));
        let half = heavy.take(50);
        assert!(!heavy.is_short());
        let more = heavy.take(1);
        assert!(heavy.is_short());
        let small = other.take(24);
        assert!(!other.is_short(), "it is not the one that takes too much");
        drop(more);
        assert_eq!((heavy.is_short(), memory.bytes()), (true, 74), "now it leaves less");
        drop((half, small));
        assert_eq!((heavy.is_short(), heavy.bytes(), memory.bytes()), (false, 0, 0));
    }

    #[test]
    fn whoever_asks_for_an_index_has_the_same_as_long_as_it_is_of_use() {
        let memory = FollowedMemory::new(100);
        let share = memory.of(index(1)).take(7);
        drop(memory.of(index(2)));
        assert_eq!(memory.of(index(1)).bytes(), 7);
        drop(share);
        memory.of(index(3));
        assert_eq!(memory.indexes.lock().unwrap().len(), 1);
    }
}
