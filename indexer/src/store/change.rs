//! The change log: seq → which document, what was done, which point was born and which was killed.
//!
//! It serves those who follow a shard, and moves to another number of shards.

use super::codec::{self, CorruptValue};
use super::document::StoredDocument;
use super::key::KeyKind;
use annuli_core::{DocId, Point, Seq};
use bincode::{Decode, Encode};

/// A change to be committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its number.
    pub seq: Seq,
    /// The document that changes.
    pub id: DocId,
    /// What was asked for.
    pub kind: ChangeKind,
    /// The document from now on; `None` when it is deleted.
    pub document: Option<StoredDocument>,
    /// The point that dies: the version that the document had before.
    pub killed: Option<Point>,
}

/// What was asked for.
// Persisted: keep stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum ChangeKind {
    /// The document was stored whole.
    Put,
    /// Parts of it were changed.
    Patch,
    /// It was removed.
    Delete,
}

/// A change as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedChange {
    /// Its number.
    pub seq: Seq,
    /// The document that changed.
    pub id: DocId,
    /// What was asked for.
    pub kind: ChangeKind,
    /// The point that was born.
    pub born: Option<Point>,
    /// The point that died.
    pub killed: Option<Point>,
}

const VERSION: u8 = 1;

#[derive(Encode, Decode)]
struct ChangeRow {
    id: String,
    kind: ChangeKind,
    born: Option<u64>,
    killed: Option<u64>,
}

/// Before every change's key.
pub(super) fn first_key() -> Vec<u8> {
    ser_key(Seq::ZERO)
}

pub(super) fn is_key(key: &[u8]) -> bool {
    KeyKind::Change.rest(key).is_some()
}

pub(super) fn ser_key(seq: Seq) -> Vec<u8> {
    KeyKind::Change.key(&seq.0.to_be_bytes())
}

pub(super) fn ser_value(change: &Change) -> Vec<u8> {
    let row = ChangeRow {
        id: change.id.as_str().to_owned(),
        kind: change.kind,
        born: change.document.as_ref().map(|document| document.point.0),
        killed: change.killed.map(|point| point.0),
    };
    codec::encode(VERSION, &row)
}

pub(super) fn deser(key: &[u8], value: &[u8]) -> Result<LoggedChange, CorruptValue> {
    let rest = KeyKind::Change.rest(key).unwrap_or_default();
    let seq = rest.try_into().map_err(|_| CorruptValue::Length { bytes: rest.len(), wanted: 8 })?;
    let row: ChangeRow = codec::decode(VERSION, value)?;
    Ok(LoggedChange {
        seq: Seq(u64::from_be_bytes(seq)),
        id: DocId::new(&row.id).map_err(CorruptValue::invalid)?,
        kind: row.kind,
        born: row.born.map(Point),
        killed: row.killed.map(Point),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::{Metadata, Vector};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_change_is_read_back(seq: u64, id in ".{1,100}", kind in 0usize..3, born: Option<u64>, killed: Option<u64>) {
            let document = born.map(|point| StoredDocument {
                seq: Seq(seq),
                point: Point(point),
                vector: Vector::new(vec![1.0]).unwrap(),
                metadata: Metadata::default(),
            });
            let change = Change {
                seq: Seq(seq),
                id: DocId::new(&id).unwrap(),
                kind: [ChangeKind::Put, ChangeKind::Patch, ChangeKind::Delete][kind],
                document,
                killed: killed.map(Point),
            };
            let logged = deser(&ser_key(change.seq), &ser_value(&change)).unwrap();
            prop_assert_eq!(logged, LoggedChange {
                seq: change.seq,
                id: change.id,
                kind: change.kind,
                born: born.map(Point),
                killed: change.killed,
            });
        }

        #[test]
        fn no_bytes_make_the_reader_panic(key: Vec<u8>, value: Vec<u8>) {
            let _ = deser(&key, &value);
        }

        #[test]
        fn keys_sort_as_numbers_do(a: u64, b: u64) {
            prop_assert_eq!(ser_key(Seq(a)).cmp(&ser_key(Seq(b))), a.cmp(&b));
        }
    }
}
