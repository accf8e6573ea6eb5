//! One path's values, ascending, and the slots of each: the body of a column.
//!
//! Every number is a little-endian u32. A *cumulative* table says where each part ends; it begins where the one before
//! ended.
//!
//! | part | bytes |
//! |---|---|
//! | entries, bitmaps, steps, bytes of keys, slots of runs, bytes of bitmaps, 1 if no row has two scalars here | 7 × 4 |
//! | ends of the entries' keys, cumulative bytes | 4 an entry |
//! | ends of the entries' runs, cumulative slots | 4 an entry |
//! | bitmaps: the entry, then cumulative slots, then cumulative bytes | 12 a bitmap |
//! | steps: the entry, then cumulative bytes | 8 a step |
//! | keys, ascending | |
//! | runs: ascending slots, 4 bytes each; none where the entry has a bitmap | |
//! | bitmaps of entries, roaring in the portable format | |
//! | bitmaps of steps, likewise: all slots of the entries before the step's | |
//!
//! The slots of consecutive runs are consecutive bytes, so a range of rare values is read in one sweep. Steps make a
//! broad range cheap: what is before its end without what is before its start, each read from the nearest step. That
//! is right only where no row has two values, so other columns have none.

mod write;

pub(super) use write::{bytes_of, write};

use super::posting;
use super::slots::Slots;
use std::cmp::Ordering;
use std::ops::Range;

const HEADER_BYTES: usize = 28;

/// A view of a column's bytes. Nothing of them is trusted: what cannot be read is `None`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dictionary<'a> {
    single: bool,
    key_ends: &'a [[u8; 4]],
    run_ends: &'a [[u8; 4]],
    bitmaps: &'a [[u8; 12]],
    steps: &'a [[u8; 8]],
    keys: &'a [u8],
    runs: &'a [u8],
    bitmap_bytes: &'a [u8],
    step_bytes: &'a [u8],
}

impl<'a> Dictionary<'a> {
    /// The column of a path that no row has.
    pub(super) const EMPTY: Dictionary<'static> = Dictionary {
        single: true,
        key_ends: &[],
        run_ends: &[],
        bitmaps: &[],
        steps: &[],
        keys: &[],
        runs: &[],
        bitmap_bytes: &[],
        step_bytes: &[],
    };

    /// Checks the lengths of the parts, and nothing that would take longer the more rows there are.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let (header, []) = posting::take(&mut bytes, HEADER_BYTES)?.as_chunks::<4>() else { return None };
        let numbers: [usize; 7] = std::array::from_fn(|at| u32::from_le_bytes(header[at]) as usize);
        let [entries, bitmaps, steps, key_bytes, run_slots, bitmap_bytes, single] = numbers;
        let mut part = |count: usize, size: usize| posting::take(&mut bytes, count.checked_mul(size)?);
        let column = Self {
            single: single == 1,
            key_ends: part(entries, 4)?.as_chunks().0,
            run_ends: part(entries, 4)?.as_chunks().0,
            bitmaps: part(bitmaps, 12)?.as_chunks().0,
            steps: part(steps, 8)?.as_chunks().0,
            keys: part(key_bytes, 1)?,
            runs: part(run_slots, 4)?,
            bitmap_bytes: part(bitmap_bytes, 1)?,
            step_bytes: bytes,
        };
        let last_step = column.steps.last().map_or(0, |step| field(step, 1));
        (single <= 1 && last_step == column.step_bytes.len()).then_some(column)
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

    /// What [`Dictionary::unite`] costs, in slots that are added one by one.
    pub(super) fn cost(&self, entries: &Range<usize>) -> Option<u64> {
        let direct = self.cost_directly(entries)?;
        Some(self.cost_by_steps(entries).map_or(direct, |by_steps| by_steps.min(direct)))
    }

    /// Adds the slots of these entries; `None` when the bytes are damaged, and then the set is of no use.
    pub(super) fn unite(&self, entries: &Range<usize>, slots: &mut Slots) -> Option<()> {
        match self.cost_by_steps(entries) {
            Some(by_steps) if by_steps < self.cost_directly(entries)? => {
                let mut range = self.before(entries.end, slots.rows())?;
                range.subtract(&self.before(entries.start, slots.rows())?);
                slots.unite(&range);
                Some(())
            }
            _ => self.unite_directly(entries, slots),
        }
    }

    fn cost_directly(&self, entries: &Range<usize>) -> Option<u64> {
        let bitmaps = self.bitmaps_of(entries);
        let of_bitmaps =
            |measure| self.bitmap_end(bitmaps.end, measure)?.checked_sub(self.bitmap_end(bitmaps.start, measure)?);
        let in_runs = end(self.run_ends, entries.end)?.checked_sub(end(self.run_ends, entries.start)?)?;
        Some(in_runs as u64 + cost_of_roaring(of_bitmaps(SLOTS)? as u64, of_bitmaps(BYTES)?))
    }

    fn unite_directly(&self, entries: &Range<usize>, slots: &mut Slots) -> Option<()> {
        let from = end(self.run_ends, entries.start)?.checked_mul(4)?;
        let to = end(self.run_ends, entries.end)?.checked_mul(4)?;
        let run = self.runs.get(from..to)?;
        slots.unite_checked(|words| {
            posting::unite_run(run, words)?;
            self.bitmaps_of(entries).try_for_each(|at| {
                let bitmap = self.bitmap_end(at, BYTES)?..self.bitmap_end(at + 1, BYTES)?;
                posting::unite_roaring(self.bitmap_bytes.get(bitmap)?, words)
            })
        })
    }

    /// `None` when there are no steps.
    fn cost_by_steps(&self, entries: &Range<usize>) -> Option<u64> {
        let [start, end] = [entries.start, entries.end].map(|entry| self.nearest_step(entry).map(|(_, cost)| cost));
        start?.checked_add(end?)
    }

    /// The slots of every entry before this one.
    fn before(&self, entry: usize, rows: u32) -> Option<Slots> {
        let (step, _) = self.nearest_step(entry)?;
        let mut slots = Slots::none(rows);
        if let Some(at) = step.checked_sub(1) {
            let bitmap = self.step_bytes.get(self.step(at, BYTES_OF_STEP)?..self.step(step, BYTES_OF_STEP)?)?;
            slots.unite_checked(|words| posting::unite_roaring(bitmap, words))?;
        }
        let from = self.step(step, ENTRY)?;
        if from <= entry {
            self.unite_directly(&(from..entry), &mut slots)?;
        } else {
            let mut beyond = Slots::none(rows);
            self.unite_directly(&(entry..from), &mut beyond)?;
            slots.subtract(&beyond);
        }
        Some(slots)
    }

    /// The step from which the slots before an entry are found at least cost, and that cost. Step 0 is the first
    /// entry, before which there is none; step s is the row s − 1 of the table.
    fn nearest_step(&self, entry: usize) -> Option<(usize, u64)> {
        if self.steps.is_empty() {
            return None;
        }
        let below = self.steps.partition_point(|step| field(step, ENTRY) <= entry);
        let above = Some(below + 1).filter(|above| *above <= self.steps.len());
        let cost = |step: usize| {
            let from = self.step(step, ENTRY)?;
            let between = self.cost_directly(&(from.min(entry)..from.max(entry)))?;
            let bytes = match step.checked_sub(1) {
                None => 0,
                Some(before) => self.step(step, BYTES_OF_STEP)?.checked_sub(self.step(before, BYTES_OF_STEP)?)?,
            };
            Some((step, between + cost_of_roaring(self.count(&(0..from))?, bytes)))
        };
        [Some(below), above].into_iter().flatten().filter_map(cost).min_by_key(|(_, cost)| *cost)
    }

    /// A field of a step; of step 0 it is 0.
    fn step(&self, step: usize, at: usize) -> Option<usize> {
        if step == 0 { Some(0) } else { Some(field(self.steps.get(step - 1)?, at)) }
    }

    fn key(&self, entry: usize) -> Option<&'a [u8]> {
        self.keys.get(end(self.key_ends, entry)?..end(self.key_ends, entry + 1)?)
    }

    /// The bitmaps of these entries.
    fn bitmaps_of(&self, entries: &Range<usize>) -> Range<usize> {
        let before = |entry: usize| self.bitmaps.partition_point(|bitmap| field(bitmap, ENTRY) < entry);
        let start = before(entries.start);
        start..before(entries.end).max(start)
    }

    /// Where the bitmap before this one ends, in slots or bytes.
    fn bitmap_end(&self, at: usize, measure: usize) -> Option<usize> {
        if at == 0 { Some(0) } else { Some(field(self.bitmaps.get(at - 1)?, measure)) }
    }
}

/// The numbers of a row in the tables of bitmaps and steps.
const ENTRY: usize = 0;
const SLOTS: usize = 1;
const BYTES: usize = 2;
const BYTES_OF_STEP: usize = 1;

/// What a roaring bitmap costs to read, in slots that are added one by one: as many as it has where they are listed
/// with 2 bytes each, and a slot for 8 bytes where they are bits or runs.
fn cost_of_roaring(slots: u64, bytes: usize) -> u64 {
    let bytes = bytes as u64;
    if bytes >= slots.saturating_mul(2) { slots } else { bytes / 8 }
}

fn field(row: &[u8], at: usize) -> usize {
    u32::from_le_bytes(row.as_chunks().0[at]) as usize
}

/// Where the part before this one ends.
pub(super) fn end(ends: &[[u8; 4]], at: usize) -> Option<usize> {
    if at == 0 { Some(0) } else { Some(u32::from_le_bytes(*ends.get(at - 1)?) as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_fill_the_body() {
        for rows in [10, 10_000] {
            let entries =
                (0..rows).map(|slot: u32| (vec![2, slot.to_be_bytes()[2], slot.to_be_bytes()[3]], vec![slot]));
            let body = write(entries.collect::<Vec<_>>().into_iter(), true, rows);
            assert!(Dictionary::parse(&body).is_some());
            assert!(Dictionary::parse(&body[..body.len() - 1]).is_none());
            assert!(Dictionary::parse(&[&body[..], &[0]].concat()).is_none());
        }
    }
}
