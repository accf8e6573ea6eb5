//! Sets of slots as bits, in words from the lowest slot on.

/// Words for so many slots, all of them in the set.
pub(crate) fn full(slots: usize) -> Vec<u64> {
    let mut words = vec![u64::MAX; slots.div_ceil(64)];
    if let Some(last) = words.last_mut()
        && !slots.is_multiple_of(64)
    {
        *last = (1 << (slots % 64)) - 1;
    }
    words
}

/// Returns whether the set holds `slot`.
pub(crate) fn holds(words: &[u64], slot: usize) -> bool {
    words[slot / 64] & (1 << (slot % 64)) != 0
}

/// How many slots the set holds.
pub(crate) fn count(words: &[u64]) -> usize {
    words.iter().map(|word| word.count_ones() as usize).sum()
}

/// The slots of the set, rising.
pub(crate) fn slots(words: &[u64]) -> impl Iterator<Item = usize> {
    words.iter().enumerate().flat_map(|(number, &word)| {
        std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)))
            .take_while(|&rest| rest != 0)
            .map(move |rest| number * 64 + rest.trailing_zeros() as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_set_ends_with_its_slots() {
        for slots in [0, 1, 63, 64, 65, 200] {
            let words = full(slots);
            assert_eq!((words.len(), count(&words)), (slots.div_ceil(64), slots));
        }
    }

    proptest! {
        #[test]
        fn slots_are_those_that_it_holds(words in prop::collection::vec(any::<u64>(), 0..5)) {
            let held: Vec<_> = (0..words.len() * 64).filter(|&slot| holds(&words, slot)).collect();
            prop_assert_eq!(slots(&words).collect::<Vec<_>>(), held);
        }
    }
}
