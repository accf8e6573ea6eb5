//! One watch of this process, and how far its reader is.

use super::history::History;
use crate::key::Prefix;
use crate::store::StoreError;
use crate::txn::Revision;
use crate::watch::{Arrivals, Changes, WatchError};
use tokio::sync::mpsc::error::TrySendError;

/// A watch that goes on.
pub(super) struct Watcher {
    pub(super) prefix: Prefix,
    /// All up to here has been put into the queue.
    pub(super) seen: Revision,
    pub(super) arrivals: Arrivals,
}

/// Whether a watch goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watching {
    On,
    Over,
}

impl Watcher {
    /// Puts into the queue what it has not seen yet, as much as fits. `latest` is the revision that `history` ends with.
    pub(super) fn pump(&mut self, history: &History, latest: Revision) -> Watching {
        let Some(missed) = history.after(self.seen) else {
            return match self.arrivals.try_send(Err(WatchError::Compacted { after: self.seen })) {
                // It is told once its reader has made room.
                Err(TrySendError::Full(_)) => Watching::On,
                Ok(()) | Err(TrySendError::Closed(_)) => Watching::Over,
            };
        };
        for changes in missed {
            let own: Vec<_> =
                changes.changes.iter().filter(|change| self.prefix.covers(change.key())).cloned().collect();
            if !own.is_empty() {
                match self.arrivals.try_send(Ok(Changes { revision: changes.revision, changes: own })) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => return Watching::On,
                    Err(TrySendError::Closed(_)) => return Watching::Over,
                }
            }
            self.seen = changes.revision;
        }
        self.seen = self.seen.max(latest);
        if self.arrivals.is_closed() { Watching::Over } else { Watching::On }
    }

    /// Tells its reader that it is over; one whose queue is full finds that out by the queue's end.
    pub(super) fn fail(self, error: StoreError) {
        let _ = self.arrivals.try_send(Err(error.into()));
    }
}
