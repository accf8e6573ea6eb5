//! Leases: what a process holds for as long as it says that it lives.

use crate::limits::{LEASE_TTL_MAX, LEASE_TTL_MIN};
use crate::store::{CoordinationStore, StoreError};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Which lease. Never given twice by a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseId(pub u64);

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How long a lease lives without being kept: a second to an hour, in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl(Duration);

/// A time that no lease lives for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a lease cannot live for {asked:?}: choose {LEASE_TTL_MIN:?} to {LEASE_TTL_MAX:?}")]
pub struct InvalidTtl {
    asked: Duration,
}

impl Ttl {
    /// Checks the bounds; a part of a millisecond is dropped.
    pub fn new(asked: Duration) -> Result<Self, InvalidTtl> {
        if !(LEASE_TTL_MIN..=LEASE_TTL_MAX).contains(&asked) {
            return Err(InvalidTtl { asked });
        }
        Ok(Self(Duration::from_millis(u64::try_from(asked.as_millis()).unwrap_or(u64::MAX))))
    }

    /// As a time.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

/// A lease as it was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which.
    pub id: LeaseId,
    /// For how long: what was asked for, or a little more.
    pub ttl: Ttl,
}

/// Answer to keeping a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It lives on.
    Alive,
    /// It has ended, for ever.
    Ended,
}

/// A lease that a task keeps alive. Once this is dropped nobody keeps it, and it ends after its ttl.
pub struct KeptLease {
    store: Arc<dyn CoordinationStore>,
    lease: Lease,
    /// Until when it certainly holds, as far as this process knows; `None` once it is known to have ended.
    held_until: watch::Receiver<Option<Instant>>,
    keeping: JoinHandle<()>,
}

impl KeptLease {
    /// Grants a lease and keeps it.
    pub async fn grant(store: Arc<dyn CoordinationStore>, ttl: Ttl) -> Result<Self, StoreError> {
        let asked = Instant::now();
        let lease = store.grant(ttl).await?;
        let (says, held_until) = watch::channel(Some(asked + lease.ttl.duration()));
        let keeping = tokio::spawn(keep(Arc::clone(&store), lease, asked, says));
        Ok(Self { store, lease, held_until, keeping })
    }

    /// Which lease.
    pub const fn id(&self) -> LeaseId {
        self.lease.id
    }

    /// Whether it certainly holds. Counted from before it was last kept, by this process's clock, which goes on while the
    /// process is stopped: so this says no before the store ends the lease.
    pub fn holds(&self) -> bool {
        self.held_until.borrow().is_some_and(|end| Instant::now() < end)
    }

    /// Waits until it no longer certainly holds.
    pub async fn lost(&self) {
        let mut held_until = self.held_until.clone();
        loop {
            let Some(end) = *held_until.borrow_and_update() else { return };
            tokio::select! {
                biased;
                () = sleep_until(end) => {
                    let kept = held_until.borrow().is_some_and(|end| Instant::now() < end);
                    if !kept { return }
                }
                changed = held_until.changed() => if changed.is_err() { return sleep_until(end).await },
            }
        }
    }

    /// Ends it now.
    pub async fn revoke(self) -> Result<(), StoreError> {
        self.keeping.abort();
        self.store.revoke(self.lease.id).await
    }
}

impl Drop for KeptLease {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// Keeps a lease three times a ttl, and ten times where the store does not answer.
async fn keep(store: Arc<dyn CoordinationStore>, lease: Lease, granted: Instant, says: watch::Sender<Option<Instant>>) {
    let ttl = lease.ttl.duration();
    let mut held_until = granted + ttl;
    let mut next = granted + ttl / 3;
    loop {
        sleep_until(next).await;
        let asked = Instant::now();
        match timeout_at(asked + ttl / 3, store.keep_alive(lease.id)).await {
            // An answer that comes later says nothing: somebody may have seen the silence, and be about to end the lease.
            Ok(Ok(Kept::Alive)) if Instant::now() < held_until => {
                held_until = asked + ttl;
                next = asked + ttl / 3;
                // Nobody listens any more: this task is about to be ended.
                let _ = says.send(Some(held_until));
                continue;
            }
            Ok(Ok(Kept::Alive | Kept::Ended)) => break,
            Ok(Err(error)) => tracing::warn!(lease = %lease.id, %error, "a lease was not kept, trying again"),
            Err(_) => tracing::warn!(lease = %lease.id, "the coordination store is slow to keep a lease, trying again"),
        }
        if Instant::now() >= held_until {
            break;
        }
        next = Instant::now() + ttl / 10;
    }
    let _ = says.send(None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Key, Prefix};
    use crate::store::{CommitError, Entry, Listing};
    use crate::txn::{Commit, Revision, Txn};
    use crate::watch::Watch;
    use async_trait::async_trait;
    use std::future::pending;
    use tokio::time::{advance, sleep};

    /// A store in which the lease still stands, though its ttl has passed.
    struct Late;

    #[async_trait]
    impl CoordinationStore for Late {
        async fn get(&self, _: &Key) -> Result<Option<Entry>, StoreError> {
            pending().await
        }

        async fn list(&self, _: &Prefix) -> Result<Listing, StoreError> {
            pending().await
        }

        async fn commit(&self, _: Txn) -> Result<Commit, CommitError> {
            pending().await
        }

        async fn watch(&self, _: Prefix, _: Revision) -> Result<Watch, StoreError> {
            pending().await
        }

        async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError> {
            Ok(Lease { id: LeaseId(1), ttl })
        }

        async fn keep_alive(&self, _: LeaseId) -> Result<Kept, StoreError> {
            Ok(Kept::Alive)
        }

        async fn revoke(&self, _: LeaseId) -> Result<(), StoreError> {
            Ok(())
        }
    }

    /// A process that was stopped asks when it goes on. Somebody may have seen the silence, and be about to end the lease.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_after_the_end_does_not_revive_a_lease() {
        let lease = KeptLease::grant(Arc::new(Late), Ttl::new(Duration::from_secs(6)).unwrap()).await.unwrap();
        sleep(Duration::from_secs(60)).await;
        assert!(lease.holds(), "it was kept all the while");
        advance(Duration::from_secs(60)).await;
        sleep(Duration::from_secs(60)).await;
        assert!(!lease.holds());
    }
}
