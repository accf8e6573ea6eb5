//! Everything that is outside of the processes, and that all of them share.

use crate::dice::Dice;
use crate::held::Held;
use crate::life::STEP_MS;
use crate::network::Inbox;
use crate::schedule::Schedule;
use crate::shelf::Shelf;
use crate::trace::Trace;
use crate::truth::Truth;
use crate::weather::Weather;
use crate::witness::Witness;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A process, by its place in the cluster. It is the same one after it was started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// A router, which may coordinate.
    Router(u8),
    /// The primary of a shard.
    Primary(u8),
    /// A process over a copy of a primary's folder that was made when the primary had an earlier term.
    Copy(u8),
    /// The primary of a shard of the number of shards that the cluster moves to, if it does.
    Next(u8),
    /// One of the replicas of a shard.
    Replica(u8, u8),
    /// One of the replicas of a shard of the number of shards that the cluster moves to, if it does.
    NextReplica(u8, u8),
    /// The clients.
    Outside,
}

impl Who {
    /// Whether it is of the number of shards that the cluster moves to.
    pub(crate) fn is_next(self) -> bool {
        matches!(self, Self::Next(_) | Self::NextReplica(..))
    }
}

impl fmt::Display for Who {
    /// Also its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Router(number) => write!(f, "router-{number}"),
            Self::Primary(shard) => write!(f, "primary-{shard}"),
            Self::Next(shard) => write!(f, "next-{shard}"),
            Self::Copy(shard) => write!(f, "copy-{shard}"),
            Self::Replica(shard, number) => write!(f, "replica-{shard}-{number}"),
            Self::NextReplica(shard, number) => write!(f, "next-replica-{shard}-{number}"),
            Self::Outside => f.write_str("outside"),
        }
    }
}

/// The world of one life. It has one thread: no lock is ever waited for, and none is held while a task waits.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) schedule: Schedule,
    pub(crate) weather: Mutex<Weather>,
    /// What stands in the coordination store.
    pub(crate) truth: Mutex<Truth>,
    /// Dumps.
    pub(crate) shelf: Mutex<Shelf>,
    /// Where each running process is asked.
    pub(crate) inboxes: Mutex<BTreeMap<String, Inbox>>,
    pub(crate) held: Held,
    pub(crate) witness: Mutex<Witness>,
    pub(crate) trace: Trace,
}

impl World {
    pub(crate) fn new(seed: u64, is_shown: bool) -> Arc<Self> {
        Arc::new(Self {
            dice: Dice::of(seed),
            schedule: Schedule::default(),
            weather: Mutex::new(Weather::fair()),
            truth: Mutex::default(),
            shelf: Mutex::default(),
            inboxes: Mutex::default(),
            held: Held::default(),
            witness: Mutex::default(),
            trace: Trace::new(is_shown),
        })
    }

    pub(crate) fn note(&self, line: fmt::Arguments<'_>) {
        self.trace.note(self.schedule.now(), line);
    }

    /// How long the next message is under way.
    pub(crate) fn delay(&self) -> u64 {
        let most = locked(&self.weather).delay_ms_max;
        // Mostly quick; what is late is very late. Nothing arrives before its sender's turn is over.
        let most = if self.dice.permille(900) { most.min(20) } else { most };
        self.dice.between(STEP_MS, most)
    }

    /// Something that must never be has been.
    pub(crate) fn violated(&self, what: impl fmt::Display) {
        self.note(format_args!("VIOLATION {what}"));
        locked(&self.witness).violations.push(what.to_string());
    }
}

/// The inside of a lock. A panic of a task is a violation of its own.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
