//! A set of slots of one segment, a bit for each.
//!
//! Dense on purpose: a walk asks "may this slot be an answer?" for every neighbour, and a million rows are 125 KB,
//! which is united, intersected and inverted in some microseconds.

/// Slots of a segment, each below its number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// Slot s is bit s % 64 of word s / 64. Bits from `rows` on are 0.
    words: Vec<u64>,
    rows: u32,
}

impl Slots {
    /// No slot of a segment of this many rows.
    pub fn none(rows: u32) -> Self {
        Self { words: vec![0; words_of(rows)], rows }
    }

    /// Every slot of a segment of this many rows.
    pub fn all(rows: u32) -> Self {
        let mut slots = Self { words: vec![u64::MAX; words_of(rows)], rows };
        slots.clear_tail();
        slots
    }

    /// From words as [`Slots::words`] has them. `None` when they are not as many as the rows need, or name a slot
    /// that is not below `rows`.
    pub fn from_words(rows: u32, words: Vec<u64>) -> Option<Self> {
        let slots = Self { words, rows };
        (slots.words.len() == words_of(rows) && slots.tail_is_clear()).then_some(slots)
    }

    /// Slot s is bit s % 64 of word s / 64; bits from the number of rows on are 0.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The words, without a copy.
    pub fn into_words(self) -> Vec<u64> {
        self.words
    }

    /// Rows of the segment.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// How many slots are in the set.
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Returns whether no slot is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// Returns whether a slot is in the set.
    pub fn contains(&self, slot: u32) -> bool {
        self.words.get(slot as usize / 64).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    /// Adds a slot.
    ///
    /// # Panics
    /// If it is not below the number of rows.
    pub fn insert(&mut self, slot: u32) {
        assert!(slot < self.rows, "slot {slot} of {} rows", self.rows);
        self.words[slot as usize / 64] |= 1 << (slot % 64);
    }

    /// The slots, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..).step_by(64).zip(&self.words).flat_map(|(first, &word)| Bits(word).map(move |bit| first + bit))
    }

    /// Keeps what the other has too.
    pub fn intersect(&mut self, other: &Self) {
        self.combine(other, |word, other| word & other);
    }

    /// Adds what the other has.
    pub fn unite(&mut self, other: &Self) {
        self.combine(other, |word, other| word | other);
    }

    /// Removes what the other has.
    pub fn subtract(&mut self, other: &Self) {
        self.combine(other, |word, other| word & !other);
    }

    /// Every slot that was not in the set, and none that was.
    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.clear_tail();
    }

    /// Lets bytes that nobody vouches for add slots; `None` when they name a slot beyond the rows.
    pub(super) fn unite_checked(&mut self, add: impl FnOnce(&mut [u64]) -> Option<()>) -> Option<()> {
        let added = add(&mut self.words);
        let valid = self.tail_is_clear();
        self.clear_tail();
        added.filter(|()| valid)
    }

    fn combine(&mut self, other: &Self, operation: impl Fn(u64, u64) -> u64) {
        assert_eq!(self.rows, other.rows, "sets of slots of the same segment");
        self.words.iter_mut().zip(&other.words).for_each(|(word, &other)| *word = operation(*word, other));
    }

    fn clear_tail(&mut self) {
        let mask = self.tail_mask();
        if let Some(last) = self.words.last_mut() {
            *last &= mask;
        }
    }

    fn tail_is_clear(&self) -> bool {
        self.words.last().is_none_or(|last| last & !self.tail_mask() == 0)
    }

    /// The bits of the last word that are slots.
    fn tail_mask(&self) -> u64 {
        if self.rows.is_multiple_of(64) { u64::MAX } else { (1 << (self.rows % 64)) - 1 }
    }
}

fn words_of(rows: u32) -> usize {
    rows.div_ceil(64) as usize
}

/// The bits of a word that are 1, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const ROWS: u32 = 130;

    fn slots(set: &BTreeSet<u32>) -> Slots {
        let mut slots = Slots::none(ROWS);
        set.iter().for_each(|&slot| slots.insert(slot));
        slots
    }

    proptest! {
        #[test]
        fn sets_of_slots_are_sets(
            a in prop::collection::btree_set(0..ROWS, 0..40),
            b in prop::collection::btree_set(0..ROWS, 0..40),
        ) {
            let check = |operation: fn(&mut Slots, &Slots), want: BTreeSet<u32>| {
                let mut got = slots(&a);
                operation(&mut got, &slots(&b));
                prop_assert_eq!(got.iter().collect::<BTreeSet<_>>(), want);
                Ok(())
            };
            check(Slots::intersect, &a & &b)?;
            check(Slots::unite, &a | &b)?;
            check(Slots::subtract, &a - &b)?;
            check(|set, _| set.invert(), &(0..ROWS).collect() - &a)?;
            prop_assert_eq!(slots(&a).count() as usize, a.len());
            prop_assert_eq!(slots(&a).is_empty(), a.is_empty());
            prop_assert!((0..ROWS).all(|slot| slots(&a).contains(slot) == a.contains(&slot)));
        }
    }

    #[test]
    fn words_must_fit_the_rows() {
        assert_eq!(Slots::from_words(64, vec![u64::MAX]), Some(Slots::all(64)));
        assert_eq!(Slots::from_words(63, vec![u64::MAX]), None);
        assert_eq!(Slots::from_words(65, vec![0]), None);
        assert_eq!(Slots::from_words(0, vec![]), Some(Slots::all(0)));
    }

    #[test]
    fn a_slot_beyond_the_rows_is_refused_and_forgotten() {
        let mut slots = Slots::none(3);
        let set_bit_3 = |words: &mut [u64]| {
            words[0] |= 0b1010;
            Some(())
        };
        assert_eq!(slots.unite_checked(set_bit_3), None);
        assert_eq!(slots.iter().collect::<Vec<_>>(), [1]);
        assert!(!slots.contains(200));
    }
}
