//! Transactions: conditions, and what is written if all of them hold.

use crate::key::{Key, Value};
use crate::lease::LeaseId;
use crate::limits::{TXN_BYTES_MAX, TXN_OPERATIONS_MAX};
use std::collections::BTreeMap;
use std::fmt;

/// A number of the store's history: each transaction that changes something has a larger one than those before it. Numbers
/// may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Revision(pub u64);

impl Revision {
    /// Before every change.
    pub const ZERO: Self = Self(0);
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What must hold for a transaction to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The key is there, and was last written at that revision.
    KeyAt {
        /// The key.
        key: Key,
        /// When it was last written.
        revision: Revision,
    },
    /// The key is not there.
    KeyAbsent {
        /// The key.
        key: Key,
    },
    /// The lease has not ended.
    LeaseHolds(LeaseId),
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyAt { key, revision } => write!(f, "`{key}` is as it was written at revision {revision}"),
            Self::KeyAbsent { key } => write!(f, "`{key}` is not there"),
            Self::LeaseHolds(lease) => write!(f, "lease {lease} holds"),
        }
    }
}

/// What a transaction does to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Writes it, with a lease that it vanishes with, or without one.
    Put {
        /// What will stand there.
        value: Value,
        /// Whose end takes it away. It must hold, else the transaction is a conflict.
        lease: Option<LeaseId>,
    },
    /// Takes it away, if it is there.
    Delete,
}

/// Conditions and writes that happen together or not at all. Each key is written once: of several writes the last
/// counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    conditions: Vec<Condition>,
    writes: BTreeMap<Key, Write>,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a conflict is no error, and nothing was written"]
pub enum Commit {
    /// All of it was written.
    Committed {
        /// At which revision; the store's latest, if it changed nothing.
        revision: Revision,
    },
    /// Nothing was written.
    Conflict {
        /// The first condition that did not hold.
        which: Condition,
    },
}

/// A transaction that no store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TxnTooLarge {
    /// Too many conditions and writes.
    #[error("a transaction has {operations} conditions and writes, the limit is {TXN_OPERATIONS_MAX}: split it")]
    Operations {
        /// How many.
        operations: usize,
    },
    /// Keys and values too long together.
    #[error("a transaction has {bytes} bytes of keys and values, the limit is {TXN_BYTES_MAX}: split it")]
    Bytes {
        /// How many.
        bytes: usize,
    },
}

impl Txn {
    /// A transaction that does nothing, yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if that holds as well.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Only if that holds as well, and looked at before all else, so that a conflict names it.
    #[must_use]
    pub(crate) fn first_when(mut self, condition: Condition) -> Self {
        self.conditions.insert(0, condition);
        self
    }

    /// Writes a key.
    #[must_use]
    pub fn put(mut self, key: Key, value: Value) -> Self {
        self.writes.insert(key, Write::Put { value, lease: None });
        self
    }

    /// Writes a key that vanishes when the lease ends.
    #[must_use]
    pub fn put_leased(mut self, key: Key, value: Value, lease: LeaseId) -> Self {
        self.writes.insert(key, Write::Put { value, lease: Some(lease) });
        self
    }

    /// Takes a key away, if it is there.
    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.writes.insert(key, Write::Delete);
        self
    }

    /// What was asked for with [`Txn::when`], then that every lease of a written key holds.
    pub fn conditions(&self) -> Vec<Condition> {
        let mut conditions = self.conditions.clone();
        for write in self.writes.values() {
            if let Write::Put { lease: Some(lease), .. } = write {
                let holds = Condition::LeaseHolds(*lease);
                if !conditions.contains(&holds) {
                    conditions.push(holds);
                }
            }
        }
        conditions
    }

    /// What is written, by key.
    pub fn writes(&self) -> &BTreeMap<Key, Write> {
        &self.writes
    }

    /// Whether a store takes it.
    pub fn check_size(&self) -> Result<(), TxnTooLarge> {
        let operations = self.conditions.len() + self.writes.len();
        if operations > TXN_OPERATIONS_MAX {
            return Err(TxnTooLarge::Operations { operations });
        }
        let condition_bytes = |condition: &Condition| match condition {
            Condition::KeyAt { key, .. } | Condition::KeyAbsent { key } => key.as_str().len(),
            Condition::LeaseHolds(_) => 0,
        };
        let write_bytes = |(key, write): (&Key, &Write)| match write {
            Write::Put { value, .. } => key.as_str().len() + value.as_bytes().len(),
            Write::Delete => key.as_str().len(),
        };
        let bytes = self.conditions.iter().map(condition_bytes).sum::<usize>()
            + self.writes.iter().map(write_bytes).sum::<usize>();
        if bytes > TXN_BYTES_MAX {
            return Err(TxnTooLarge::Bytes { bytes });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        Key::new(text).unwrap()
    }

    fn value(text: &str) -> Value {
        Value::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn of_several_writes_of_a_key_the_last_counts() {
        let txn = Txn::new().put(key("a"), value("1")).delete(key("a"));
        assert_eq!(txn.writes(), &BTreeMap::from([(key("a"), Write::Delete)]));
    }

    #[test]
    fn the_lease_of_a_written_key_must_hold_and_is_asked_for_once() {
        let lease = LeaseId(7);
        let txn = Txn::new().put_leased(key("a"), value("1"), lease).put_leased(key("b"), value("2"), lease);
        assert_eq!(txn.conditions(), [Condition::LeaseHolds(lease)]);
    }

    #[test]
    fn a_transaction_has_bounds_that_its_refusal_names() {
        let many = (0..65).fold(Txn::new(), |txn, n| txn.put(key(&n.to_string()), value("")));
        assert!(many.check_size().unwrap_err().to_string().contains("65 conditions and writes, the limit is 64"));
        let half = Value::new(&vec![0; 700 * 1024]).unwrap();
        let long = Txn::new().put(key("a"), half.clone()).put(key("b"), half.clone());
        assert!(long.check_size().unwrap_err().to_string().contains("the limit is 1310720"));
        assert_eq!(Txn::new().put(key("a"), half).check_size(), Ok(()));
    }
}
