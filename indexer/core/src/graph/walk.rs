//! Walks: from a start towards a query, always over the nearest row not yet left.

use super::pool::Pool;
use super::visited::Visited;
use crate::space::Space;

/// The links of one level.
pub(crate) trait Links {
    /// The neighbours of `row`; `buffer` is for those that do not lie side by side in memory.
    fn neighbours<'a>(&'a self, row: u32, buffer: &'a mut Vec<u32>) -> &'a [u32];

    /// Asks for the links of `row` to be brought near.
    fn prefetch(&self, row: u32);
}

/// Where a walk goes.
pub(crate) struct Ground<'a, S, L> {
    /// What rows are compared by.
    pub(crate) space: &'a S,
    /// Which rows are neighbours.
    pub(crate) links: &'a L,
    /// Every row is numbered below this.
    pub(crate) rows: usize,
}

impl<S, L> Clone for Ground<'_, S, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S, L> Copy for Ground<'_, S, L> {}

/// What a walk needs, kept from one to the next so that a search allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) pool: Pool,
    pub(crate) visited: Visited,
    buffer: Vec<u32>,
    fresh: Vec<u32>,
    ahead: Vec<u32>,
    ranks: Vec<f32>,
}

/// The rows that a walk over others may keep.
pub(crate) struct Allowance<F> {
    /// Tells them.
    pub(crate) holds: F,
    /// How many they are.
    pub(crate) count: usize,
}

/// Of the rows around a query far fewer are allowed than of all: a walk would miss those that are.
#[derive(Debug)]
pub(crate) struct Elsewhere;

/// What a step over others has looked at.
#[derive(Default)]
struct Surroundings {
    rows: usize,
    allowed: usize,
}

impl Surroundings {
    /// Where the share of allowed rows is so many times smaller than in the whole graph, they lie elsewhere. Measured on
    /// Fashion-MNIST with one class of ten allowed and queries of all classes (k 10, ef 10): every walk went on to find
    /// 0.89 to 0.93 of the nearest; with those given up that this tells, searches find 0.987 or more.
    const SPARSER: usize = 2;

    fn are_sparse(&self, allowed: usize, rows: usize) -> bool {
        self.allowed.saturating_mul(rows).saturating_mul(Self::SPARSER) < self.rows.saturating_mul(allowed)
    }
}

impl Walk {
    /// Goes to a row that has no nearer neighbour.
    pub(crate) fn descend<S: Space>(
        &mut self,
        ground: Ground<'_, S, impl Links>,
        query: &S::Query,
        start: (f32, u32),
    ) -> (f32, u32) {
        let Ground { space, links, .. } = ground;
        let mut nearest = start;
        loop {
            let neighbours = links.neighbours(nearest.1, &mut self.buffer);
            self.ranks.resize(neighbours.len(), 0.0);
            space.ranks(query, neighbours, &mut self.ranks);
            let before = nearest.1;
            for (&rank, &row) in self.ranks.iter().zip(neighbours) {
                if rank < nearest.0 {
                    nearest = (rank, row);
                }
            }
            if nearest.1 == before {
                return nearest;
            }
        }
    }

    /// Collects the nearest of `rows` into the pool, `width` of them at most, by looking at all.
    pub(crate) fn scan<S: Space>(
        &mut self,
        space: &S,
        query: &S::Query,
        mut rows: impl Iterator<Item = u32>,
        width: usize,
    ) {
        self.pool.reset(width);
        loop {
            self.fresh.clear();
            self.fresh.extend(rows.by_ref().take(SCAN_ROWS));
            if self.fresh.is_empty() {
                return;
            }
            self.take_fresh(space, query);
        }
    }

    /// Collects the nearest rows into the pool, `width` of them at most (algorithm 2 of the paper).
    ///
    /// A step's rows are asked for while those of the step before are ranked, so that the walk does not wait for the
    /// first of them. The next row is thereby chosen without what the step before has found, which costs a few steps
    /// and finds a little more.
    pub(crate) fn collect<S: Space>(
        &mut self,
        ground: Ground<'_, S, impl Links>,
        query: &S::Query,
        start: (f32, u32),
        width: usize,
    ) {
        let Ground { space, links, .. } = ground;
        self.pool.reset(width);
        self.visited.reset(ground.rows);
        self.visited.insert(start.1);
        self.pool.offer(start.0, start.1);
        self.ahead.clear();
        loop {
            let next = self.pool.next();
            std::mem::swap(&mut self.fresh, &mut self.ahead);
            match next {
                Some(row) => {
                    self.visited.insert_all(links.neighbours(row, &mut self.buffer), &mut self.ahead);
                    space.prefetch(&self.ahead);
                }
                None if self.fresh.is_empty() => return,
                None => self.ahead.clear(),
            }
            if let Some(next) = self.pool.peek() {
                links.prefetch(next);
            }
            self.take_fresh(space, query);
        }
    }

    /// Collects the nearest of the rows that are allowed, stepping over the others: where a neighbour is not allowed,
    /// its neighbours take its place (the search of ACORN-1: Patel et al., arXiv 2403.04871, section 5). Only allowed
    /// rows are ranked; the pool holds nothing else but perhaps the start.
    pub(crate) fn collect_over<S: Space>(
        &mut self,
        ground: Ground<'_, S, impl Links>,
        query: &S::Query,
        start: (f32, u32),
        width: usize,
        allowance: &Allowance<impl Fn(u32) -> bool>,
    ) -> Result<(), Elsewhere> {
        let Ground { space, links, rows } = ground;
        self.pool.reset(width);
        self.visited.reset(ground.rows);
        self.visited.insert(start.1);
        self.pool.offer(start.0, start.1);
        let mut is_first = true;
        while let Some(row) = self.pool.next() {
            let surroundings = self.step_over(links, row, &allowance.holds);
            if is_first && surroundings.are_sparse(allowance.count, rows) {
                return Err(Elsewhere);
            }
            is_first = false;
            space.prefetch(&self.fresh);
            if let Some(next) = self.pool.peek() {
                links.prefetch(next);
            }
            self.take_fresh(space, query);
        }
        Ok(())
    }

    /// Ranks the nearest rows of the pool that are allowed once more, in another space: `count` of them at most, and
    /// nothing else stays in the pool.
    pub(crate) fn rank_again<S: Space>(
        &mut self,
        space: &S,
        query: &S::Query,
        count: usize,
        allowed: impl Fn(u32) -> bool,
    ) {
        self.fresh.clear();
        let best = self.pool.nearest().map(|(_, row)| row).filter(|&row| allowed(row));
        self.fresh.extend(best.take(count));
        self.pool.reset(count);
        self.take_fresh(space, query);
    }

    /// Ranks the fresh rows, and keeps the near ones.
    #[inline]
    fn take_fresh<S: Space>(&mut self, space: &S, query: &S::Query) {
        self.ranks.resize(self.fresh.len(), 0.0);
        space.ranks(query, &self.fresh, &mut self.ranks);
        for (&rank, &row) in self.ranks.iter().zip(&self.fresh) {
            if rank < self.pool.bound() {
                self.pool.offer(rank, row);
            }
        }
    }

    /// Puts the allowed rows around `row` that were not seen yet into `fresh`; returns what lies around those that are
    /// not allowed.
    fn step_over(&mut self, links: &impl Links, row: u32, allowed: impl Fn(u32) -> bool) -> Surroundings {
        let visited = &mut self.visited;
        visited.insert_all(links.neighbours(row, &mut self.buffer), &mut self.ahead);
        self.fresh.clear();
        // Those that are not allowed are moved to the front and stepped over afterwards, when their links have come.
        let mut others = 0;
        for place in 0..self.ahead.len() {
            let neighbour = self.ahead[place];
            if allowed(neighbour) {
                self.fresh.push(neighbour);
            } else {
                links.prefetch(neighbour);
                self.ahead[others] = neighbour;
                others += 1;
            }
        }
        let mut around = Surroundings::default();
        for &other in &self.ahead[..others] {
            if self.fresh.len() >= STEP_ROWS_MAX {
                break;
            }
            let beyond = links.neighbours(other, &mut self.buffer);
            around.rows += beyond.len();
            for &row in beyond.iter().filter(|&&row| allowed(row)) {
                around.allowed += 1;
                if visited.insert(row) {
                    self.fresh.push(row);
                }
            }
        }
        around
    }
}

/// Rows that a scan ranks at a time.
const SCAN_ROWS: usize = 256;

/// Rows that one step over others looks at, about: as many again as a row has links under the default M.
const STEP_ROWS_MAX: usize = 64;
