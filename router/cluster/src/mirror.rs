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

impl Seen {
    /// Whether all that was so by then is seen here. What is seen may be all there is though it is of an earlier revision: a
    /// store counts also what it is asked to keep beside the records, and for others.
    pub(crate) fn has(&self, then: &Then) -> bool {
        match then {
            Then::Wrote(revision) => self.revision >= *revision,
            Then::Read(read) => self.revision >= read.revision || self.records == read.records,
        }
    }
}

/// A moment of the store that a process has come to know of.
#[derive(Debug)]
pub(crate) enum Then {
    /// It has written something.
    Wrote(Revision),
    /// It has read everything.
    Read(Box<Seen>),
}

impl Then {
    /// Its revision.
    pub(crate) fn revision(&self) -> Revision {
        match self {
            Self::Wrote(revision) => *revision,
            Self::Read(read) => read.revision,
        }
    }
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

    /// Waits until what was so then is seen, at most until the deadline; returns whether it is.
    pub(crate) async fn wait_to_see(&self, deadline: Instant, then: &Then) -> bool {
        self.wait_until(deadline, |seen| seen.has(then)).await
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
    use crate::record::AliasRecord;
    use crate::testing::{name, uuid};
    use annuli_coordination::{
        Commit, CommitError, EmbeddedSettings, EmbeddedStore, Entry, Kept, Key, Lease, LeaseId, Listing, SystemClock,
        Ttl, Txn, Value, Watch,
    };
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use tempfile::TempDir;

    /// A store with something the matter.
    struct Odd {
        store: EmbeddedStore,
        /// Revisions of what is none of ours.
        of_others: AtomicU64,
        /// Nobody can follow it without coming upon a defect.
        panics: bool,
        _root: TempDir,
    }

    impl Odd {
        fn new(panics: bool) -> Arc<Self> {
            let root = tempfile::tempdir().expect("a folder");
            let clock = Arc::new(SystemClock::new());
            let store = EmbeddedStore::open(root.path(), EmbeddedSettings::default(), clock).expect("an empty store");
            Arc::new(Self { store, of_others: AtomicU64::new(0), panics, _root: root })
        }
    }

    #[async_trait]
    impl CoordinationStore for Odd {
        async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
            self.store.get(key).await
        }

        async fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
            let listing = self.store.list(prefix).await?;
            Ok(Listing { revision: Revision(listing.revision.0 + self.of_others.load(Relaxed)), ..listing })
        }

        async fn commit(&self, txn: Txn) -> Result<Commit, CommitError> {
            self.store.commit(txn).await
        }

        async fn watch(&self, prefix: Prefix, after: Revision) -> Result<Watch, StoreError> {
            assert!(!self.panics, "of the test");
            self.store.watch(prefix, after).await
        }

        async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError> {
            self.store.grant(ttl).await
        }

        async fn keep_alive(&self, lease: LeaseId) -> Result<Kept, StoreError> {
            self.store.keep_alive(lease).await
        }

        async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
            self.store.revoke(lease).await
        }
    }

    /// The copy stayed as it was, for ever, and the process that served by it looked well.
    #[tokio::test]
    async fn a_mirror_whose_task_has_panicked_says_that_it_has_ended() {
        let mirror = Mirror::start(Odd::new(true), |_, _| {}).await.expect("it is read first");
        mirror.ended().await;
        assert_eq!(mirror.seen().records, Records::default());
    }

    /// A read of the primaries waited for half a second for what no watch brings, and a request that had nothing to write
    /// for two.
    #[tokio::test]
    async fn what_others_have_written_to_the_same_store_is_not_waited_for() {
        let store = Odd::new(false);
        let mirror = Mirror::start(Arc::clone(&store) as _, |_, _| {}).await.expect("it is read first");
        let sees = async || {
            let read = read(&*store).await.expect("it is there");
            mirror.wait_to_see(Instant::now() + Duration::from_secs(10), &Then::Read(Box::new(read))).await
        };
        store.of_others.store(7, Relaxed);
        assert!(sees().await);
        let alias = AliasRecord { index: name("faces"), uuid: uuid(1) }.encode();
        let key = Key::new("alias/people").expect("a plain key");
        let written = Txn::new().put(key, Value::new(&alias).expect("it is small"));
        assert!(matches!(store.commit(written).await, Ok(Commit::Committed { .. })));
        // That one is ours.
        assert!(sees().await);
        assert_eq!(mirror.seen().records.aliases.len(), 1);
    }
}
