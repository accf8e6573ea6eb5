//! What one router has compared of one shard for one rollout, and how much of it it does at once.

use crate::record::{Comparison, ShardComparison};
use annuli_api::Failure;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Searches of a shard that are compared at once by one router: each is one more for a replica. Of a share that would be
/// more, some are left out; and of each shard as many, so that none is left out for the others.
const AT_ONCE: usize = 4;

/// Of the text of a failure so many characters are kept: it is written down and reported with a verdict.
const FAILURE_CHARS_MAX: usize = 300;

/// Counts what was compared.
#[derive(Debug)]
pub(crate) struct Tally {
    so_far: Mutex<ShardComparison>,
    places: Arc<Semaphore>,
}

/// What came of one search in both generations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Compared {
    /// Hits in the official one.
    pub(super) hits: usize,
    /// How long it took there.
    pub(super) official: Duration,
    /// Hits that the other has too, and how long it took; or how it failed.
    pub(super) candidate: Result<(usize, Duration), Failure>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { so_far: Mutex::default(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Tally {
    /// A place to compare one more; `None` if as many are under way as may be.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Counts one that was compared.
    pub(super) fn count(&self, compared: Compared) {
        let Compared { hits, official, candidate } = compared;
        let last_failure =
            candidate.as_ref().err().map(|failure| failure.message.chars().take(FAILURE_CHARS_MAX).collect());
        let failed = u64::from(candidate.is_err());
        let (common, took) = candidate.unwrap_or_default();
        let sums = Comparison {
            searches: 1,
            failed,
            hits: u64::try_from(hits).unwrap_or(u64::MAX),
            common: u64::try_from(common).unwrap_or(u64::MAX),
            official_micros: micros(official),
            candidate_micros: micros(took),
        };
        // It is read and written at once: a panic leaves nothing half done.
        let mut so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        // The latest failure is the one that is kept.
        *so_far = ShardComparison { sums, last_failure } + std::mem::take(&mut *so_far);
    }

    /// All of it.
    pub(super) fn so_far(&self) -> ShardComparison {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_api::ErrorCode;

    #[test]
    fn what_was_compared_adds_up() {
        let tally = Tally::default();
        let official = Duration::from_micros(100);
        tally.count(Compared { hits: 10, official, candidate: Ok((9, Duration::from_micros(150))) });
        for why in ["a file is damaged", "x".repeat(FAILURE_CHARS_MAX + 1).as_str()] {
            let candidate = Err(Failure::new(ErrorCode::StorageFailed, why));
            tally.count(Compared { hits: 10, official, candidate });
        }
        let sums =
            Comparison { searches: 3, failed: 2, hits: 30, common: 9, official_micros: 300, candidate_micros: 150 };
        let last_failure = Some("x".repeat(FAILURE_CHARS_MAX));
        assert_eq!(tally.so_far(), ShardComparison { sums, last_failure });
    }

    #[test]
    fn so_many_are_compared_at_once_and_no_more() {
        let tally = Tally::default();
        let places: Vec<_> = (0..AT_ONCE).map(|_| tally.place().expect("there is a place")).collect();
        assert!(tally.place().is_none());
        drop(places);
        assert!(tally.place().is_some());
    }
}
