//! What the clerk is asked for.

use super::ledger::LedgerError;
use crate::key::{Key, Prefix};
use crate::lease::{Kept, Lease, LeaseId, Ttl};
use crate::store::{Entry, Listing};
use crate::txn::{Commit, Revision, Txn};
use crate::watch::Arrivals;
use tokio::sync::oneshot;

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, LedgerError>>;

/// A request, with where its answer goes.
pub(super) enum Request {
    Get {
        key: Key,
        reply: Reply<Option<Entry>>,
    },
    List {
        prefix: Prefix,
        reply: Reply<Listing>,
    },
    Watch {
        prefix: Prefix,
        after: Revision,
        arrivals: Arrivals,
    },
    KeepAlive {
        lease: LeaseId,
        reply: Reply<Kept>,
    },
    /// Waits for the commit lock.
    Order(Order),
}

/// A request that changes the store.
pub(super) enum Order {
    Commit {
        txn: Txn,
        reply: Reply<Commit>,
    },
    Grant {
        ttl: Ttl,
        reply: Reply<Lease>,
    },
    /// Without a reply where nobody asked: the clerk has found that they have lapsed.
    End {
        leases: Vec<LeaseId>,
        reply: Option<Reply<()>>,
    },
}

impl Order {
    /// Whether somebody waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Self::Commit { reply, .. } => !reply.is_closed(),
            Self::Grant { reply, .. } => !reply.is_closed(),
            Self::End { reply, .. } => reply.as_ref().is_none_or(|reply| !reply.is_closed()),
        }
    }

    /// Answers that it was not done.
    pub(super) fn refuse(self, error: LedgerError) {
        let answer = match self {
            Self::Commit { reply, .. } => Answer::Commit(reply, Err(error)),
            Self::Grant { reply, .. } => Answer::Grant(reply, Err(error)),
            Self::End { leases, reply } => Answer::End(reply, leases, Err(error)),
        };
        answer.send();
    }
}

/// What became of an order.
pub(super) enum Answer {
    Commit(Reply<Commit>, Result<Commit, LedgerError>),
    Grant(Reply<Lease>, Result<Lease, LedgerError>),
    End(Option<Reply<()>>, Vec<LeaseId>, Result<(), LedgerError>),
}

impl Answer {
    /// Tells whoever waits; who has left misses nothing.
    pub(super) fn send(self) {
        match self {
            Self::Commit(reply, outcome) => drop(reply.send(outcome)),
            Self::Grant(reply, outcome) => drop(reply.send(outcome)),
            Self::End(Some(reply), _, outcome) => drop(reply.send(outcome)),
            Self::End(None, leases, Ok(())) => {
                tracing::info!(?leases, "ended leases whose holders are gone or silent");
            }
            Self::End(None, _, Err(error)) => tracing::warn!(%error, "lapsed leases were not ended, trying again"),
        }
    }
}
