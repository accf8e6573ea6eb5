//! What the store holds at one revision, and what a transaction makes of it. Decides without I/O: every process that reads
//! the same log comes to the same state.

use super::field::{Fields, put_bytes, put_u32, put_u64};
use super::record::{self, Operation, Record};
use crate::key::{Key, Prefix, Value};
use crate::lease::{LeaseId, Ttl};
use crate::store::Entry;
use crate::txn::{Condition, Revision, Txn, Write};
use crate::watch::{Change, Changes};
use std::collections::BTreeMap;

/// Keys and leases as of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    revision: Revision,
    entries: BTreeMap<Key, Entry>,
    leases: BTreeMap<LeaseId, Ttl>,
    /// Never given before, also not to a lease that has ended.
    next_lease: LeaseId,
    /// Of all keys and values.
    bytes: usize,
}

impl State {
    pub(super) fn empty() -> Self {
        Self {
            revision: Revision::ZERO,
            entries: BTreeMap::new(),
            leases: BTreeMap::new(),
            next_lease: LeaseId(1),
            bytes: 0,
        }
    }

    pub(super) const fn revision(&self) -> Revision {
        self.revision
    }

    pub(super) const fn next_lease(&self) -> LeaseId {
        self.next_lease
    }

    pub(super) const fn leases(&self) -> &BTreeMap<LeaseId, Ttl> {
        &self.leases
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn list(&self, prefix: &Prefix) -> Vec<(Key, Entry)> {
        let from = match Key::new(prefix.as_str()) {
            Ok(start) => self.entries.range(start..),
            // Only the empty prefix is no key.
            Err(_) => self.entries.range::<Key, _>(..),
        };
        from.take_while(|(key, _)| prefix.covers(key)).map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }

    /// The first condition that does not hold.
    pub(super) fn failing(&self, conditions: Vec<Condition>) -> Option<Condition> {
        conditions.into_iter().find(|condition| match condition {
            Condition::KeyAt { key, revision } => self.get(key).is_none_or(|entry| entry.revision != *revision),
            Condition::KeyAbsent { key } => self.entries.contains_key(key),
            Condition::LeaseHolds(lease) => !self.leases.contains_key(lease),
        })
    }

    /// What the writes of `txn` change; nothing where all it does is to delete what is not there.
    pub(super) fn operations(&self, txn: &Txn) -> Vec<Operation> {
        let operation = |(key, write): (&Key, &Write)| match write {
            Write::Put { value, lease } => {
                Some(Operation::Put { key: key.clone(), value: value.clone(), lease: *lease })
            }
            Write::Delete => self.entries.contains_key(key).then(|| Operation::Delete { key: key.clone() }),
        };
        txn.writes().iter().filter_map(operation).collect()
    }

    /// Bytes of all keys and values once `operations` are done.
    pub(super) fn bytes_after(&self, operations: &[Operation]) -> usize {
        operations.iter().fold(self.bytes, |bytes, operation| match operation {
            Operation::Put { key, value, .. } => bytes - self.bytes_of(key) + size(key, value),
            Operation::Delete { key } => bytes - self.bytes_of(key),
            Operation::Grant { .. } | Operation::End { .. } => bytes,
        })
    }

    fn bytes_of(&self, key: &Key) -> usize {
        self.get(key).map_or(0, |entry| size(key, &entry.value))
    }

    /// The revision that comes next.
    pub(super) const fn next(&self, operations: Vec<Operation>) -> Record {
        Record { revision: Revision(self.revision.0 + 1), operations }
    }

    /// Does what a record says, and tells what it changes. The caller has seen to it that it comes next.
    pub(super) fn apply(&mut self, record: Record) -> Changes {
        self.revision = record.revision;
        let mut changes = BTreeMap::new();
        for operation in record.operations {
            match operation {
                Operation::Put { key, value, lease } => {
                    self.remove(&key);
                    self.bytes += size(&key, &value);
                    let entry = Entry { value: value.clone(), revision: record.revision, lease };
                    self.entries.insert(key.clone(), entry);
                    changes.insert(key.clone(), Change::Put { key, value, lease });
                }
                Operation::Delete { key } => {
                    self.remove(&key);
                    changes.insert(key.clone(), Change::Delete { key });
                }
                Operation::Grant { lease, ttl } => {
                    self.leases.insert(lease, ttl);
                    self.next_lease = self.next_lease.max(LeaseId(lease.0 + 1));
                }
                Operation::End { lease } => {
                    self.leases.remove(&lease);
                    let bound = self.entries.iter().filter(|(_, entry)| entry.lease == Some(lease));
                    let bound: Vec<Key> = bound.map(|(key, _)| key.clone()).collect();
                    for key in bound {
                        self.remove(&key);
                        changes.insert(key.clone(), Change::Delete { key });
                    }
                }
            }
        }
        Changes { revision: record.revision, changes: changes.into_values().collect() }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= size(key, &entry.value);
        }
    }

    /// As a log begins with it. Persisted: keep the order stable.
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        put_u64(into, self.revision.0);
        put_u64(into, self.next_lease.0);
        put_u32(into, u32::try_from(self.leases.len()).expect("leases are held by processes"));
        for (lease, ttl) in &self.leases {
            put_u64(into, lease.0);
            record::put_ttl(into, *ttl);
        }
        put_u32(into, u32::try_from(self.entries.len()).expect("the store's bytes are bounded"));
        for (key, entry) in &self.entries {
            put_bytes(into, key.as_str().as_bytes());
            put_bytes(into, entry.value.as_bytes());
            put_u64(into, entry.revision.0);
            record::put_lease(into, entry.lease);
        }
    }

    /// `None` for what no release has written.
    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let mut state = Self { revision: Revision(fields.u64()?), next_lease: LeaseId(fields.u64()?), ..Self::empty() };
        for _ in 0..fields.u32()? {
            state.leases.insert(LeaseId(fields.u64()?), record::ttl(fields)?);
        }
        for _ in 0..fields.u32()? {
            let (key, value) = (record::key(fields)?, record::value(fields)?);
            let entry = Entry { value, revision: Revision(fields.u64()?), lease: record::lease(fields)? };
            state.bytes += size(&key, &entry.value);
            state.entries.insert(key, entry);
        }
        fields.is_empty().then_some(state)
    }
}

fn size(key: &Key, value: &Value) -> usize {
    key.as_str().len() + value.as_bytes().len()
}
