//! The order of rows in memory.
//!
//! Rows that a walk visits one after the other should lie side by side: their lines share pages, and the processor's
//! own guesses come true. A breadth-first order from where walks start does most of it.

use super::growing::Layer;
use super::walk::Links;
use std::cmp::Reverse;

/// The rows in breadth-first order over level 0, within the blocks that the levels ask for: `counts` as in
/// [`super::levels::Levels`]. Every row is reachable.
pub(crate) fn breadth_first(layer: &Layer, counts: &[u32]) -> Vec<u32> {
    let rows = layer.rows();
    let mut order = Vec::with_capacity(rows);
    let mut known = vec![false; rows];
    let mut buffer = Vec::new();
    if rows > 0 {
        known[0] = true;
        order.push(0);
    }
    let mut next = 0;
    while let Some(&row) = order.get(next) {
        next += 1;
        let neighbours = (&layer).neighbours(row, &mut buffer);
        order.extend(neighbours.iter().copied().filter(|&row| !std::mem::replace(&mut known[row as usize], true)));
    }
    // Stable: within a block the order stays. The level of a row is how many blocks it is in.
    order.sort_by_key(|&row| Reverse(counts.iter().take_while(|&&count| row < count).count()));
    order
}
