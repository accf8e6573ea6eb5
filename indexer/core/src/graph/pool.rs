//! The nearest rows that a walk has seen, in order.

/// A sorted list of bounded length. For the widths in use, moving a few hundred bytes is cheaper than keeping a heap,
/// and the walk's next step is found without a second structure.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    /// Rank, row and whether the row's neighbours have been looked at, in one number, so that one comparison orders
    /// by rank and then by row.
    keys: Vec<u64>,
    capacity: usize,
    /// Every row before this one is done.
    cursor: usize,
}

const DONE: u64 = 1;

impl Pool {
    /// Empties it; it will hold the nearest `capacity` rows.
    pub(crate) fn reset(&mut self, capacity: usize) {
        self.keys.clear();
        self.keys.reserve(capacity + 1);
        self.capacity = capacity;
        self.cursor = 0;
    }

    /// The rank that a row must be below to be taken; infinite while there is room.
    #[inline]
    pub(crate) fn bound(&self) -> f32 {
        if self.keys.len() < self.capacity {
            f32::INFINITY
        } else {
            self.keys.last().map_or(f32::NEG_INFINITY, |&key| rank_of(key))
        }
    }

    /// Takes a row unless `capacity` others are nearer. The row must not be in it yet.
    #[inline]
    pub(crate) fn offer(&mut self, rank: f32, row: u32) {
        let key = u64::from(ordered(rank)) << 32 | u64::from(row) << 1;
        if self.keys.len() == self.capacity {
            if self.keys.last().is_none_or(|&last| key >= last) {
                return;
            }
            self.keys.pop();
        }
        let place = self.keys.partition_point(|&other| other < key);
        self.keys.insert(place, key);
        self.cursor = self.cursor.min(place);
    }

    /// The nearest row that is not done, which is done from now on.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<u32> {
        while let Some(key) = self.keys.get_mut(self.cursor) {
            self.cursor += 1;
            if *key & DONE == 0 {
                *key |= DONE;
                return Some(row_of(*key));
            }
        }
        None
    }

    /// The row that [`Pool::next`] would give.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u32> {
        self.keys[self.cursor..].iter().find(|&&key| key & DONE == 0).map(|&key| row_of(key))
    }

    /// Rows and their ranks, nearest first.
    pub(crate) fn nearest(&self) -> impl ExactSizeIterator<Item = (f32, u32)> {
        self.keys.iter().map(|&key| (rank_of(key), row_of(key)))
    }
}

#[inline]
fn row_of(key: u64) -> u32 {
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = key as u32;
    low >> 1
}

#[inline]
fn rank_of(key: u64) -> f32 {
    let ordered = u32::try_from(key >> 32).expect("the upper half");
    f32::from_bits(if ordered >> 31 == 1 { ordered ^ 1 << 31 } else { !ordered })
}

/// A number whose order is that of `rank`, which is never NaN.
#[inline]
fn ordered(rank: f32) -> u32 {
    let bits = rank.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nearest(pool: &Pool) -> Vec<(f32, u32)> {
        pool.nearest().collect()
    }

    #[test]
    fn the_nearest_stay_and_equal_ranks_are_ordered_by_row() {
        let mut pool = Pool::default();
        pool.reset(3);
        for (rank, row) in [(2.0, 9), (-1.0, 4), (2.0, 3), (5.0, 1), (2.0, 1)] {
            pool.offer(rank, row);
        }
        assert_eq!(nearest(&pool), [(-1.0, 4), (2.0, 1), (2.0, 3)]);
        assert_eq!(pool.bound().to_bits(), 2.0_f32.to_bits());
    }

    #[test]
    fn each_row_is_next_once_and_nearer_ones_come_first() {
        let mut pool = Pool::default();
        pool.reset(4);
        pool.offer(3.0, 3);
        pool.offer(1.0, 1);
        assert_eq!(pool.next(), Some(1));
        pool.offer(0.5, 0);
        pool.offer(2.0, 2);
        assert_eq!(
            (pool.peek(), pool.next(), pool.next(), pool.next(), pool.next()),
            (Some(0), Some(0), Some(2), Some(3), None)
        );
    }

    #[test]
    fn a_pool_without_room_takes_nothing() {
        let mut pool = Pool::default();
        pool.reset(0);
        pool.offer(1.0, 1);
        assert_eq!(pool.next(), None);
        assert_eq!(pool.nearest().len(), 0);
    }

    proptest! {
        #[test]
        fn numbers_keep_the_order_of_ranks(a in -1e30f32..1e30, b in -1e30f32..1e30) {
            prop_assert_eq!(a.total_cmp(&b), ordered(a).cmp(&ordered(b)));
            prop_assert_eq!(rank_of(u64::from(ordered(a)) << 32).to_bits(), a.to_bits());
        }

        #[test]
        fn a_pool_is_a_sorted_prefix(offers in prop::collection::vec(-100i16..100, 0..200), capacity in 0usize..50) {
            let mut pool = Pool::default();
            pool.reset(capacity);
            let offers: Vec<_> = (0u32..).zip(offers).map(|(row, rank)| (f32::from(rank), row)).collect();
            offers.iter().for_each(|&(rank, row)| pool.offer(rank, row));
            let mut sorted = offers;
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            sorted.truncate(capacity);
            prop_assert_eq!(nearest(&pool), sorted);
        }
    }
}
