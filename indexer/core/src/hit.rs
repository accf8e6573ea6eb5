//! Answers: one hit, and the k nearest of many.

use crate::id::DocId;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// One answer of a search. Ordered by distance, then id.
///
/// Equal distances fall back to the id, so a merge gives the same answer whichever shard replied first.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The document.
    pub id: DocId,
    /// How far it is from the query; a smaller distance is nearer.
    pub distance: f32,
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then_with(|| self.id.cmp(&other.id))
    }
}

/// Keeps the `k` nearest of all that is offered, whatever the order of offering.
#[derive(Debug)]
pub struct TopK<T> {
    k: usize,
    heap: BinaryHeap<T>,
}

impl<T: Ord> TopK<T> {
    /// An empty collection that will hold at most `k`.
    pub fn new(k: usize) -> Self {
        // A request may ask for far more than there is: room is made as it is needed.
        Self { k, heap: BinaryHeap::with_capacity(k.min(1024)) }
    }

    /// The farthest that is kept, once there are `k`: what is not before it need not be offered.
    pub fn bound(&self) -> Option<&T> {
        if self.heap.len() < self.k { None } else { self.heap.peek() }
    }

    /// Takes `item` if it is among the `k` nearest so far.
    pub fn offer(&mut self, item: T) {
        if self.heap.len() < self.k {
            self.heap.push(item);
        } else if let Some(mut farthest) = self.heap.peek_mut()
            && item < *farthest
        {
            *farthest = item;
        }
    }

    /// The kept ones, nearest first.
    pub fn into_sorted(self) -> Vec<T> {
        self.heap.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hit(id: &str, distance: f32) -> Hit {
        Hit { id: DocId::new(id).unwrap(), distance }
    }

    #[test]
    fn equal_distances_are_ordered_by_id() {
        let mut top = TopK::new(2);
        for id in ["c", "a", "b"] {
            top.offer(hit(id, 0.5));
        }
        assert_eq!(top.into_sorted(), [hit("a", 0.5), hit("b", 0.5)]);
    }

    #[test]
    fn nothing_is_kept_of_zero() {
        let mut top = TopK::new(0);
        top.offer(hit("a", 0.0));
        assert!(top.into_sorted().is_empty());
    }

    proptest! {
        #[test]
        fn the_k_nearest_are_those_of_a_sort(distances in prop::collection::vec(0u8..20, 0..60), k in 0usize..70) {
            let mut hits: Vec<_> =
                distances.iter().enumerate().map(|(n, &d)| hit(&format!("{n:03}"), f32::from(d))).collect();
            let mut top = TopK::new(k);
            hits.iter().rev().cloned().for_each(|hit| top.offer(hit));
            hits.sort();
            hits.truncate(k);
            prop_assert_eq!(top.into_sorted(), hits);
        }
    }
}
