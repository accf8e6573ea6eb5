//! A finished graph: flat rows of links.

use super::walk::Links;
use super::{NO_LINK, build::Growing};
use crate::kernel::code;

/// The links of one level, `degree` places for each row, filled from the left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrozenLayer<'a> {
    pub(crate) degree: usize,
    pub(crate) links: &'a [u32],
}

impl FrozenLayer<'_> {
    #[inline]
    fn row(&self, row: u32) -> &[u32] {
        let start = row as usize * self.degree;
        &self.links[start..start + self.degree]
    }
}

impl Links for FrozenLayer<'_> {
    #[inline]
    fn neighbours<'a>(&'a self, row: u32, _: &'a mut Vec<u32>) -> &'a [u32] {
        let row = self.row(row);
        &row[..row.partition_point(|&link| link != NO_LINK)]
    }

    #[inline]
    fn prefetch(&self, row: u32) {
        code::best().prefetch(self.row(row));
    }
}

/// The flat links of a grown level, with rows renumbered: `order[new]` is the old number.
pub(crate) fn freeze(growing: &Growing, level: usize, order: &[u32]) -> Vec<u32> {
    let layer = &growing.layers[level];
    let mut new_of = vec![NO_LINK; order.len()];
    for (new, &old) in (0..).zip(order) {
        new_of[old as usize] = new;
    }
    let mut frozen = Vec::with_capacity(layer.rows() * layer.degree());
    // The rows of a level come first in both orders.
    for (row, &old) in order[..layer.rows()].iter().enumerate() {
        frozen.extend(layer.ranked(old).map(|(_, link)| new_of[link as usize]));
        frozen.resize((row + 1) * layer.degree(), NO_LINK);
    }
    frozen
}
