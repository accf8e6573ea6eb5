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
