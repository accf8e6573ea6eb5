//! One transaction as the log keeps it. Persisted: keep the numbers stable.

use super::field::{Fields, put_bytes, put_u32, put_u64};
use crate::key::{Key, Value};
use crate::lease::{LeaseId, Ttl};
use crate::txn::Revision;
use std::time::Duration;

/// What one revision did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) revision: Revision,
    pub(super) operations: Vec<Operation>,
}

/// A step of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    Put {
        key: Key,
        value: Value,
        lease: Option<LeaseId>,
    },
    Delete {
        key: Key,
    },
    Grant {
        lease: LeaseId,
        ttl: Ttl,
    },
    /// Ends a lease, and takes away the keys that are bound to it then.
    End {
        lease: LeaseId,
    },
}

const PUT: u8 = 1;
const DELETE: u8 = 2;
const GRANT: u8 = 3;
const END: u8 = 4;

impl Record {
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        put_u64(into, self.revision.0);
        put_u32(into, u32::try_from(self.operations.len()).expect("a transaction has few operations"));
        for operation in &self.operations {
            match operation {
                Operation::Put { key, value, lease } => {
                    into.push(PUT);
                    put_bytes(into, key.as_str().as_bytes());
                    put_bytes(into, value.as_bytes());
                    put_lease(into, *lease);
                }
                Operation::Delete { key } => {
                    into.push(DELETE);
                    put_bytes(into, key.as_str().as_bytes());
                }
                Operation::Grant { lease, ttl } => {
                    into.push(GRANT);
                    put_u64(into, lease.0);
                    put_ttl(into, *ttl);
                }
                Operation::End { lease } => {
                    into.push(END);
                    put_u64(into, lease.0);
                }
            }
        }
    }

    /// `None` for what no release has written.
    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let revision = Revision(fields.u64()?);
        let count = fields.u32()?;
        let mut operations = Vec::new();
        for _ in 0..count {
            operations.push(match fields.u8()? {
                PUT => Operation::Put { key: key(fields)?, value: value(fields)?, lease: lease(fields)? },
                DELETE => Operation::Delete { key: key(fields)? },
                GRANT => Operation::Grant { lease: LeaseId(fields.u64()?), ttl: ttl(fields)? },
                END => Operation::End { lease: LeaseId(fields.u64()?) },
                _ => return None,
            });
        }
        fields.is_empty().then_some(Self { revision, operations })
    }
}

pub(super) fn key(fields: &mut Fields<'_>) -> Option<Key> {
    Key::new(std::str::from_utf8(fields.bytes()?).ok()?).ok()
}

pub(super) fn value(fields: &mut Fields<'_>) -> Option<Value> {
    Value::new(fields.bytes()?).ok()
}

/// Leases count from 1, so that 0 stands for none.
pub(super) fn put_lease(into: &mut Vec<u8>, lease: Option<LeaseId>) {
    put_u64(into, lease.map_or(0, |lease| lease.0));
}

pub(super) fn lease(fields: &mut Fields<'_>) -> Option<Option<LeaseId>> {
    let number = fields.u64()?;
    Some((number != 0).then_some(LeaseId(number)))
}

pub(super) fn put_ttl(into: &mut Vec<u8>, ttl: Ttl) {
    put_u64(into, u64::try_from(ttl.duration().as_millis()).expect("no ttl is longer than an hour"));
}

pub(super) fn ttl(fields: &mut Fields<'_>) -> Option<Ttl> {
    Ttl::new(Duration::from_millis(fields.u64()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_operation() -> impl Strategy<Value = Operation> {
        let key = "[a-z/]{1,9}".prop_map(|text| Key::new(&text).unwrap());
        let value = prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Value::new(&bytes).unwrap());
        let lease = (1..u64::MAX).prop_map(LeaseId);
        let ttl = (1000..3_600_000_u64).prop_map(|ms| Ttl::new(Duration::from_millis(ms)).unwrap());
        prop_oneof![
            (key.clone(), value, prop::option::of(lease.clone())).prop_map(|(key, value, lease)| Operation::Put {
                key,
                value,
                lease
            }),
            key.prop_map(|key| Operation::Delete { key }),
            (lease.clone(), ttl).prop_map(|(lease, ttl)| Operation::Grant { lease, ttl }),
            lease.prop_map(|lease| Operation::End { lease }),
        ]
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            revision in any::<u64>(),
            operations in prop::collection::vec(any_operation(), 0..6),
        ) {
            let record = Record { revision: Revision(revision), operations };
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            prop_assert_eq!(Record::decode(&mut Fields::of(&bytes)), Some(record));
            for end in 0..bytes.len() {
                prop_assert_eq!(Record::decode(&mut Fields::of(&bytes[..end])), None);
            }
        }

        #[test]
        fn no_bytes_are_read_as_more_than_they_are(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(record) = Record::decode(&mut Fields::of(&bytes)) {
                let mut again = Vec::new();
                record.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
