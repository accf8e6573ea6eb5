//! One path's values, ascending, and the slots of each: the body of a column.
//!
//! Every number is a little-endian u32. A *cumulative* table says where each part ends; it begins where the one before
//! ended.
//!
//! | part | bytes |
//! |---|---|
//! | entries, bitmaps, bytes of keys, slots of runs, 1 if no row has two scalars here | 5 × 4 |
//! | ends of the entries' keys, cumulative bytes | 4 an entry |
//! | ends of the entries' runs, cumulative slots | 4 an entry |
//! | bitmaps: the entry, then cumulative slots, then cumulative bytes | 12 a bitmap |
//! | keys, ascending | |
//! | runs: ascending slots, 4 bytes each; none where the entry has a bitmap | |
//! | roaring bitmaps, portable format | |
//!
//! The slots of consecutive runs are consecutive bytes, so a range of rare values is read in one sweep.

use super::key::Key;
use super::posting;
use super::slots::Slots;
use std::cmp::Ordering;
use std::ops::Range;

const HEADER_BYTES: usize = 20;

/// A view of a column's bytes. Nothing of them is trusted: what cannot be read is `None`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dictionary<'a> {
    single: bool,
    key_ends: &'a [[u8; 4]],
    run_ends: &'a [[u8; 4]],
    bitmaps: &'a [[u8; 12]],
    keys: &'a [u8],
    runs: &'a [u8],
    roaring: &'a [u8],
}

impl<'a> Dictionary<'a> {
    /// The column of a path that no row has.
    pub(super) const EMPTY: Dictionary<'static> =
        Dictionary { single: true, key_ends: &[], run_ends: &[], bitmaps: &[], keys: &[], runs: &[], roaring: &[] };

    /// Checks the lengths of the parts, and nothing that would take longer the more rows there are.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let (header, []) = posting::take(&mut bytes, HEADER_BYTES)?.as_chunks::<4>() else { return None };
        let numbers: [usize; 5] = std::array::from_fn(|at| u32::from_le_bytes(header[at]) as usize);
        let [entries, bitmaps, key_bytes, run_slots, single] = numbers;
        let mut part = |count: usize, size: usize| posting::take(&mut bytes, count.checked_mul(size)?);
        let key_ends = part(entries, 4)?.as_chunks().0;
        let run_ends = part(entries, 4)?.as_chunks().0;
        let bitmaps = part(bitmaps, 12)?.as_chunks().0;
        let keys = part(key_bytes, 1)?;
        let runs = part(run_slots, 4)?;
        (single <= 1).then_some(Self { single: single == 1, key_ends, run_ends, bitmaps, keys, runs, roaring: bytes })
    }

    /// Returns whether no row reaches two scalars by this path.
    pub(super) fn is_single(&self) -> bool {
        self.single
    }

    /// The entries whose keys are below `key`: as many as stand before it.
    pub(super) fn entries_below(&self, key: &[u8]) -> Option<usize> {
        let mut unknown = 0..self.key_ends.len();
        while !unknown.is_empty() {
            let middle = unknown.start + unknown.len() / 2;
            if self.key(middle)?.cmp(key) == Ordering::Less {
                unknown.start = middle + 1;
            } else {
                unknown.end = middle;
            }
        }
        Some(unknown.start)
    }

    /// The entry of this key, or an empty range where it would stand.
    pub(super) fn entry(&self, key: &[u8]) -> Option<Range<usize>> {
        let at = self.entries_below(key)?;
        let found = at < self.key_ends.len() && self.key(at)? == key;
        Some(at..at + usize::from(found))
    }

    /// Slots of all these entries, one by one: a slot of two entries counts twice.
    pub(super) fn count(&self, entries: &Range<usize>) -> Option<u64> {
        let bitmaps = self.bitmaps_of(entries);
        let in_bitmaps = self.bitmap_end(bitmaps.end, SLOTS)?.checked_sub(self.bitmap_end(bitmaps.start, SLOTS)?)?;
        let in_runs = end(self.run_ends, entries.end)?.checked_sub(end(self.run_ends, entries.start)?)?;
        Some(in_bitmaps as u64 + in_runs as u64)
    }

    /// What it costs to add the slots of these entries to a set, in slots that are added one by one.
    pub(super) fn cost(&self, entries: &Range<usize>) -> Option<u64> {
        /// A container of bits adds 64 slots with 8 bytes, one of an array adds 4.
        const BITMAP_BYTES_PER_SLOT: u64 = 4;
        let bitmaps = self.bitmaps_of(entries);
        let bytes = self.bitmap_end(bitmaps.end, BYTES)?.checked_sub(self.bitmap_end(bitmaps.start, BYTES)?)?;
        let in_runs = end(self.run_ends, entries.end)?.checked_sub(end(self.run_ends, entries.start)?)?;
        Some(in_runs as u64 + bytes as u64 / BITMAP_BYTES_PER_SLOT)
    }

    /// Adds the slots of these entries; `None` when the bytes are damaged, and then the set is of no use.
    pub(super) fn unite(&self, entries: &Range<usize>, slots: &mut Slots) -> Option<()> {
        let from = end(self.run_ends, entries.start)?.checked_mul(4)?;
        let to = end(self.run_ends, entries.end)?.checked_mul(4)?;
        let run = self.runs.get(from..to)?;
        slots.unite_checked(|words| {
            posting::unite_run(run, words)?;
            self.bitmaps_of(entries).try_for_each(|at| {
                let bitmap = self.bitmap_end(at, BYTES)?..self.bitmap_end(at + 1, BYTES)?;
                posting::unite_roaring(self.roaring.get(bitmap)?, words)
            })
        })
    }

    fn key(&self, entry: usize) -> Option<&'a [u8]> {
        self.keys.get(end(self.key_ends, entry)?..end(self.key_ends, entry + 1)?)
    }

    /// The bitmaps of these entries.
    fn bitmaps_of(&self, entries: &Range<usize>) -> Range<usize> {
        let before = |entry: usize| self.bitmaps.partition_point(|bitmap| (number::<ENTRY>(bitmap) as usize) < entry);
        let start = before(entries.start);
        start..before(entries.end).max(start)
    }

    /// Where the bitmap before this one ends, in slots or bytes.
    fn bitmap_end(&self, at: usize, measure: fn(&[u8; 12]) -> u32) -> Option<usize> {
        if at == 0 { Some(0) } else { Some(measure(self.bitmaps.get(at - 1)?) as usize) }
    }
}

/// The fields of a bitmap's row in the table.
const ENTRY: usize = 0;
const SLOTS: fn(&[u8; 12]) -> u32 = number::<1>;
const BYTES: fn(&[u8; 12]) -> u32 = number::<2>;

fn number<const FIELD: usize>(bitmap: &[u8; 12]) -> u32 {
    u32::from_le_bytes(bitmap.as_chunks().0[FIELD])
}

/// Where the part before this one ends.
pub(super) fn end(ends: &[[u8; 4]], at: usize) -> Option<usize> {
    if at == 0 { Some(0) } else { Some(u32::from_le_bytes(*ends.get(at - 1)?) as usize) }
}

/// The bytes of a column: its keys, ascending, each with its slots, ascending.
pub(super) fn write(entries: impl ExactSizeIterator<Item = (Key, Vec<u32>)>, single: bool) -> Vec<u8> {
    let count = entries.len();
    let [mut key_ends, mut run_ends, mut bitmaps] = [Vec::new(), Vec::new(), Vec::new()];
    let [mut keys, mut runs, mut roaring] = [Vec::new(), Vec::new(), Vec::new()];
    let mut slots_in_bitmaps = 0;
    for (at, (key, slots)) in entries.enumerate() {
        keys.extend(key);
        match posting::roaring(&slots) {
            None => runs.extend(slots.iter().flat_map(|slot| slot.to_le_bytes())),
            Some(bytes) => {
                roaring.extend(bytes);
                slots_in_bitmaps += slots.len();
                bitmaps.extend([at, slots_in_bitmaps, roaring.len()].into_iter().flat_map(bytes_of));
            }
        }
        key_ends.extend(bytes_of(keys.len()));
        run_ends.extend(bytes_of(runs.len() / 4));
    }
    let header = [count, bitmaps.len() / 12, keys.len(), runs.len() / 4, usize::from(single)];
    let header: Vec<u8> = header.into_iter().flat_map(bytes_of).collect();
    [header, key_ends, run_ends, bitmaps, keys, runs, roaring].concat()
}

/// A length as the format has it.
pub(super) fn bytes_of(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a section is bounded far below 4 GiB").to_le_bytes()
}
