//! Offering to the k nearest.

use crate::numbers::Numbers;
use crate::timing::time;
use annuli_core::TopK;
use std::hint::black_box;

/// Offers to one collection: as many as the distances that a search computes, and more.
const OFFERS: usize = 10_000;

/// Prints a row for each order of offering and each k. The items are bare keys: the cost is that of the heap.
pub(crate) fn measure() {
    let mut numbers = Numbers::new(2);
    let random: Vec<u64> = (0..OFFERS).map(|_| numbers.next()).collect();
    let mut descending = random.clone();
    descending.sort_unstable_by(|a, b| b.cmp(a));
    println!("top-k, ns an offer, {OFFERS} offers and the final sort");
    println!("{:17} {:>5} {:8} {:>9} {:>9}", "order", "k", "", "median", "least");
    for (order, keys) in [("random", &random), ("each one nearer", &descending)] {
        for k in [10, 100, 1000] {
            println!("{order:17} {k:>5} {:8} {}", "", time(OFFERS, || offer_all(k, keys)));
        }
    }
}

fn offer_all(k: usize, keys: &[u64]) {
    let mut nearest = TopK::new(k);
    for &key in black_box(keys) {
        nearest.offer(key);
    }
    black_box(nearest.into_sorted());
}
