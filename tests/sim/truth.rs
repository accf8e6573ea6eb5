//! The coordination store: one state, commits one after the other, watches, and leases that end by its own clock.

use crate::weather::Weather;
use crate::world::{Who, World, locked};
use annuli_coordination::{
    Arrivals, Change, Changes, Commit, Condition, Entry, Kept, Key, Lease, LeaseId, Listing, Prefix, Revision, Ttl,
    Txn, WatchError, txn::Write,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc::error::TrySendError;

/// What stands in the store.
#[derive(Default)]
pub(crate) struct Truth {
    revision: u64,
    entries: BTreeMap<Key, Entry>,
    leases: BTreeMap<LeaseId, Held>,
    granted: u64,
    /// Changes after `forgotten`, in their order.
    history: Vec<Changes>,
    forgotten: u64,
    watchers: BTreeMap<u64, Watcher>,
    watched: u64,
}

/// A lease, the moment at which it ends unless it is kept, and who holds it.
struct Held {
    ttl: Ttl,
    ends: u64,
    by: Who,
}

struct Watcher {
    who: Who,
    prefix: Prefix,
    seen: u64,
    arrivals: Arrivals,
}

impl Truth {
    pub(crate) fn get(&self, key: &Key) -> Option<Entry> {
        self.entries.get(key).cloned()
    }

    pub(crate) fn list(&self, prefix: &Prefix) -> Listing {
        let entries = self.entries.iter().filter(|(key, _)| prefix.covers(key));
        let entries = entries.map(|(key, entry)| (key.clone(), entry.clone())).collect();
        Listing { revision: Revision(self.revision), entries }
    }

    pub(crate) fn commit(&mut self, by: Who, txn: &Txn, world: &Arc<World>) -> Commit {
        let holds = |condition: &Condition| match condition {
            Condition::KeyAt { key, revision } => self.entries.get(key).is_some_and(|it| it.revision == *revision),
            Condition::KeyAbsent { key } => !self.entries.contains_key(key),
            Condition::LeaseHolds(lease) => self.leases.contains_key(lease),
        };
        if let Some(which) = txn.conditions().into_iter().find(|condition| !holds(condition)) {
            return Commit::Conflict { which };
        }
        let change = |(key, write): (&Key, &Write)| match write {
            Write::Put { value, lease } => Some(Change::Put { key: key.clone(), value: value.clone(), lease: *lease }),
            Write::Delete => self.entries.contains_key(key).then(|| Change::Delete { key: key.clone() }),
        };
        let changes = txn.writes().iter().filter_map(change).collect();
        self.apply(Some(by), changes, world);
        Commit::Committed { revision: Revision(self.revision) }
    }

    fn apply(&mut self, by: Option<Who>, changes: Vec<Change>, world: &Arc<World>) {
        if changes.is_empty() {
            return;
        }
        self.revision += 1;
        let revision = Revision(self.revision);
        for change in &changes {
            match change.clone() {
                Change::Put { key, value, lease } => {
                    self.entries.insert(key, Entry { value, revision, lease });
                }
                Change::Delete { key } => drop(self.entries.remove(&key)),
            }
        }
        let changes = Changes { revision, changes };
        world.note(format_args!("commit {revision}: {}", said(&changes)));
        let broken = {
            let shelf = locked(&world.shelf);
            locked(&world.witness).saw_commit(by, &changes, world.schedule.now(), &shelf)
        };
        broken.iter().for_each(|broken| world.violated(broken));
        self.history.push(changes);
        for watcher in self.watchers.keys() {
            pump_later(world, *watcher, world.delay());
        }
    }

    pub(crate) fn grant(&mut self, by: Who, ttl: Ttl, world: &World) -> Lease {
        self.granted += 1;
        let id = LeaseId(self.granted);
        self.leases.insert(id, Held { ttl, ends: end_of(ttl, world), by });
        Lease { id, ttl }
    }

    pub(crate) fn keep_alive(&mut self, lease: LeaseId, world: &World) -> Kept {
        match self.leases.get_mut(&lease) {
            Some(held) => {
                held.ends = end_of(held.ttl, world);
                Kept::Alive
            }
            None => Kept::Ended,
        }
    }

    pub(crate) fn revoke(&mut self, lease: LeaseId, world: &Arc<World>) {
        if self.leases.remove(&lease).is_some() {
            let bound = self.entries.iter().filter(|(_, entry)| entry.lease == Some(lease));
            let gone = bound.map(|(key, _)| Change::Delete { key: key.clone() }).collect();
            self.apply(None, gone, world);
        }
    }

    /// Ends the leases that nobody has kept.
    pub(crate) fn end_leases(&mut self, world: &Arc<World>) {
        let now = world.schedule.now();
        let ended: Vec<_> = self.leases.iter().filter(|(_, held)| held.ends <= now).map(|(id, _)| *id).collect();
        ended.into_iter().for_each(|lease| self.revoke(lease, world));
    }

    /// Ends the leases of a process, which was killed.
    pub(crate) fn end_leases_of(&mut self, who: Who, world: &Arc<World>) {
        let ended: Vec<_> = self.leases.iter().filter(|(_, held)| held.by == who).map(|(id, _)| *id).collect();
        ended.into_iter().for_each(|lease| self.revoke(lease, world));
    }

    /// Forgets what came to be known: watches that lag behind have to list again.
    pub(crate) fn compact(&mut self) {
        self.history.clear();
        self.forgotten = self.revision;
    }

    pub(crate) fn watch(&mut self, who: Who, prefix: Prefix, after: Revision, arrivals: Arrivals, world: &Arc<World>) {
        self.watched += 1;
        self.watchers.insert(self.watched, Watcher { who, prefix, seen: after.0, arrivals });
        pump_later(world, self.watched, world.delay());
    }

    /// Cuts off the watches of a process; it hears of it after a while.
    pub(crate) fn cut_watches(&mut self, who: Who, world: &World) {
        let cut: Vec<_> = self.watchers.iter().filter(|(_, it)| it.who == who).map(|(id, _)| *id).collect();
        for watcher in cut.iter().filter_map(|id| self.watchers.remove(id)) {
            world.schedule.after(world.dice.between(1, 3_000), move || drop(watcher));
        }
    }

    /// Puts into the queue of a watch what it has not seen yet.
    fn pump(&mut self, id: u64, weather: &Weather, world: &Arc<World>) {
        let Some(watcher) = self.watchers.get_mut(&id) else { return };
        if weather.cut_off.contains(&watcher.who) {
            let who = watcher.who;
            return self.cut_watches(who, world);
        }
        if watcher.seen < self.forgotten {
            let after = Revision(watcher.seen);
            // A reader whose queue is full finds out by the queue's end.
            let _ = watcher.arrivals.try_send(Err(WatchError::Compacted { after }));
            self.watchers.remove(&id);
            return;
        }
        let missed = self.history.partition_point(|changes| changes.revision.0 <= watcher.seen);
        for changes in &self.history[missed..] {
            let own = changes.changes.iter().filter(|change| watcher.prefix.covers(change.key()));
            let own: Vec<_> = own.cloned().collect();
            if !own.is_empty() {
                match watcher.arrivals.try_send(Ok(Changes { revision: changes.revision, changes: own })) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => return pump_later(world, id, 50),
                    Err(TrySendError::Closed(_)) => {
                        self.watchers.remove(&id);
                        return;
                    }
                }
            }
            watcher.seen = changes.revision.0;
        }
    }
}

fn pump_later(world: &Arc<World>, watcher: u64, ms: u64) {
    let pumped = Arc::clone(world);
    world.schedule.after(ms, move || {
        let weather = locked(&pumped.weather).clone();
        locked(&pumped.truth).pump(watcher, &weather, &pumped);
    });
}

/// A little later than its holder counts.
fn end_of(ttl: Ttl, world: &World) -> u64 {
    let ttl = u64::try_from(ttl.duration().as_millis()).expect("an hour at most");
    world.schedule.now() + ttl + world.dice.below(500)
}

fn said(changes: &Changes) -> String {
    let said = |change: &Change| match change {
        Change::Put { key, value, .. } => format!("{key}={}", String::from_utf8_lossy(value.as_bytes())),
        Change::Delete { key } => format!("{key} gone"),
    };
    changes.changes.iter().map(said).collect::<Vec<_>>().join(" ")
}
