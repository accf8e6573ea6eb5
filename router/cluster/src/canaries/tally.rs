//! What one router has compared for one rollout, and how much of it it does at once.

use crate::record::Comparison;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Searches that are compared at once by one router: each is one more for a replica. Of a share that would be more, some
/// are left out.
const AT_ONCE: usize = 4;

/// Counts what was compared.
#[derive(Debug)]
pub(crate) struct Tally {
    so_far: Mutex<Comparison>,
    places: Arc<Semaphore>,
}

/// What came of one search in both generations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    /// Hits in the official one.
    pub(super) hits: usize,
    /// How long it took there.
    pub(super) official: Duration,
    /// Hits that the other has too, and how long it took; `None`: it failed.
    pub(super) candidate: Option<(usize, Duration)>,
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
        let (common, took) = candidate.unwrap_or_default();
        let one = Comparison {
            searches: 1,
            failed: u64::from(candidate.is_none()),
            hits: u64::try_from(hits).unwrap_or(u64::MAX),
            common: u64::try_from(common).unwrap_or(u64::MAX),
            official_micros: micros(official),
            candidate_micros: micros(took),
        };
        // It is read and written at once: a panic leaves nothing half done.
        let mut so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        *so_far = *so_far + one;
    }

    /// All of it.
    pub(super) fn so_far(&self) -> Comparison {
        *self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compared_adds_up() {
        let tally = Tally::default();
        let official = Duration::from_micros(100);
        tally.count(Compared { hits: 10, official, candidate: Some((9, Duration::from_micros(150))) });
        tally.count(Compared { hits: 10, official, candidate: None });
        let want =
            Comparison { searches: 2, failed: 1, hits: 20, common: 9, official_micros: 200, candidate_micros: 150 };
        assert_eq!(tally.so_far(), want);
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
