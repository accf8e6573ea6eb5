//! Searching a segment.

use super::{Precision, Segment};
use crate::graph::frozen::FrozenLayer;
use crate::graph::walk::{Allowance, Elsewhere, Ground, Walk};
use crate::metric::PreparedQuery;
use crate::plan::{self, Plan, Question, plan};
use crate::space::{BothSpace, CodeQuery, FullQuery, Ranking, Space, UpperSpace};
use std::cmp::Ordering;
use std::fmt;

/// What searches need beside the segment; kept by a thread from one to the next, so that a search allocates little.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) walk: Walk,
    exact: Vec<Nearest>,
    pub(super) candidates: Vec<(f32, u32)>,
    pub(super) vector: Vec<f32>,
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
        let words = self.words;
        (0..).take(rows.div_ceil(64)).flat_map(move |word| {
            let start = 64 * word;
            let mut left = match words {
                Some(words) => words[word as usize],
                None if rows - start as usize >= 64 => u64::MAX,
                None => (1 << (rows - start as usize)) - 1,
            };
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(start + bit)
            })
        })
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

/// How many of the best are measured exactly when `k` are asked for: codes order near rows wrongly now and then.
fn measured(k: usize) -> usize {
    k + k / 10 + 6
}

/// How many of what a walk by upper halves has found are ranked by whole codes: more the wider the walk, for who asks
/// for width wants recall, or has rows that halves mix up.
fn ranked_again(breadth: Breadth) -> usize {
    (2 * breadth.k + 6).max(breadth.ef / 2)
}

impl Segment {
    /// The nearest of the allowed slots, nearest first; at most `k`. Some may be missed, as in any walk; where few are
    /// allowed, or lie elsewhere than the query, or walks find fewer than there are, every allowed slot is ranked.
    pub fn search(
        &self,
        query: &PreparedQuery,
        breadth: Breadth,
        allowed: Allowed<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Found> {
        let k = breadth.k.min(allowed.count);
        if k == 0 {
            return Vec::new();
        }
        let mut question = Question {
            rows: self.shape.rows,
            matches: u32::try_from(allowed.count).unwrap_or(self.shape.rows),
            k,
            ef: breadth.ef.max(k),
            dim: self.shape.dim,
            precision: self.shape.precision,
        };
        let mut elsewhere = false;
        loop {
            let plan = if elsewhere { Plan::Scan } else { plan(&question) };
            let breadth = Breadth { k, ef: question.ef };
            let Ok(ranking) = self.run(Course { plan, breadth, allowed }, query, &mut scratch.walk) else {
                elsewhere = true;
                continue;
            };
            let found = self.measure(query, ranking, k, allowed, scratch);
            if found.len() == k || plan == Plan::Scan {
                return found;
            }
            // Of those that it kept by chance fewer were allowed than on average, or it ended in a corner of the graph.
            // A wider walk is dearer, so at last a scan is chosen.
            question.ef = question.ef.saturating_mul(3);
        }
    }

    /// Leaves the nearest in the walk's pool; returns what their ranks tell.
    fn run(&self, course: Course<'_>, query: &PreparedQuery, walk: &mut Walk) -> Result<Ranking, Elsewhere> {
        let Course { plan, breadth, allowed } = course;
        match self.shape.precision {
            Precision::Codes8 => {
                let space = self.code_space();
                let mut asked = CodeQuery::new(self.shape.code_stride());
                self.query_coder().ask(query.components(), &mut asked);
                self.follow(course, &space, &asked, walk)?;
                Ok(asked.ranking())
            }
            Precision::Halves => {
                let both = BothSpace::new(self.half_rows());
                let mut asked = CodeQuery::new(2 * self.shape.code_stride());
                self.query_coder().ask(query.components(), &mut asked);
                if plan == Plan::Scan {
                    self.follow(course, &both, &asked, walk)?;
                } else {
                    // Who asks for no more width than hits leaves nothing to choose from where halves mix rows up.
                    let ef = breadth.ef.max(breadth.k + breadth.k / 4);
                    let breadth = Breadth { ef, ..breadth };
                    let course = Course { breadth, ..course };
                    self.follow(course, &UpperSpace::new(self.half_rows()), &asked, walk)?;
                    walk.rank_again(&both, &asked, ranked_again(breadth), |slot| allowed.holds(slot));
                }
                Ok(asked.ranking())
            }
            Precision::Full => {
                let space = self.full_space();
                let mut asked = FullQuery::default();
                asked.ask_vector(query.components());
                self.follow(course, &space, &asked, walk)?;
                Ok(Ranking::Order)
            }
        }
    }

    fn follow<S: Space>(
        &self,
        course: Course<'_>,
        space: &S,
        query: &S::Query,
        walk: &mut Walk,
    ) -> Result<(), Elsewhere> {
        let Course { plan, breadth, allowed } = course;
        let width = breadth.ef.max(breadth.k).min(self.len());
        let links = FrozenLayer { degree: 2 * self.shape.hnsw.m(), links: bytemuck::cast_slice(self.links.bytes()) };
        let ground = Ground { space, links: &links, rows: self.len() };
        match plan {
            Plan::Scan => walk.scan(space, query, allowed.slots(self.len()), measured(breadth.k)),
            Plan::Walk(plan::Walk::Through) => {
                // One in so many of the rows that are kept is allowed.
                let width = width.saturating_mul(self.len()).div_ceil(allowed.count).min(self.len());
                let start = self.descend(space, query, walk);
                walk.collect(ground, query, start, width);
            }
            Plan::Walk(plan::Walk::Over) => {
                let start = self.descend(space, query, walk);
                // The start takes a place, allowed or not.
                let width = width + usize::from(!allowed.holds(start.1));
                let allowance = Allowance { holds: |slot| allowed.holds(slot), count: allowed.count };
                walk.collect_over(ground, query, start, width, &allowance)?;
            }
        }
        Ok(())
    }

    /// Where the walk over the lowest level starts.
    fn descend<S: Space>(&self, space: &S, query: &S::Query, walk: &mut Walk) -> (f32, u32) {
        let mut rank = [0.0];
        space.ranks(query, &[0], &mut rank);
        let mut nearest = (rank[0], 0);
        let m = self.shape.hnsw.m();
        let mut end = self.upper_links.len();
        for &count in self.level_counts.iter().rev() {
            let rows = count as usize;
            let start = end - rows * m;
            let links = FrozenLayer { degree: m, links: &self.upper_links[start..end] };
            nearest = walk.descend(Ground { space, links: &links, rows }, query, nearest);
            end = start;
        }
        nearest
    }

    /// Measures the best of the pool exactly, but for those whose distance is known from their rank.
    fn measure(
        &self,
        query: &PreparedQuery,
        ranking: Ranking,
        k: usize,
        allowed: Allowed<'_>,
        scratch: &mut Scratch,
    ) -> Vec<Found> {
        let Scratch { walk, exact, vector, .. } = scratch;
        exact.clear();
        let best = walk.pool.nearest().filter(|&(_, slot)| allowed.holds(slot)).take(measured(k));
        exact.extend(best.map(|(rank, slot)| {
            let distance = ranking.distance(rank).unwrap_or_else(|| self.distance(query, slot, vector));
            Nearest(Found { distance, slot })
        }));
        exact.sort_unstable();
        exact.iter().take(k).map(|&Nearest(found)| found).collect()
    }
}

/// How a search goes on.
#[derive(Clone, Copy)]
struct Course<'a> {
    plan: Plan,
    breadth: Breadth,
    allowed: Allowed<'a>,
}

/// Ordered by distance, then slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nearest(pub(super) Found);

impl Ord for Nearest {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.distance.total_cmp(&other.0.distance).then(self.0.slot.cmp(&other.0.slot))
    }
}

impl PartialOrd for Nearest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Nearest {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Nearest {}
