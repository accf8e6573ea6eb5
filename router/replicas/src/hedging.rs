//! What may be spent on hedges: on calls that are made a second time, of another replica, because the first is late.

use crate::limits::{CALLS_PER_HEDGE, HEDGES_SAVED_MAX};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The hedges that a router may make, for all its shards together: each call earns a part of one, and little can be saved
/// up. So of any number of calls at most a twentieth is doubled, and a few that were earned shortly before.
#[derive(Debug, Default)]
pub(crate) struct Hedging {
    /// Calls that no hedge was made for.
    earned: AtomicU32,
}

impl Hedging {
    /// A call is made.
    pub(crate) fn earn(&self) {
        let saved = |earned| (earned < HEDGES_SAVED_MAX * CALLS_PER_HEDGE).then_some(earned + 1);
        // Nothing to do when there is enough.
        let _ = self.earned.fetch_update(Relaxed, Relaxed, saved);
    }

    /// Takes a hedge, if there is one; who does not make it loses it.
    pub(crate) fn take(&self) -> bool {
        let spent = |earned: u32| earned.checked_sub(CALLS_PER_HEDGE);
        self.earned.fetch_update(Relaxed, Relaxed, spent).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_twentieth_call_earns_a_hedge() {
        let hedging = Hedging::default();
        (1..CALLS_PER_HEDGE).for_each(|_| hedging.earn());
        assert!(!hedging.take());
        hedging.earn();
        assert!(hedging.take());
        assert!(!hedging.take());
    }

    #[test]
    fn few_hedges_are_saved_up() {
        let hedging = Hedging::default();
        (0..1_000_000).for_each(|_| hedging.earn());
        assert_eq!((0..1_000).filter(|_| hedging.take()).count(), HEDGES_SAVED_MAX as usize);
    }

    proptest! {
        #[test]
        fn of_any_calls_in_a_row_few_are_doubled(
            wanted in prop::collection::vec(any::<bool>(), 0..2_000),
            from in 0_usize..2_000,
        ) {
            let hedging = Hedging::default();
            let taken: Vec<bool> = wanted
                .into_iter()
                .map(|wanted| {
                    hedging.earn();
                    wanted && hedging.take()
                })
                .collect();
            let stretch = &taken[from.min(taken.len())..];
            let hedges = stretch.iter().filter(|taken| **taken).count();
            prop_assert!(hedges <= stretch.len() / CALLS_PER_HEDGE as usize + HEDGES_SAVED_MAX as usize);
            prop_assert!(taken.iter().filter(|taken| **taken).count() <= taken.len() / CALLS_PER_HEDGE as usize);
        }
    }
}
