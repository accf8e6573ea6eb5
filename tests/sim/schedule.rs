//! What will happen, and when: messages that are under way, faults that begin or end.

use crate::world::locked;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Something that happens outside of every process.
type Event = Box<dyn FnOnce() + Send>;

/// The time of a life, in milliseconds since it began, and what is yet to happen in it.
#[derive(Default)]
pub(crate) struct Schedule {
    now: AtomicU64,
    /// By moment, and of one moment in the order in which they were put here.
    events: Mutex<BTreeMap<(u64, u64), Event>>,
    put: AtomicU64,
}

impl Schedule {
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Relaxed)
    }

    /// Lets something happen in so many milliseconds.
    pub(crate) fn after(&self, ms: u64, event: impl FnOnce() + Send + 'static) {
        let place = (self.now() + ms, self.put.fetch_add(1, Relaxed));
        locked(&self.events).insert(place, Box::new(event));
    }

    /// Goes on to that moment, and lets happen what is due by then.
    pub(crate) fn go_on_to(&self, moment: u64) {
        loop {
            let due = {
                let mut events = locked(&self.events);
                let due = events.first_entry().filter(|first| first.key().0 <= moment);
                due.map(|first| first.remove_entry())
            };
            let Some(((when, _), event)) = due else { break };
            self.now.store(when.max(self.now()), Relaxed);
            event();
        }
        self.now.store(moment, Relaxed);
    }

    /// Drops what is yet to happen: it holds on to the world.
    pub(crate) fn clear(&self) {
        let left = std::mem::take(&mut *locked(&self.events));
        drop(left);
    }
}
