//! Chance: everything that is random in a life comes from its seed, in the order in which it is asked for.

use crate::world::locked;
use fastrand::Rng;
use std::sync::Mutex;

/// The dice of a life.
pub(crate) struct Dice(Mutex<Rng>);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(Mutex::new(Rng::with_seed(seed)))
    }

    /// A number from 0 to `below`, that one excluded.
    pub(crate) fn below(&self, below: u64) -> u64 {
        locked(&self.0).u64(0..below)
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        locked(&self.0).u64(least..=most.max(least))
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(crate) fn permille(&self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// One of these; `None` of none.
    pub(crate) fn one_of<'a, T>(&self, these: &'a [T]) -> Option<&'a T> {
        (!these.is_empty()).then(|| &these[locked(&self.0).usize(0..these.len())])
    }

    /// An identity that nothing else has.
    pub(crate) fn identity(&self) -> u128 {
        locked(&self.0).u128(..)
    }
}
