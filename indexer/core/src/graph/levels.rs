//! Which rows stand on which levels.

use std::num::NonZeroU32;

/// Levels above the lowest that are ever used; with M = 4 the last holds one row in 4¹², 16 million.
pub(crate) const LEVELS_MAX: usize = 12;

/// How many levels above the lowest a row stands on: l with probability M⁻ˡ (section 4.1 of the paper). The same seed
/// and row give the same level.
pub(crate) fn level_of(seed: u64, row: u64, m: NonZeroU32) -> usize {
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    let uniform = ((splitmix64(seed ^ splitmix64(row)) >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    let level = -uniform.ln() / f64::from(m.get()).ln();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 27")]
    let level = level as usize;
    level.min(LEVELS_MAX)
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 13.
fn splitmix64(state: u64) -> u64 {
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Rows in the order of the graph, highest level first, and how many stand on each level above the lowest.
pub(crate) struct Levels {
    /// The row that takes each place.
    pub(crate) order: Vec<u32>,
    /// Rows on level 1, 2, …; none is zero.
    pub(crate) counts: Vec<u32>,
}

impl Levels {
    /// Levels for `rows` rows.
    pub(crate) fn draw(rows: u32, m: NonZeroU32, seed: u64) -> Self {
        let levels: Vec<_> = (0..rows).map(|row| level_of(seed, u64::from(row), m)).collect();
        let mut order: Vec<u32> = (0..rows).collect();
        // Stable: within a level rows stay in their own order.
        order.sort_by_key(|&row| std::cmp::Reverse(levels[row as usize]));
        let mut counts = Vec::new();
        for level in 1..=LEVELS_MAX {
            let count = levels.iter().filter(|&&of_row| of_row >= level).count();
            // One row alone on a level leads nowhere that row 0 does not.
            if count < 2 {
                break;
            }
            counts.push(u32::try_from(count).expect("no more than rows"));
        }
        Self { order, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_in_m_stands_a_level_higher() {
        let levels = Levels::draw(100_000, NonZeroU32::new(16).unwrap(), 42);
        let [first, second, ..] = levels.counts[..] else { panic!("{:?}", levels.counts) };
        assert!((5_900..6_600).contains(&first), "{first}");
        assert!((330..460).contains(&second), "{second}");
        assert!(levels.counts.is_sorted_by(|a, b| a > b), "{:?}", levels.counts);
    }

    #[test]
    fn the_first_places_are_those_of_the_highest_levels() {
        let m = NonZeroU32::new(4).unwrap();
        let levels = Levels::draw(1_000, m, 7);
        let of_places: Vec<_> = levels.order.iter().map(|&row| level_of(7, u64::from(row), m)).collect();
        assert!(of_places.is_sorted_by(|a, b| a >= b));
        assert_eq!(of_places.iter().filter(|&&level| level >= 1).count(), levels.counts[0] as usize);
    }

    #[test]
    fn few_rows_have_no_upper_level() {
        assert!(Levels::draw(1, NonZeroU32::new(16).unwrap(), 0).counts.is_empty());
        assert!(Levels::draw(0, NonZeroU32::new(16).unwrap(), 0).order.is_empty());
    }
}
