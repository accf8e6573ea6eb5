//! What is wrong at the moment: how the network, the coordination store and the store of dumps behave.

use crate::world::Who;
use std::collections::BTreeSet;

/// The faults that are in force. Fair weather still has delays.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weather {
    /// Longest time that a message is under way.
    pub(crate) delay_ms_max: u64,
    /// Messages between routers and shards that are lost, of a thousand.
    pub(crate) lost: u64,
    /// Requests to shards that find nobody who listens, of a thousand.
    pub(crate) refused: u64,
    /// Messages to or from the coordination store that are lost, of a thousand.
    pub(crate) store_lost: u64,
    /// Requests that the coordination store refuses, of a thousand.
    pub(crate) store_refused: u64,
    /// Calls of the store of dumps that fail, of a thousand.
    pub(crate) dumps_fail: u64,
    /// Calls of a process's own disk that fail, of a thousand.
    pub(crate) disks_fail: u64,
    /// Pairs that do not reach each other.
    pub(crate) apart: BTreeSet<(Who, Who)>,
    /// Who does not reach the coordination store.
    pub(crate) cut_off: BTreeSet<Who>,
    /// Who makes no step.
    pub(crate) frozen: BTreeSet<Who>,
}

impl Weather {
    pub(crate) fn fair() -> Self {
        Self {
            delay_ms_max: 20,
            lost: 0,
            refused: 0,
            store_lost: 0,
            store_refused: 0,
            dumps_fail: 0,
            disks_fail: 0,
            apart: BTreeSet::new(),
            cut_off: BTreeSet::new(),
            frozen: BTreeSet::new(),
        }
    }

    pub(crate) fn are_apart(&self, one: Who, other: Who) -> bool {
        self.apart.contains(&(one, other)) || self.apart.contains(&(other, one))
    }

    /// Whether every message comes to its end, and quickly.
    pub(crate) fn is_calm(&self) -> bool {
        Self { dumps_fail: 0, disks_fail: 0, ..self.clone() } == Self::fair()
    }
}
