//! A change of the records: what must still stand, and what is written if it does.

use crate::record::Key;

/// All of it is done, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// What was read, and must still be so.
    pub conditions: Vec<Condition>,
    /// Records to write.
    pub puts: Vec<(Key, Vec<u8>)>,
    /// Records to take away.
    pub deletes: Vec<Key>,
}

/// What a change was decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// There is no such record.
    Absent(Key),
    /// The record is the one that was written at this revision.
    At(Key, u64),
}

impl Change {
    /// A change without conditions, of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub(crate) fn if_absent(mut self, key: Key) -> Self {
        self.conditions.push(Condition::Absent(key));
        self
    }

    #[must_use]
    pub(crate) fn if_at(mut self, key: Key, revision: u64) -> Self {
        self.conditions.push(Condition::At(key, revision));
        self
    }

    /// Both.
    #[must_use]
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.conditions.extend(other.conditions);
        self.puts.extend(other.puts);
        self.deletes.extend(other.deletes);
        self
    }

    #[must_use]
    pub(crate) fn put(mut self, key: Key, value: Vec<u8>) -> Self {
        self.puts.push((key, value));
        self
    }

    #[must_use]
    pub(crate) fn delete(mut self, key: Key) -> Self {
        self.deletes.push(key);
        self
    }
}
