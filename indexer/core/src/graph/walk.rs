//! Walks: from a start towards a query, always over the nearest row not yet left.

use super::pool::Pool;
use super::visited::Visited;
use crate::space::Space;

/// The links of one level.
pub(crate) trait Links {
    /// Puts the neighbours of `row` into `neighbours`.
    fn neighbours(&self, row: u32, neighbours: &mut Vec<u32>);

    /// Asks for the links of `row` to be brought near.
    fn prefetch(&self, row: u32);
}

/// What a walk needs, kept from one to the next so that a search allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) pool: Pool,
    pub(crate) visited: Visited,
    neighbours: Vec<u32>,
    fresh: Vec<u32>,
    ranks: Vec<f32>,
}

impl Walk {
    /// Goes to a row that has no nearer neighbour. `rows` bounds the numbers of rows.
    pub(crate) fn descend<S: Space>(
        &mut self,
        space: &S,
        links: &impl Links,
        query: &S::Query,
        start: (f32, u32),
    ) -> (f32, u32) {
        let mut nearest = start;
        loop {
            links.neighbours(nearest.1, &mut self.neighbours);
            self.ranks.resize(self.neighbours.len(), 0.0);
            space.ranks(query, &self.neighbours, &mut self.ranks);
            let before = nearest.1;
            for (&rank, &row) in self.ranks.iter().zip(&self.neighbours) {
                if rank < nearest.0 {
                    nearest = (rank, row);
                }
            }
            if nearest.1 == before {
                return nearest;
            }
        }
    }

    /// Collects the nearest rows into the pool, `width` of them at most (algorithm 2 of the paper).
    pub(crate) fn collect<S: Space>(
        &mut self,
        space: &S,
        links: &impl Links,
        query: &S::Query,
        start: (f32, u32),
        bounds: Bounds,
    ) {
        self.pool.reset(bounds.width);
        self.visited.reset(bounds.rows);
        self.visited.insert(start.1);
        self.pool.offer(start.0, start.1);
        while let Some(row) = self.pool.next() {
            links.neighbours(row, &mut self.neighbours);
            self.visited.insert_all(&self.neighbours, &mut self.fresh);
            if let Some(next) = self.pool.peek() {
                links.prefetch(next);
            }
            self.ranks.resize(self.fresh.len(), 0.0);
            space.ranks(query, &self.fresh, &mut self.ranks);
            for (&rank, &row) in self.ranks.iter().zip(&self.fresh) {
                if rank < self.pool.bound() {
                    self.pool.offer(rank, row);
                }
            }
        }
    }
}

/// How far a walk may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Rows that are kept: ef.
    pub(crate) width: usize,
    /// Every row of the graph is numbered below this.
    pub(crate) rows: usize,
}
