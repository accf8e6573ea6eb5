//! How a replica answers for one generation of one index. A process whose files of that are damaged is sound for all else.

use crate::conduct::Conduct;
use crate::standing::{Admission, Trial};
use annuli_api::Position;
use annuli_core::IndexUuid;
use tokio::time::Instant;

/// What a router knows of a generation on a replica, from every call that it has made for it.
#[derive(Debug)]
pub(crate) struct Served {
    replica: Box<str>,
    index: IndexUuid,
    /// Where the generation stands: another one has another past.
    pub(crate) holds: Position,
    conduct: Conduct,
}

impl Served {
    /// Of which nothing is known.
    pub(crate) fn new(replica: &str, index: IndexUuid, holds: Position, now: Instant) -> Self {
        Self { replica: replica.into(), index, holds, conduct: Conduct::new(now) }
    }

    pub(crate) fn admission(&self, now: Instant) -> Admission {
        self.conduct.admission(now)
    }

    /// Returns whether the caller is to try it: it is due, and nobody else does.
    pub(crate) fn begin_trial(&self, now: Instant) -> bool {
        self.conduct.begin_trial(now)
    }

    /// A call answered.
    pub(crate) fn answered(&self) {
        self.conduct.answered();
    }

    /// A call failed. Returns whether it is not asked for a while, by that.
    pub(crate) fn failed(&self, now: Instant) -> bool {
        let Some(until) = self.conduct.failed(now).ejected_until() else { return false };
        let seconds = until.0.saturating_sub(self.conduct.moment(now).0) / 1_000;
        let Self { replica, index, .. } = self;
        tracing::warn!(%replica, %index, seconds, "a replica is not asked for an index for a while: it failed several times in a row");
        true
    }

    /// The call ended by which it was tried.
    pub(crate) fn end_trial(&self, trial: Trial, now: Instant) {
        if self.conduct.end_trial(trial, now).returned() {
            tracing::info!(replica = %self.replica, index = %self.index, "a replica is asked for an index again");
        }
    }
}
