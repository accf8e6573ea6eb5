//! The seam: what Annuli asks of a coordination store.

use crate::key::{Key, Prefix, Value};
use crate::lease::{Kept, Lease, LeaseId, Ttl};
use crate::txn::{Commit, Revision, Txn, TxnTooLarge};
use crate::watch::Watch;
use async_trait::async_trait;
use std::error::Error;

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its value.
    pub value: Value,
    /// When it was last written: what [`Condition::KeyAt`](crate::Condition::KeyAt) asks for.
    pub revision: Revision,
    /// Whose end takes it away.
    pub lease: Option<LeaseId>,
}

/// The keys of a prefix, all as of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// As of when. A watch after it goes on without a gap.
    pub revision: Revision,
    /// The keys in their order.
    pub entries: Vec<(Key, Entry)>,
}

/// Versioned keys with transactions, watches and leases.
///
/// Commits happen one after the other; a read sees every commit that was acknowledged before it began. What is
/// acknowledged is durable. No lock is ever to be relied upon: who acts on what it read says so in the conditions of its
/// commit.
#[async_trait]
pub trait CoordinationStore: Send + Sync {
    /// What stands under a key.
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError>;

    /// All keys that begin with `prefix`.
    async fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError>;

    /// Writes all of the transaction if all of its conditions hold, else nothing.
    async fn commit(&self, txn: Txn) -> Result<Commit, CommitError>;

    /// What changes under `prefix` after that revision, the past included as far as the store knows it.
    async fn watch(&self, prefix: Prefix, after: Revision) -> Result<Watch, StoreError>;

    /// A new lease. [`KeptLease`](crate::KeptLease) keeps one.
    async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError>;

    /// Lets a lease live for another `ttl`. Asked of the store that granted it.
    async fn keep_alive(&self, lease: LeaseId) -> Result<Kept, StoreError>;

    /// Ends a lease, and takes the keys that are bound to it away. Harmless if it has ended.
    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError>;
}

/// How a store fails, by what is to be done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was changed. Try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A change may have been made or not. Read what is there, and decide anew.
    #[error(transparent)]
    Uncertain(#[from] Uncertain),
    /// It will be so until somebody mends it. Call the operator.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

/// A transaction that was not committed, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// No store takes it.
    #[error(transparent)]
    TooLarge(#[from] TxnTooLarge),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store cannot be asked now, and nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("{store} does not serve now, and nothing was changed: {reason}")]
pub struct Unavailable {
    store: String,
    reason: Box<dyn Error + Send + Sync>,
}

/// The answer to a change is missing.
#[derive(Debug, thiserror::Error)]
#[error("{store} may or may not have made a change: {reason}; read what is there before you repeat it")]
pub struct Uncertain {
    store: String,
    reason: Box<dyn Error + Send + Sync>,
}

/// The store needs a hand.
#[derive(Debug, thiserror::Error)]
#[error("{store} cannot be used: {reason}")]
pub struct Unusable {
    store: String,
    reason: Box<dyn Error + Send + Sync>,
}

impl Unavailable {
    /// A store of that name does not serve, for that reason.
    pub fn because(store: &str, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { store: store.to_owned(), reason: reason.into() }
    }
}

impl Uncertain {
    /// A store of that name does not say what became of a change, for that reason.
    pub fn because(store: &str, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { store: store.to_owned(), reason: reason.into() }
    }
}

impl Unusable {
    /// A store of that name needs a hand, for that reason.
    pub fn because(store: &str, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { store: store.to_owned(), reason: reason.into() }
    }
}
