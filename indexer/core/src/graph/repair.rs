//! Makes every row reachable.
//!
//! A row that no walk from row 0 can reach over level 0 is lost to every search. The heuristic leaves few such rows,
//! duplicates above all, but not none.

use super::NO_LINK;
use super::growing::Layer;
use super::walk::{Ground, Links, Walk};
use crate::space::RowSpace;

/// Gives every row that cannot be reached from row 0 a link from the nearest row that can. Returns how many there were.
pub(crate) fn reach_all<S: RowSpace>(space: &S, layer: &Layer, width: usize) -> usize {
    let rows = layer.rows();
    let mut tree = Tree::new(rows);
    tree.grow(layer, 0);
    let mut query = space.new_query();
    let mut walk = Walk::default();
    let mut mended = 0;
    for row in (0..).take(rows) {
        if tree.reached[row as usize] {
            continue;
        }
        space.ask_row(row, &mut query);
        let mut rank = [0.0];
        space.ranks(&query, &[0], &mut rank);
        // Walks from row 0 see reachable rows only.
        walk.collect(Ground { space, links: &layer, rows }, &query, (rank[0], 0), width);
        let (rank, from, place) = walk
            .pool
            .nearest()
            .find_map(|(rank, from)| Some((rank, from, tree.free_place(layer, from)?)))
            .unwrap_or_else(|| tree.any_free_place(layer));
        layer.set(from, place, (rank, row));
        tree.parents[row as usize] = from;
        tree.grow(layer, row);
        mended += 1;
    }
    mended
}

/// A tree of links over all rows that were reached. Its links are never replaced, so that nothing is lost while
/// something else is mended.
struct Tree {
    reached: Vec<bool>,
    parents: Vec<u32>,
}

impl Tree {
    fn new(rows: usize) -> Self {
        Self { reached: vec![false; rows], parents: vec![NO_LINK; rows] }
    }

    /// Adds what can be reached from `row`, itself included.
    fn grow(&mut self, layer: &Layer, row: u32) {
        if self.reached.is_empty() {
            return;
        }
        self.reached[row as usize] = true;
        let mut open = vec![row];
        let mut buffer = Vec::new();
        while let Some(row) = open.pop() {
            for &neighbour in (&layer).neighbours(row, &mut buffer) {
                if !std::mem::replace(&mut self.reached[neighbour as usize], true) {
                    self.parents[neighbour as usize] = row;
                    open.push(neighbour);
                }
            }
        }
    }

    /// A place among the links of a reached row that is empty, or the last whose link the tree can do without.
    fn free_place(&self, layer: &Layer, row: u32) -> Option<usize> {
        let links: Vec<_> = layer.ranked(row).map(|(_, link)| link).collect();
        if links.len() < layer.degree() {
            return Some(links.len());
        }
        links.iter().rposition(|&link| self.parents[link as usize] != row)
    }

    /// There always is one: a tree over n rows has fewer links than n rows have places.
    fn any_free_place(&self, layer: &Layer) -> (f32, u32, usize) {
        (0..)
            .zip(&self.reached)
            .filter(|(_, reached)| **reached)
            .find_map(|(row, _)| Some((f32::MAX, row, self.free_place(layer, row)?)))
            .expect("a tree of n rows has n − 1 links, and each row has several places")
    }
}
