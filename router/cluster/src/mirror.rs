//! The records as this process last saw them: a copy that follows the coordination store.
//!
//! While the store cannot be asked the copy stays as it is, and what is served by it goes on: a router does not need
//! the store to find a shard that it has found before.

use crate::records::Records;
use annuli_coordination::{Change, CoordinationStore, Prefix, Revision, StoreError, WatchError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// Between two tries to reach a store that failed.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// A copy of the records, kept by a task until this is dropped.
pub struct Mirror {
    seen: watch::Receiver<Arc<Seen>>,
    following: JoinHandle<()>,
}

/// The records as of a revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// As of when.
    pub revision: Revision,
    /// What stands there.
    pub records: Records,
}

impl Mirror {
    /// Reads the records, and follows them from then on. `on_change` hears of each state before anybody else,
    /// with the one before if nothing came in between.
    pub async fn start(
        store: Arc<dyn CoordinationStore>,
        mut on_change: impl FnMut(Option<&Seen>, &Seen) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let first = read(&*store).await?;
        on_change(None, &first);
        let (says, seen) = watch::channel(Arc::new(first));
        let following = tokio::spawn(async move { follow(&*store, &says, &mut on_change).await });
        Ok(Self { seen, following })
    }

    /// The records as last seen.
    pub fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.borrow())
    }

    /// A receiver of every later state; one that comes too late gets the newest.
    pub fn changes(&self) -> watch::Receiver<Arc<Seen>> {
        self.seen.clone()
    }

    /// Waits until it follows the records no longer: its task has ended in a panic. What is seen then stays what it is.
    pub async fn ended(&self) {
        // It has said something new until then, which is not what is waited for.
        let _ = self.seen.clone().wait_for(|_| false).await;
    }

    /// Waits until the records are so, at most until the deadline; returns whether they are.
    pub async fn wait_until(&self, deadline: Instant, mut is_so: impl FnMut(&Seen) -> bool) -> bool {
        let mut seen = self.seen.clone();
        matches!(timeout_at(deadline, seen.wait_for(|seen| is_so(seen))).await, Ok(Ok(_)))
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// Everything that stands in the store.
pub(crate) async fn read(store: &dyn CoordinationStore) -> Result<Seen, StoreError> {
    let listing = store.list(&Prefix::all()).await?;
    let mut records = Records::default();
    for (key, entry) in &listing.entries {
        records.put(key.as_str(), entry.revision.0, entry.value.as_bytes());
    }
    Ok(Seen { revision: listing.revision, records })
}

async fn follow(
    store: &dyn CoordinationStore,
    says: &watch::Sender<Arc<Seen>>,
    on_change: &mut (impl FnMut(Option<&Seen>, &Seen) + Send),
) {
    loop {
        let after = says.borrow().revision;
        let error = match store.watch(Prefix::all(), after).await {
            Ok(mut watch) => loop {
                match watch.next().await {
                    Ok(changes) => {
                        let before = Arc::clone(&says.borrow());
                        let mut records = before.records.clone();
                        changes.changes.iter().for_each(|change| take(&mut records, changes.revision, change));
                        let seen = Seen { revision: changes.revision, records };
                        on_change(Some(&before), &seen);
                        tell(seen, says);
                    }
                    Err(error) => break error,
                }
            },
            Err(error) => error.into(),
        };
        match error {
            WatchError::Compacted { .. } => match read(store).await {
                Ok(seen) => {
                    on_change(None, &seen);
                    tell(seen, says);
                }
                Err(error) => retry_later(&error).await,
            },
            WatchError::Store(error) => retry_later(&error).await,
        }
    }
}

fn take(records: &mut Records, revision: Revision, change: &Change) {
    match change {
        Change::Put { key, value, .. } => records.put(key.as_str(), revision.0, value.as_bytes()),
        Change::Delete { key } => records.delete(key.as_str()),
    }
}

fn tell(seen: Seen, says: &watch::Sender<Arc<Seen>>) {
    // Whoever holds the mirror ends this task first.
    let _ = says.send(Arc::new(seen));
}

async fn retry_later(error: &StoreError) {
    tracing::warn!(%error, "the coordination store is not followed; what is known is served by");
    sleep(RETRY_AFTER).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_coordination::{
        Commit, CommitError, EmbeddedSettings, EmbeddedStore, Entry, Kept, Key, Lease, LeaseId, Listing, SystemClock,
        Ttl, Txn, Watch,
    };
    use async_trait::async_trait;

    /// A store that can be read, and that nobody can follow without coming upon a defect.
    struct Panicking(EmbeddedStore);

    #[async_trait]
    impl CoordinationStore for Panicking {
        async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
            self.0.get(key).await
        }

        async fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
            self.0.list(prefix).await
        }

        async fn commit(&self, txn: Txn) -> Result<Commit, CommitError> {
            self.0.commit(txn).await
        }

        async fn watch(&self, _: Prefix, _: Revision) -> Result<Watch, StoreError> {
            panic!("of the test")
        }

        async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError> {
            self.0.grant(ttl).await
        }

        async fn keep_alive(&self, lease: LeaseId) -> Result<Kept, StoreError> {
            self.0.keep_alive(lease).await
        }

        async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
            self.0.revoke(lease).await
        }
    }

    /// The copy stayed as it was, for ever, and the process that served by it looked well.
    #[tokio::test]
    async fn a_mirror_whose_task_has_panicked_says_that_it_has_ended() {
        let root = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SystemClock::new());
        let store = EmbeddedStore::open(root.path(), EmbeddedSettings::default(), clock).expect("an empty store");
        let mirror = Mirror::start(Arc::new(Panicking(store)), |_, _| {}).await.expect("it is read first");
        mirror.ended().await;
        assert_eq!(mirror.seen().records, Records::default());
    }
}
