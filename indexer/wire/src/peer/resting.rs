//! Connections between two calls.

use super::connection::Connection;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime;
use tokio::time::Instant;

/// The longest that a connection rests: half of the time after which the peer closes it.
const REST_MAX: Duration = Duration::from_secs(30);

/// Connections that rest, at most so many.
pub(super) struct Resting {
    connections: Mutex<Vec<Rested>>,
    connections_max: usize,
}

struct Rested {
    connection: Connection,
    /// Where its socket is watched: from another runtime, each wake-up would be a message between threads.
    runtime: runtime::Id,
    since: Instant,
}

impl Resting {
    pub(super) fn new(connections_max: usize) -> Self {
        Self { connections: Mutex::default(), connections_max }
    }

    /// The connection of this runtime that has rested the shortest.
    pub(super) fn take(&self) -> Option<Connection> {
        let (here, now) = (runtime::Handle::current().id(), Instant::now());
        let mut connections = self.lock();
        connections.retain(|rested| now.duration_since(rested.since) < REST_MAX);
        let at = connections.iter().rposition(|rested| rested.runtime == here)?;
        Some(connections.remove(at).connection)
    }

    /// Lets a connection rest; if there are too many, the one that has rested the longest is closed.
    pub(super) fn keep(&self, connection: Connection) {
        let rested = Rested { connection, runtime: runtime::Handle::current().id(), since: Instant::now() };
        let mut connections = self.lock();
        if connections.len() >= self.connections_max && !connections.is_empty() {
            connections.remove(0);
        }
        connections.push(rested);
    }

    /// Closes all: the peer has closed one of them, so it was most likely started again.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rested>> {
        // Nobody panics while they add or remove.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
