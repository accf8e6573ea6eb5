//! One leader at a time, and a number that says which.
//!
//! The seat is a key that is bound to its holder's lease, and beside it stands the last epoch, which is never deleted. To
//! take the seat is one transaction: the seat is vacant and the epoch as it was read, then the seat is ours and the epoch
//! one more. A leader that was stopped may believe in its seat for too long; its commits do not.

mod leadership;
mod seat;

pub use leadership::{Ended, FencedCommitError, Leadership, NoLongerLeader};
pub use seat::{ElectionName, Epoch, Leader, Standing, UnreadableRecord};

use crate::lease::{KeptLease, Ttl};
use crate::store::{CommitError, CoordinationStore, StoreError};
use crate::txn::{Commit, Condition, Revision, Txn};
use crate::watch::WatchError;
use seat::{Move, next_move};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What may be chosen about an election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long a seat stays taken whose holder is silent.
    pub ttl: Ttl,
    /// How long one leads before the others have their turn, so that taking over is exercised all the time; without end
    /// if there is none.
    pub term: Option<Duration>,
    /// How long who has led lets the others go first.
    pub rest: Duration,
}

/// A candidate in an election.
pub struct Election {
    store: Arc<dyn CoordinationStore>,
    name: ElectionName,
    candidate: String,
    terms: Terms,
    has_led: bool,
}

/// An election that cannot go on. Campaign again.
#[derive(Debug, thiserror::Error)]
pub enum ElectionError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What stands in the store makes no sense.
    #[error(transparent)]
    Unreadable(#[from] UnreadableRecord),
}

impl Election {
    /// A candidate of that name, which messages show.
    pub fn new(store: Arc<dyn CoordinationStore>, name: ElectionName, candidate: &str, terms: Terms) -> Self {
        // The name of a host and a number; a longer one would be of no more use.
        let candidate = candidate.chars().take(256).collect();
        Self { store, name, candidate, terms, has_led: false }
    }

    /// Waits until this candidate leads.
    ///
    /// Who has led before first lets the others go first, if there are any. May be dropped at any time.
    pub async fn campaign(&mut self) -> Result<Leadership, ElectionError> {
        let rested_at = self.has_led.then(|| Instant::now() + self.terms.rest);
        loop {
            let listing = self.store.list(&self.name.prefix).await?;
            let standing = Standing::read(&self.name, &listing)?;
            match next_move(&standing, rested_at, Instant::now()) {
                Move::Run => {
                    if let Some(leadership) = self.run(&standing).await? {
                        self.has_led = true;
                        return Ok(leadership);
                    }
                }
                Move::Wait { until } => self.wait(listing.revision, until).await?,
            }
        }
    }

    /// Tries to take the seat; `None` if another was quicker.
    async fn run(&self, standing: &Standing) -> Result<Option<Leadership>, StoreError> {
        let lease = KeptLease::grant(Arc::clone(&self.store), self.terms.ttl).await?;
        let (leader, leader_value, epoch_value) = standing.next(&self.candidate);
        let txn = Txn::new()
            .when(Condition::KeyAbsent { key: self.name.leader.clone() })
            .when(standing.unchanged(&self.name))
            .put_leased(self.name.leader.clone(), leader_value, lease.id())
            .put(self.name.epoch.clone(), epoch_value);
        match self.store.commit(txn).await {
            Ok(Commit::Committed { revision }) => {
                tracing::info!(election = %self.name, epoch = %leader.epoch, "elected");
                let term_ends = self.terms.term.map(|term| Instant::now() + term);
                let (store, name) = (Arc::clone(&self.store), self.name.clone());
                Ok(Some(Leadership { store, name, leader, revision, lease, term_ends }))
            }
            Ok(Commit::Conflict { .. }) => lease.revoke().await.map(|()| None),
            // The seat may be ours: without its lease it is not.
            Err(CommitError::Store(error)) => lease.revoke().await.and(Err(error)),
            Err(CommitError::TooLarge(_)) => unreachable!("two short values"),
        }
    }

    /// Waits until something changes after that revision, or until then.
    async fn wait(&self, after: Revision, until: Option<Instant>) -> Result<(), StoreError> {
        let time = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        let change = async {
            match self.store.watch(self.name.prefix.clone(), after).await?.next().await {
                Ok(_) | Err(WatchError::Compacted { .. }) => Ok(()),
                Err(WatchError::Store(error)) => Err(error),
            }
        };
        tokio::select! {
            biased;
            () = time => Ok(()),
            changed = change => changed,
        }
    }
}

/// How an election stands.
pub async fn show(store: &dyn CoordinationStore, name: &ElectionName) -> Result<Standing, ElectionError> {
    Ok(Standing::read(name, &store.list(&name.prefix).await?)?)
}

/// Takes the seat away from whoever has it, and says who that was; what it commits from now on is refused. It learns of
/// it by watching, and [`Leadership::holds`] may say yes for as long as that takes: do not depose who acknowledges by it.
pub async fn depose(store: &dyn CoordinationStore, name: &ElectionName) -> Result<Option<Leader>, ElectionError> {
    loop {
        let standing = show(store, name).await?;
        let (Some(leader), Some(revision)) = (standing.leader, standing.leader_revision) else { return Ok(None) };
        let key = name.leader.clone();
        let txn = Txn::new().when(Condition::KeyAt { key: key.clone(), revision }).delete(key);
        match store.commit(txn).await {
            Ok(Commit::Committed { .. }) => return Ok(Some(leader)),
            // Another has the seat by now.
            Ok(Commit::Conflict { .. }) => {}
            Err(CommitError::Store(error)) => return Err(error.into()),
            Err(CommitError::TooLarge(_)) => unreachable!("one key"),
        }
    }
}
