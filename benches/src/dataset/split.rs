//! Queries for sets that come without: a part of the rows, chosen by their numbers, and the base is the rest.

use super::row;
use ndarray::{Array2, Axis};
use std::collections::HashSet;

/// The seed of every choice here; a row's key is `splitmix64((SEED << 32) + row)`.
const SEED: u64 = 42;

/// A base and queries that were taken out of it.
pub(super) struct Split {
    pub base: Array2<f32>,
    pub queries: Array2<f32>,
}

/// Splits off the `queries` rows with the smallest keys. Of equal rows only the first takes part: a query whose twin
/// stands in the base would ask for itself.
pub(super) fn split(vectors: &Array2<f32>, queries: usize) -> Split {
    let mut seen = HashSet::with_capacity(vectors.nrows());
    let bits = |number: usize| row(vectors, number).iter().map(|component| component.to_bits()).collect::<Vec<u32>>();
    let distinct: Vec<usize> = (0..vectors.nrows()).filter(|&number| seen.insert(bits(number))).collect();
    let mut chosen = shuffled(distinct.len());
    chosen.truncate(queries);
    chosen.sort_unstable();
    let is_query: HashSet<usize> = chosen.into_iter().collect();
    let (queries, base): (Vec<_>, Vec<_>) =
        distinct.into_iter().enumerate().partition(|(position, _)| is_query.contains(position));
    let of = |rows: Vec<(usize, usize)>| {
        let rows: Vec<usize> = rows.into_iter().map(|(_, row)| row).collect();
        vectors.select(Axis(0), &rows)
    };
    Split { base: of(base), queries: of(queries) }
}

/// The numbers below `count` in the order of their keys: the same shuffle everywhere and for ever.
pub(crate) fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    numbers.sort_by_key(|&number| (key(number), number));
    numbers
}

/// A number below a hundred for each row, spread evenly: what share of the rows has one below `p` is about `p` %.
pub(crate) fn part(row: usize) -> u8 {
    // Another seed than that of `key`, or parts and queries would hang together.
    u8::try_from(splitmix64((7 << 32) + row as u64) % 100).expect("below a hundred")
}

fn key(row: usize) -> u64 {
    splitmix64((SEED << 32) + row as u64)
}

/// A good hash of one number: the finaliser of the generator of that name.
pub(super) fn splitmix64(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_hash_is_that_of_the_published_generator() {
        // The first two numbers of splitmix64 seeded with 0, whose state grows by the golden gamma.
        assert_eq!(splitmix64(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(splitmix64(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn every_distinct_row_is_a_query_or_in_the_base_in_its_order() {
        let vectors = array![[5.0], [1.0], [5.0], [2.0], [3.0], [1.0]];
        let Split { base, queries } = split(&vectors, 2);
        assert_eq!((base.nrows(), queries.nrows()), (2, 2));
        let all: Vec<f32> = base.iter().chain(&queries).copied().collect();
        let mut sorted = all.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, [1.0, 2.0, 3.0, 5.0]);
        let place = |value: f32| vectors.iter().position(|&other| other.to_bits() == value.to_bits()).unwrap();
        assert!(place(base[(0, 0)]) < place(base[(1, 0)]) && place(queries[(0, 0)]) < place(queries[(1, 0)]));
    }

    #[test]
    fn a_shuffle_holds_every_number_once() {
        let mut numbers = shuffled(1000);
        assert_ne!(numbers[..5], [0, 1, 2, 3, 4]);
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_hundredth_of_the_rows_is_in_each_part() {
        for percent in [1, 10, 50] {
            let below = (0..100_000).filter(|&row| part(row) < percent).count();
            let expected = 1000 * usize::from(percent);
            assert!(below.abs_diff(expected) < expected / 10, "{below} of {expected}");
        }
    }
}
