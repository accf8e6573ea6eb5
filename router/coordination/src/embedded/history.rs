//! The latest changes, for watches that lag behind.

use crate::limits::{HISTORY_BYTES_MAX, HISTORY_REVISIONS_MAX};
use crate::txn::Revision;
use crate::watch::{Change, Changes};
use std::collections::VecDeque;

/// Every change after one revision, the oldest first.
#[derive(Debug)]
pub(super) struct History {
    /// All changes after this are here.
    after: Revision,
    changes: VecDeque<Changes>,
    bytes: usize,
}

impl History {
    pub(super) const fn beginning_after(revision: Revision) -> Self {
        Self { after: revision, changes: VecDeque::new(), bytes: 0 }
    }

    /// Adds what came next, and forgets the oldest where there is too much.
    pub(super) fn push(&mut self, changes: Changes) {
        self.bytes += bytes(&changes);
        self.changes.push_back(changes);
        while self.changes.len() > HISTORY_REVISIONS_MAX || self.bytes > HISTORY_BYTES_MAX {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.bytes -= bytes(&oldest);
            self.after = oldest.revision;
        }
    }

    /// What came after `revision`; `None` where some of it is forgotten.
    pub(super) fn after(&self, revision: Revision) -> Option<impl Iterator<Item = &Changes>> {
        let start = self.changes.partition_point(|changes| changes.revision <= revision);
        (revision >= self.after).then(|| self.changes.range(start..))
    }
}

fn bytes(changes: &Changes) -> usize {
    let size = |change: &Change| match change {
        Change::Put { key, value, .. } => key.as_str().len() + value.as_bytes().len(),
        Change::Delete { key } => key.as_str().len(),
    };
    changes.changes.iter().map(size).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Key, Value};

    fn change(revision: u64, bytes: usize) -> Changes {
        let (key, value) = (Key::new("k").unwrap(), Value::new(&vec![0; bytes]).unwrap());
        Changes { revision: Revision(revision), changes: vec![Change::Put { key, value, lease: None }] }
    }

    fn revisions_after(history: &History, revision: u64) -> Option<Vec<u64>> {
        Some(history.after(Revision(revision))?.map(|changes| changes.revision.0).collect())
    }

    #[test]
    fn what_came_after_a_revision_is_found() {
        let mut history = History::beginning_after(Revision(5));
        for revision in [6, 7, 9] {
            history.push(change(revision, 1));
        }
        assert_eq!(revisions_after(&history, 4), None);
        assert_eq!(revisions_after(&history, 5), Some(vec![6, 7, 9]));
        assert_eq!(revisions_after(&history, 8), Some(vec![9]));
        assert_eq!(revisions_after(&history, 9), Some(vec![]));
    }

    #[test]
    fn the_oldest_is_forgotten_by_number_and_by_bytes() {
        let mut history = History::beginning_after(Revision(0));
        for revision in 1..=HISTORY_REVISIONS_MAX as u64 + 2 {
            history.push(change(revision, 1));
        }
        assert_eq!(revisions_after(&history, 1), None);
        assert_eq!(revisions_after(&history, 2).map(|found| found.len()), Some(HISTORY_REVISIONS_MAX));
        for revision in 5000..5017 {
            history.push(change(revision, 1024 * 1024));
        }
        assert_eq!(revisions_after(&history, 5001), Some((5002..5017).collect()));
    }
}
