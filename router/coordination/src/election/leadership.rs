//! Being the leader, and the proof of it.

use super::seat::{ElectionName, Epoch, Leader};
use crate::lease::KeptLease;
use crate::store::{CommitError, CoordinationStore, StoreError};
use crate::txn::{Commit, Condition, Revision, Txn};
use crate::watch::WatchError;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Before a store that failed is asked again.
const RETRY: Duration = Duration::from_millis(200);

/// The seat, for as long as the lease is kept. Once this is dropped the seat becomes vacant after the lease's ttl;
/// [`Leadership::step_down`] vacates it at once.
pub struct Leadership {
    pub(super) store: Arc<dyn CoordinationStore>,
    pub(super) name: ElectionName,
    pub(super) leader: Leader,
    /// When the seat was taken: as long as it stands there at this revision, it is ours.
    pub(super) revision: Revision,
    pub(super) lease: KeptLease,
    /// When others are to have their turn.
    pub(super) term_ends: Option<Instant>,
}

/// Why a leadership is over, or should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The lease may have ended: another process may lead by now.
    LeaseLost,
    /// Somebody has taken the seat away: another process may lead by now.
    Deposed,
    /// The term is over: finish the step at hand and step down.
    TermOver,
}

/// A commit of somebody who leads no longer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` led `{name}` in epoch {} and does so no longer: nothing was written, and what it is doing has to stop",
    leader.candidate, leader.epoch
)]
pub struct NoLongerLeader {
    name: ElectionName,
    leader: Leader,
}

/// A commit of a leader that was not done, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum FencedCommitError {
    /// It leads no longer.
    #[error(transparent)]
    NoLongerLeader(#[from] NoLongerLeader),
    /// As for any commit.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Leadership {
    /// The fencing token: larger than that of every leader before.
    pub const fn epoch(&self) -> Epoch {
        self.leader.epoch
    }

    /// Whether it certainly is ours still, as far as this process knows. Good enough to stop early; what must not happen
    /// twice goes through [`Leadership::commit`].
    pub fn holds(&self) -> bool {
        self.lease.holds()
    }

    /// Commits a transaction only if the seat is still ours at that moment. Takes one of the transaction's operations.
    pub async fn commit(&self, txn: Txn) -> Result<Commit, FencedCommitError> {
        let fence = Condition::KeyAt { key: self.name.leader.clone(), revision: self.revision };
        match self.store.commit(txn.first_when(fence.clone())).await? {
            Commit::Conflict { which } if which == fence => {
                Err(NoLongerLeader { name: self.name.clone(), leader: self.leader.clone() }.into())
            }
            outcome @ (Commit::Committed { .. } | Commit::Conflict { .. }) => Ok(outcome),
        }
    }

    /// Waits until it is over, or should be.
    pub async fn ended(&self) -> Ended {
        tokio::select! {
            biased;
            () = self.lease.lost() => Ended::LeaseLost,
            () = self.deposed() => Ended::Deposed,
            () = self.term_over() => Ended::TermOver,
        }
    }

    /// Vacates the seat.
    pub async fn step_down(self) -> Result<(), StoreError> {
        self.lease.revoke().await
    }

    async fn term_over(&self) {
        match self.term_ends {
            Some(end) => sleep_until(end).await,
            None => pending().await,
        }
    }

    /// Waits until the seat stands there no longer as it was taken.
    async fn deposed(&self) {
        let seat = crate::Prefix::from(&self.name.leader);
        loop {
            match self.seat_changed(seat.clone()).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(election = %self.name, %error, "cannot watch the seat, trying again");
                    sleep(RETRY).await;
                }
            }
        }
    }

    async fn seat_changed(&self, seat: crate::Prefix) -> Result<(), WatchError> {
        loop {
            let listing = self.store.list(&seat).await?;
            let is_ours = |entry: &crate::Entry| entry.revision == self.revision;
            if !listing.entries.iter().any(|(key, entry)| *key == self.name.leader && is_ours(entry)) {
                return Ok(());
            }
            let mut watch = self.store.watch(seat.clone(), listing.revision).await?;
            watch.next().await?;
        }
    }
}
