//! The one thread of a process that touches the store's files.
//!
//! It never waits for the lock of another process: orders wait in a queue, while reads go on and leases are kept.

use super::lease_file::LeaseFiles;
use super::ledger::{Ledger, LedgerError};
use super::lock::{CommitLock, Held, PATIENCE, RETRY};
use super::request::{Answer, Order, Request};
use super::store_error;
use super::watcher::{Watcher, Watching};
use crate::clock::Clock;
use crate::lease::{Kept, Lease, LeaseId, Ttl};
use crate::limits::REQUESTS_QUEUE_MAX;
use crate::store::Listing;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Between two looks at what other processes have done: a quarter of the tenth of a second within which a watch sees it.
const LOOK: Duration = Duration::from_millis(25);

/// Rounds of work between two looks at the leases, each of which costs two system calls a lease.
const LEASES_EVERY_ROUNDS: u32 = 4;

/// Orders that are carried out under one lock, each some milliseconds: then others have their turn.
const ORDERS_AT_ONCE: usize = 16;

pub(super) struct Clerk {
    pub(super) name: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lock: CommitLock,
    pub(super) books: Books,
    pub(super) requests: Receiver<Request>,
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) watchers: Vec<Watcher>,
    /// Whether the last look failed, so that it is logged once.
    pub(super) failing: bool,
}

/// What changes together under the lock.
pub(super) struct Books {
    pub(super) ledger: Ledger,
    pub(super) leases: LeaseFiles,
}

/// An order that waits for the lock.
pub(super) struct Waiting {
    order: Order,
    until: Duration,
}

impl Clerk {
    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        let mut rounds = 0_u32;
        loop {
            let pause = if self.waiting.is_empty() { LOOK } else { RETRY };
            match self.requests.recv_timeout(pause) {
                Ok(request) => self.take(request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            for _ in 0..REQUESTS_QUEUE_MAX {
                let Ok(request) = self.requests.try_recv() else { break };
                self.take(request);
            }
            rounds = (rounds + 1) % LEASES_EVERY_ROUNDS;
            if rounds == 0 {
                self.end_lapsed_leases();
            }
            self.carry_out_orders();
            self.look();
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            // Who has left misses nothing.
            Request::Get { key, reply } => {
                let _ = reply.send(self.books.ledger.refresh().map(|()| self.books.ledger.state().get(&key).cloned()));
            }
            Request::List { prefix, reply } => {
                let listing = self.books.ledger.refresh().map(|()| {
                    let state = self.books.ledger.state();
                    Listing { revision: state.revision(), entries: state.list(&prefix) }
                });
                let _ = reply.send(listing);
            }
            Request::Watch { prefix, after, arrivals } => {
                self.watchers.push(Watcher { prefix, seen: after, arrivals });
            }
            Request::KeepAlive { lease, reply } => {
                let _ = reply.send(self.books.keep(lease));
            }
            Request::Order(order) => self.wait(order),
        }
    }

    fn wait(&mut self, order: Order) {
        if self.waiting.len() >= REQUESTS_QUEUE_MAX {
            return order.refuse(LedgerError::Busy);
        }
        self.waiting.push_back(Waiting { order, until: self.clock.now() + PATIENCE });
    }

    fn end_lapsed_leases(&mut self) {
        let already = |waiting: &Waiting| matches!(waiting.order, Order::End { reply: None, .. });
        if self.waiting.iter().any(already) {
            return;
        }
        let leases = self.books.leases.lapsed(self.books.ledger.state().leases(), self.clock.now());
        if !leases.is_empty() {
            self.wait(Order::End { leases, reply: None });
        }
    }

    fn carry_out_orders(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let held = match self.lock.try_take() {
            Ok(held) => held,
            Err(fault) => {
                if let Some(first) = self.waiting.pop_front() {
                    first.order.refuse(fault.into());
                }
                return;
            }
        };
        let Some(held) = held else {
            refuse_the_impatient(&mut self.waiting, &self.lock, self.clock.now());
            return;
        };
        let mut answers = Vec::new();
        for _ in 0..ORDERS_AT_ONCE {
            let Some(Waiting { order, .. }) = self.waiting.pop_front() else { break };
            if order.is_wanted() {
                answers.push(self.books.carry_out(&held, order));
            }
        }
        // First of all: who has its answer may be stopped the next moment.
        drop(held);
        answers.into_iter().for_each(Answer::send);
    }

    /// Sees what others have done, and tells those who watch.
    fn look(&mut self) {
        let looked = self.books.ledger.refresh();
        if let Err(error) = &looked {
            if !self.failing {
                tracing::error!(store = %self.name, %error, "the coordination store cannot be read");
            }
            for watcher in self.watchers.drain(..) {
                watcher.fail(store_error(&self.name, error.to_string().into()));
            }
        }
        self.failing = looked.is_err();
        let ledger = &self.books.ledger;
        let latest = ledger.state().revision();
        self.watchers.retain_mut(|watcher| watcher.pump(ledger.history(), latest) == Watching::On);
    }
}

impl Books {
    fn keep(&mut self, lease: LeaseId) -> Result<Kept, LedgerError> {
        self.ledger.refresh()?;
        if !self.leases.holds(lease) || !self.ledger.state().leases().contains_key(&lease) {
            return Ok(Kept::Ended);
        }
        self.leases.beat(lease)?;
        Ok(Kept::Alive)
    }

    fn carry_out(&mut self, held: &Held<'_>, order: Order) -> Answer {
        // Before each: another may have failed half-way.
        let caught_up = self.ledger.catch_up(held);
        match order {
            Order::Commit { txn, reply } => {
                Answer::Commit(reply, caught_up.and_then(|()| self.ledger.commit(held, &txn)))
            }
            Order::Grant { ttl, reply } => Answer::Grant(reply, caught_up.and_then(|()| self.grant(held, ttl))),
            Order::End { leases, reply } => {
                let ended = caught_up.and_then(|()| self.end(held, &leases));
                Answer::End(reply, leases, ended)
            }
        }
    }

    fn grant(&mut self, held: &Held<'_>, ttl: Ttl) -> Result<Lease, LedgerError> {
        let id = self.ledger.state().next_lease();
        let granted = self.leases.hold(id).map_err(LedgerError::from);
        let granted = granted.and_then(|()| self.ledger.grant(held, id, ttl));
        if granted.is_err() {
            self.leases.forget(id);
        }
        granted.map(|()| Lease { id, ttl })
    }

    fn end(&mut self, held: &Held<'_>, leases: &[LeaseId]) -> Result<(), LedgerError> {
        self.ledger.end(held, leases)?;
        for lease in leases {
            self.leases.forget(*lease);
        }
        Ok(())
    }
}

fn refuse_the_impatient(waiting: &mut VecDeque<Waiting>, lock: &CommitLock, now: Duration) {
    while waiting.front().is_some_and(|first| first.until <= now) {
        let Some(first) = waiting.pop_front() else { return };
        first.order.refuse(lock.refusal().into());
    }
}
