//! The slots of one value as bytes, and back into words.
//!
//! Few slots are a run: 4 bytes each, ascending. Many are a roaring bitmap in the portable format, written by the
//! crate `roaring`. It is read here and not by the crate, because a search wants the slots as words: straight from
//! the bytes that is a copy of whole containers, while the crate would first build its own and hand out slot by slot.

use roaring::RoaringBitmap;

/// Below this a roaring bitmap is hardly ever smaller than a run.
const ROARING_SLOTS_MIN: usize = 64;

/// The portable format's first number, without and with containers that are runs.
const COOKIE_WITHOUT_RUNS: u32 = 12_346;
const COOKIE_WITH_RUNS: u32 = 12_347;

/// With runs, fewer containers than this have no table of offsets.
const CONTAINERS_WITH_OFFSETS: usize = 4;

const CONTAINERS_MAX: usize = 1 << 16;
const WORDS_PER_CONTAINER: usize = 1024;
const ARRAY_SLOTS_MAX: usize = 4096;

/// The slots, ascending, as a roaring bitmap; `None` when a run is smaller.
pub(super) fn roaring(slots: &[u32]) -> Option<Vec<u8>> {
    if slots.len() < ROARING_SLOTS_MIN {
        return None;
    }
    let mut bitmap = RoaringBitmap::from_sorted_iter(slots.iter().copied()).expect("slots of a posting ascend");
    bitmap.optimize();
    let bytes = bitmap.serialized_size();
    if bytes >= size_of_val(slots) {
        return None;
    }
    let mut written = Vec::with_capacity(bytes);
    bitmap.serialize_into(&mut written).expect("a vector takes what it is given");
    Some(written)
}

/// Adds the slots of a run; `None` when one is beyond the words.
pub(super) fn unite_run(run: &[u8], words: &mut [u64]) -> Option<()> {
    let (slots, []) = run.as_chunks::<4>() else { return None };
    for slot in slots {
        set(words, u32::from_le_bytes(*slot) as usize)?;
    }
    Some(())
}

/// Adds the slots of a roaring bitmap; `None` when it is damaged or one is beyond the words.
pub(super) fn unite_roaring(bytes: &[u8], words: &mut [u64]) -> Option<()> {
    let mut bytes = bytes;
    let (containers, run_flags) = header(&mut bytes)?;
    let descriptions = take(&mut bytes, containers.checked_mul(4)?)?;
    if run_flags.is_empty() || containers >= CONTAINERS_WITH_OFFSETS {
        // The containers follow each other, so their offsets say nothing more.
        take(&mut bytes, containers * 4)?;
    }
    for (at, description) in descriptions.as_chunks::<4>().0.iter().enumerate() {
        let [key_low, key_high, slots_low, slots_high] = *description;
        let first_word = usize::from(u16::from_le_bytes([key_low, key_high])) * WORDS_PER_CONTAINER;
        let slots = usize::from(u16::from_le_bytes([slots_low, slots_high])) + 1;
        let words = words.get_mut(first_word..)?;
        if run_flags.get(at / 8).is_some_and(|flags| flags & (1 << (at % 8)) != 0) {
            unite_runs(&mut bytes, words)?;
        } else if slots <= ARRAY_SLOTS_MAX {
            let array = take(&mut bytes, slots * 2)?;
            array.as_chunks::<2>().0.iter().try_for_each(|slot| set(words, u16::from_le_bytes(*slot).into()))?;
        } else {
            unite_words(take(&mut bytes, WORDS_PER_CONTAINER * 8)?, words)?;
        }
    }
    bytes.is_empty().then_some(())
}

/// The number of containers, and a bit for each that says whether it is made of runs.
fn header<'a>(bytes: &mut &'a [u8]) -> Option<(usize, &'a [u8])> {
    let cookie = u32_of(take(bytes, 4)?)?;
    if cookie == COOKIE_WITHOUT_RUNS {
        let containers = u32_of(take(bytes, 4)?)? as usize;
        return (containers <= CONTAINERS_MAX).then_some((containers, &[]));
    }
    let containers = (cookie >> 16) as usize + 1;
    (cookie & 0xffff == COOKIE_WITH_RUNS).then_some(())?;
    Some((containers, take(bytes, containers.div_ceil(8))?))
}

fn unite_runs(bytes: &mut &[u8], words: &mut [u64]) -> Option<()> {
    let runs = u16_of(take(bytes, 2)?)?;
    for run in take(bytes, usize::from(runs) * 4)?.as_chunks::<4>().0 {
        let [first_low, first_high, more_low, more_high] = *run;
        let first = usize::from(u16::from_le_bytes([first_low, first_high]));
        let last = first + usize::from(u16::from_le_bytes([more_low, more_high]));
        let (first_word, last_word) = (first / 64, last / 64);
        let (from_first, to_last) = (u64::MAX << (first % 64), u64::MAX >> (63 - last % 64));
        match words.get_mut(first_word..=last_word)? {
            [only] => *only |= from_first & to_last,
            [start, middle @ .., end] => {
                *start |= from_first;
                middle.fill(u64::MAX);
                *end |= to_last;
            }
            [] => return None,
        }
    }
    Some(())
}

/// Adds the words of a container; those beyond the rows must be 0.
fn unite_words(container: &[u8], words: &mut [u64]) -> Option<()> {
    let (container, _) = container.as_chunks::<8>();
    let inside = words.len().min(WORDS_PER_CONTAINER);
    words.iter_mut().zip(container).for_each(|(word, bytes)| *word |= u64::from_le_bytes(*bytes));
    container[inside..].iter().all(|bytes| *bytes == [0; 8]).then_some(())
}

fn set(words: &mut [u64], slot: usize) -> Option<()> {
    *words.get_mut(slot / 64)? |= 1 << (slot % 64);
    Some(())
}

/// Takes bytes from the front.
pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn u16_of(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

pub(super) fn u32_of(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const ROWS: u32 = 200_000;

    /// Sets with all three kinds of containers.
    fn sets() -> impl Strategy<Value = BTreeSet<u32>> {
        let range = (0..ROWS, 1_u32..70_000, 1_usize..5);
        prop::collection::vec(range, 1..5).prop_map(|ranges| {
            let slots = |(from, len, step): (u32, u32, usize)| (from..ROWS.min(from + len)).step_by(step);
            ranges.into_iter().flat_map(slots).collect()
        })
    }

    fn slots_of(words: &[u64]) -> Vec<u32> {
        (0..ROWS).filter(|slot| words[*slot as usize / 64] & (1 << (slot % 64)) != 0).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_forms_give_the_slots_back(set in sets()) {
            let slots: Vec<u32> = set.into_iter().collect();
            let empty = vec![0_u64; ROWS.div_ceil(64) as usize];
            let mut words = empty.clone();
            let run: Vec<u8> = slots.iter().flat_map(|slot| slot.to_le_bytes()).collect();
            prop_assert_eq!(unite_run(&run, &mut words), Some(()));
            prop_assert_eq!(slots_of(&words), &slots[..]);
            if let Some(bytes) = roaring(&slots) {
                let mut words = empty.clone();
                prop_assert_eq!(unite_roaring(&bytes, &mut words), Some(()));
                prop_assert_eq!(slots_of(&words), &slots[..]);
                prop_assert_eq!(unite_roaring(&bytes[..bytes.len() - 1], &mut empty.clone()), None);
                prop_assert_eq!(unite_roaring(&[&bytes[..], &[0]].concat(), &mut empty.clone()), None);
                let too_few = slots[slots.len() - 1] as usize / 64;
                prop_assert_eq!(unite_roaring(&bytes, &mut empty[..too_few].to_vec()), None);
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(
            with_runs in any::<bool>(),
            containers in 0_u16..8,
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let containers = u32::from(containers);
            let mut bytes = if with_runs {
                (COOKIE_WITH_RUNS | (containers << 16)).to_le_bytes().to_vec()
            } else {
                [COOKIE_WITHOUT_RUNS.to_le_bytes(), containers.to_le_bytes()].concat()
            };
            bytes.extend(rest);
            unite_roaring(&bytes, &mut [0; 2000]);
        }
    }

    #[test]
    fn scattered_slots_stay_a_run() {
        let scattered: Vec<u32> = (0_u32..100).map(|at| at << 16).collect();
        assert_eq!(roaring(&scattered), None);
        assert_eq!(roaring(&[1, 2, 3]), None);
    }
}
