//! A segment that belongs to the shard: number → which file it is, and which of its documents are dead.

use super::codec::{self, CorruptValue};
use super::key::KeyKind;
use annuli_core::segment::GRAPH_ROWS_MAX;
use bincode::{Decode, Encode};

/// What the store knows of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRecord {
    /// Its number, which is its file's name. Never given twice while a file of that number is there.
    pub number: u64,
    /// The checksum of its file.
    pub checksum: u64,
    /// Documents in it, dead ones included.
    pub rows: usize,
    /// The dead ones: a bit for each slot, in words from the lowest on; none at all when none is dead.
    pub dead: Vec<u64>,
}

const VERSION: u8 = 1;

/// Followed by the words of the dead as little-endian u64.
#[derive(Encode, Decode)]
struct SegmentRow {
    checksum: u64,
    rows: u64,
    dead_words: u32,
}

/// Before every segment's key.
pub(super) fn first_key() -> Vec<u8> {
    ser_key(0)
}

pub(super) fn is_key(key: &[u8]) -> bool {
    KeyKind::Segment.rest(key).is_some()
}

pub(super) fn ser_key(number: u64) -> Vec<u8> {
    KeyKind::Segment.key(&number.to_be_bytes())
}

pub(super) fn ser_value(record: &SegmentRecord) -> Vec<u8> {
    let row = SegmentRow {
        checksum: record.checksum,
        rows: record.rows as u64,
        dead_words: u32::try_from(record.dead.len()).expect("slots are numbered in 32 bits"),
    };
    let mut bytes = codec::encode(VERSION, &row);
    bytes.reserve_exact(8 * record.dead.len());
    record.dead.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    bytes
}

pub(super) fn deser(key: &[u8], value: &[u8]) -> Result<SegmentRecord, CorruptValue> {
    let rest = KeyKind::Segment.rest(key).unwrap_or_default();
    let number = rest.try_into().map_err(|_| CorruptValue::Length { bytes: rest.len(), wanted: 8 })?;
    let (row, rest): (SegmentRow, _) = codec::decode_prefix(VERSION, value)?;
    let rows = usize::try_from(row.rows).map_err(CorruptValue::invalid)?;
    let (words, odd) = rest.as_chunks::<8>();
    let fits = words.is_empty() || words.len() == rows.div_ceil(64);
    if rows > GRAPH_ROWS_MAX || !fits || !odd.is_empty() || words.len() != row.dead_words as usize {
        return Err(CorruptValue::Length { bytes: rest.len(), wanted: rows.min(GRAPH_ROWS_MAX).div_ceil(64) * 8 });
    }
    Ok(SegmentRecord {
        number: u64::from_be_bytes(number),
        checksum: row.checksum,
        rows,
        dead: words.iter().map(|&word| u64::from_le_bytes(word)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_segment_is_read_back(number: u64, checksum: u64, rows in 1usize..1000, dead: bool) {
            let dead = if dead { vec![checksum | 1; rows.div_ceil(64)] } else { Vec::new() };
            let record = SegmentRecord { number, checksum, rows, dead };
            prop_assert_eq!(deser(&ser_key(number), &ser_value(&record)).unwrap(), record);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(key: Vec<u8>, value: Vec<u8>) {
            let _ = deser(&key, &value);
        }

        #[test]
        fn every_cut_is_refused(rows in 65usize..300) {
            let record = SegmentRecord { number: 1, checksum: 2, rows, dead: vec![3; rows.div_ceil(64)] };
            let bytes = ser_value(&record);
            for length in 0..bytes.len() {
                prop_assert!(deser(&ser_key(1), &bytes[..length]).is_err());
            }
        }
    }
}
