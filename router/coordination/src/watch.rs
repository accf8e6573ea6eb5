//! What changes in the store, as it changes.

use crate::key::{Key, Value};
use crate::lease::LeaseId;
use crate::store::{StoreError, Unavailable};
use crate::txn::Revision;
use tokio::sync::mpsc;

/// One key that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was written.
    Put {
        /// Which.
        key: Key,
        /// What stands there.
        value: Value,
        /// Whose end takes it away.
        lease: Option<LeaseId>,
    },
    /// It is gone: deleted, or its lease has ended.
    Delete {
        /// Which.
        key: Key,
    },
}

impl Change {
    /// The key that has changed.
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// What one transaction has changed of what is watched, never empty, by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Its revision.
    pub revision: Revision,
    /// The keys.
    pub changes: Vec<Change>,
}

/// Why a watch has ended. Another one begins after the last revision seen.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The store no longer knows what came right after the last revision seen. List, and watch after the listing.
    #[error("the changes after revision {after} are no longer known: list again, and watch after the listing")]
    Compacted {
        /// The last revision seen.
        after: Revision,
    },
    /// The store failed. Watch again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes in their order, without gaps, each transaction at once. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    arrivals: mpsc::Receiver<Result<Changes, WatchError>>,
}

/// Where an implementor of the store puts what a [`Watch`] brings.
pub type Arrivals = mpsc::Sender<Result<Changes, WatchError>>;

impl Watch {
    /// A watch that brings what its implementor puts into the other end, and is over after the first error.
    pub fn new(arrivals: mpsc::Receiver<Result<Changes, WatchError>>) -> Self {
        Self { arrivals }
    }

    /// The next transaction that has changed something of what is watched. May be dropped while it waits: nothing is
    /// lost.
    ///
    /// # Errors
    /// Once, and then the watch is over.
    pub async fn next(&mut self) -> Result<Changes, WatchError> {
        match self.arrivals.recv().await {
            Some(arrived) => arrived,
            None => Err(StoreError::from(Unavailable::because("the coordination store", WatchOver)).into()),
        }
    }
}

/// Asked for more after the end.
#[derive(Debug, thiserror::Error)]
#[error("this watch is over: begin another one")]
struct WatchOver;
