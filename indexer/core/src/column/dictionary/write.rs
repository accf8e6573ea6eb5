//! The bytes of a column.

use crate::column::key::{self, Key};
use crate::column::posting;
use crate::column::slots::Slots;

/// Between two steps are at least as many slots as this part of the rows. With 12 the slots of a step are dense enough
/// to be bits and not lists in its bitmap, and a column's steps take at most 1.5 bytes for each of its values, beside
/// some twenty for the value itself.
const STEPS_PER_ROWS: usize = 12;

/// Fewer slots between two steps are added as fast one by one.
const STEP_SLOTS_MIN: usize = 4096;

/// The bytes of a column: its keys, ascending, each with its slots, ascending.
pub(in crate::column) fn write(
    entries: impl ExactSizeIterator<Item = (Key, Vec<u32>)>,
    single: bool,
    rows: u32,
) -> Vec<u8> {
    let count = entries.len();
    let mut steps = Steps::new(rows, single);
    let [mut key_ends, mut run_ends, mut bitmaps] = [const { Vec::new() }; 3];
    let [mut keys, mut runs, mut bitmap_bytes] = [const { Vec::new() }; 3];
    let mut slots_in_bitmaps = 0;
    for (at, (key, slots)) in entries.enumerate() {
        steps.add(at, &key, &slots);
        keys.extend(key);
        match posting::roaring(&slots) {
            None => runs.extend(slots.iter().flat_map(|slot| slot.to_le_bytes())),
            Some(bytes) => {
                bitmap_bytes.extend(bytes);
                slots_in_bitmaps += slots.len();
                bitmaps.extend([at, slots_in_bitmaps, bitmap_bytes.len()].into_iter().flat_map(bytes_of));
            }
        }
        key_ends.extend(bytes_of(keys.len()));
        run_ends.extend(bytes_of(runs.len() / 4));
    }
    let counts = [count, bitmaps.len() / 12, steps.table.len() / 8];
    let lengths = [keys.len(), runs.len() / 4, bitmap_bytes.len(), usize::from(single)];
    let header: Vec<u8> = counts.into_iter().chain(lengths).flat_map(bytes_of).collect();
    [header, key_ends, run_ends, bitmaps, steps.table, keys, runs, bitmap_bytes, steps.bytes].concat()
}

/// A length as the format has it.
pub(in crate::column) fn bytes_of(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a section is bounded far below 4 GiB").to_le_bytes()
}

/// Every so many slots, all of those before.
struct Steps {
    before: Slots,
    /// Slots since the last step.
    since: usize,
    slots_per_step: usize,
    single: bool,
    table: Vec<u8>,
    bytes: Vec<u8>,
}

impl Steps {
    fn new(rows: u32, single: bool) -> Self {
        let slots_per_step = (rows as usize / STEPS_PER_ROWS).max(STEP_SLOTS_MIN);
        Self { before: Slots::none(rows), since: 0, slots_per_step, single, table: Vec::new(), bytes: Vec::new() }
    }

    /// An entry after those that were added before. What stands behind the values stands behind the last step, so
    /// it need not be in any.
    fn add(&mut self, entry: usize, key: &[u8], slots: &[u32]) {
        if !self.single || !key::is_value(key) {
            return;
        }
        slots.iter().for_each(|slot| self.before.insert(*slot));
        self.since += slots.len();
        if self.since < self.slots_per_step {
            return;
        }
        self.since = 0;
        let before: Vec<u32> = self.before.iter().collect();
        if let Some(bytes) = posting::roaring(&before) {
            self.bytes.extend(bytes);
            self.table.extend([entry + 1, self.bytes.len()].into_iter().flat_map(bytes_of));
        }
    }
}
