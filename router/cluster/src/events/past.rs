//! The last events that a router has seen.

use super::events;
use crate::mirror::Seen;
use annuli_api::chronicle::{Chronicle, Told};
use annuli_api::v1::event::{Event, EventId};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Events that are remembered: some hours of rollouts every half minute, in about a megabyte.
const EVENTS_KEPT: usize = 4_096;

/// A ring of events, each with where it stands. It begins anew with each process: what was before that, other routers
/// may remember.
pub struct Past {
    ring: Mutex<Ring>,
    /// Where there is something to hear.
    newest: watch::Sender<EventId>,
}

struct Ring {
    /// Everything after this that has happened is here.
    floor: EventId,
    /// Up to where this process has seen everything.
    now: EventId,
    events: VecDeque<(EventId, Event)>,
    kept: usize,
}

impl Default for Past {
    fn default() -> Self {
        Self::keeping(EVENTS_KEPT)
    }
}

impl Past {
    /// Remembers so many.
    pub(super) fn keeping(kept: usize) -> Self {
        let start = EventId { revision: 0, place: 0 };
        let ring = Ring { floor: start, now: start, events: VecDeque::new(), kept };
        Self { ring: Mutex::new(ring), newest: watch::Sender::new(start) }
    }

    /// Takes in a state of the records; without the one before, what came in between is not known.
    pub(crate) fn take_in(&self, before: Option<&Seen>, seen: &Seen) {
        let revision = seen.revision.0;
        let newest = {
            let mut ring = self.ring();
            match before {
                Some(before) => ring.take_in(revision, events(&before.records, &seen.records)),
                None => Some(ring.begin_anew(revision)),
            }
        };
        if let Some(newest) = newest {
            self.newest.send_replace(newest);
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // Nothing in between can panic but for want of memory.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Returns where there is something new to hear.
    fn take_in(&mut self, revision: u64, events: Vec<Event>) -> Option<EventId> {
        self.now = EventId::after(revision);
        let last = events.len();
        for (place, event) in (1..).zip(events) {
            let is_last = usize::try_from(place) == Ok(last);
            let place = if is_last { EventId::LAST } else { place };
            self.events.push_back((EventId { revision, place }, event));
        }
        while self.events.len() > self.kept {
            let Some((forgotten, _)) = self.events.pop_front() else { break };
            self.floor = forgotten;
        }
        (last > 0).then_some(self.now)
    }

    fn begin_anew(&mut self, revision: u64) -> EventId {
        self.events.clear();
        self.floor = EventId::after(revision);
        self.now = self.floor;
        self.now
    }

    fn after(&self, id: EventId, at_most: usize) -> Told {
        let gap = if id < self.floor {
            Some(self.floor)
        } else if id > self.now {
            // An id of a store that is no more, or a router that is behind: what is told here goes on from here.
            Some(self.now)
        } else {
            None
        };
        let id = gap.unwrap_or(id);
        let start = self.events.partition_point(|(known, _)| *known <= id);
        Told { gap, events: self.events.iter().skip(start).take(at_most).cloned().collect() }
    }
}

#[async_trait]
impl Chronicle for Past {
    fn now(&self) -> EventId {
        self.ring().now
    }

    fn after(&self, id: EventId, at_most: usize) -> Told {
        self.ring().after(id, at_most)
    }

    async fn wait(&self, id: EventId) {
        // The sender is this one's own.
        let _ = self.newest.subscribe().wait_for(|newest| *newest > id).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(number: usize) -> Event {
        Event::AliasRemoved { alias: format!("a{number}") }
    }

    fn ring(kept: usize, revisions: &[(u64, usize)]) -> Ring {
        let past = Past::keeping(kept);
        let mut ring = past.ring.into_inner().unwrap();
        ring.begin_anew(10);
        for (revision, count) in revisions {
            ring.take_in(*revision, (0..*count).map(alias).collect());
        }
        ring
    }

    #[track_caller]
    fn check(ring: &Ring, after: &str, gap: Option<&str>, ids: &[&str]) {
        let told = ring.after(after.parse().unwrap(), 100);
        assert_eq!(told.gap.map(|gap| gap.to_string()).as_deref(), gap, "after {after}");
        let told: Vec<_> = told.events.iter().map(|(id, _)| id.to_string()).collect();
        assert_eq!(told, ids, "after {after}");
    }

    #[test]
    fn events_of_one_revision_are_numbered_and_the_last_stands_for_all_of_it() {
        let ring = ring(10, &[(11, 1), (12, 0), (13, 3)]);
        check(&ring, "10", None, &["11", "13-1", "13-2", "13"]);
        check(&ring, "11", None, &["13-1", "13-2", "13"]);
        check(&ring, "12", None, &["13-1", "13-2", "13"]);
        check(&ring, "13-1", None, &["13-2", "13"]);
        check(&ring, "13", None, &[]);
    }

    #[test]
    fn what_is_not_remembered_is_a_gap() {
        let full = ring(3, &[(11, 1), (13, 3), (14, 1)]);
        check(&full, "11", Some("13-1"), &["13-2", "13", "14"]);
        check(&full, "13-1", None, &["13-2", "13", "14"]);
        check(&ring(3, &[]), "9", Some("10"), &[]);
        check(&ring(3, &[]), "10", None, &[]);
        // Of another store, or of a router that is ahead of this one.
        check(&full, "99", Some("14"), &[]);
    }

    #[tokio::test]
    async fn who_waits_hears_of_what_comes_and_of_what_was_missed() {
        let past = Past::keeping(3);
        let seen = |revision| Seen { revision: annuli_coordination::Revision(revision), records: Default::default() };
        let id = EventId::after(4);
        let waiting = past.wait(id);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        past.take_in(Some(&seen(4)), &seen(5));
        assert!(futures_util::poll!(&mut waiting).is_pending(), "nothing has happened");
        past.take_in(None, &seen(9));
        waiting.await;
        assert_eq!(past.after(id, 1).gap, Some(EventId::after(9)));
    }
}
