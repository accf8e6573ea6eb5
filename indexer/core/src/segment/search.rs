//! Searching a segment.

use super::{Precision, Segment};
use crate::graph::frozen::FrozenLayer;
use crate::graph::walk::{Bounds, Walk};
use crate::metric::PreparedQuery;
use crate::space::Space;
use std::fmt;

/// What searches need beside the segment; kept by a thread from one to the next, so that a search allocates little.
#[derive(Debug, Default)]
pub struct Scratch {
    walk: Walk,
    exact: Vec<(f32, u32)>,
    vector: Vec<f32>,
}

/// Which slots may be answered with.
#[derive(Clone, Copy)]
pub struct Allowed<'a> {
    /// A bit for each slot, in words from the lowest on; `None`: every slot.
    pub words: Option<&'a [u64]>,
    /// How many they are.
    pub count: usize,
}

impl Allowed<'_> {
    /// Returns whether `slot` is allowed.
    #[inline]
    pub fn holds(&self, slot: u32) -> bool {
        self.words.is_none_or(|words| words[slot as usize / 64] & (1 << (slot % 64)) != 0)
    }

    /// Every allowed slot of a segment of `rows` slots.
    pub fn slots(&self, rows: usize) -> impl Iterator<Item = u32> {
        (0..).take(rows).filter(|&slot| self.holds(slot))
    }
}

impl fmt::Debug for Allowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allowed({})", self.count)
    }
}

/// How much to look at.
#[derive(Debug, Clone, Copy)]
pub struct Breadth {
    /// Hits that are wanted.
    pub k: usize,
    /// Rows that a walk keeps.
    pub ef: usize,
}

/// A hit of a segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Its distance, exact but for f32 rounding.
    pub distance: f32,
    /// Where it lies.
    pub slot: u32,
}

/// How many of the best are measured exactly beyond those that are asked for: codes order near rows wrongly now and
/// then.
const MEASURED_BEYOND_K: usize = 6;

impl Segment {
    /// The nearest slots, nearest first; at most `k`. A walk may miss some, and finds fewer where it is led astray.
    pub fn walk(
        &self,
        query: &PreparedQuery,
        breadth: Breadth,
        allowed: Allowed<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Found> {
        if self.is_empty() || breadth.k == 0 {
            return Vec::new();
        }
        // One in so many of the rows that a walk keeps is allowed.
        let width = breadth.ef.max(breadth.k).saturating_mul(self.len()).div_ceil(allowed.count.max(1)).min(self.len());
        match self.shape.precision {
            Precision::Codes8 => {
                let space = self.code_space();
                let mut asked = space.new_query();
                space.ask_vector(query.components(), &mut asked);
                self.collect(&space, &asked, width, &mut scratch.walk);
            }
            Precision::Full => {
                let space = self.full_space();
                let mut asked = space.new_query();
                asked.ask_vector(query.components());
                self.collect(&space, &asked, width, &mut scratch.walk);
            }
        }
        self.measure(query, breadth.k, allowed, scratch)
    }

    fn collect<S: Space>(&self, space: &S, query: &S::Query, width: usize, walk: &mut Walk) {
        let mut rank = [0.0];
        space.ranks(query, &[0], &mut rank);
        let mut nearest = (rank[0], 0);
        let m = self.shape.hnsw.m();
        let mut end = self.upper_links.len();
        for &count in self.level_counts.iter().rev() {
            let start = end - count as usize * m;
            let layer = FrozenLayer { degree: m, links: &self.upper_links[start..end] };
            nearest = walk.descend(space, &layer, query, nearest);
            end = start;
        }
        let layer = FrozenLayer { degree: 2 * m, links: bytemuck::cast_slice(self.links.bytes()) };
        walk.collect(space, &layer, query, nearest, Bounds { width, rows: self.len() });
    }

    /// Measures the best of the pool exactly.
    fn measure(&self, query: &PreparedQuery, k: usize, allowed: Allowed<'_>, scratch: &mut Scratch) -> Vec<Found> {
        let Scratch { walk, exact, vector } = scratch;
        exact.clear();
        let best = walk.pool.nearest().filter(|&(_, slot)| allowed.holds(slot)).take(k + MEASURED_BEYOND_K);
        exact.extend(best.map(|(_, slot)| (self.distance(query, slot, vector), slot)));
        exact.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        exact.iter().take(k).map(|&(distance, slot)| Found { distance, slot }).collect()
    }
}
