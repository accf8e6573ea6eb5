//! Whether a walk by upper halves is as good as one by whole codes.
//!
//! It reads half as much of each row, which pays where rows are long, if the rows that it keeps are the right ones. Where
//! neighbours are many and about equally far, upper halves mix them up, and the walk would have to keep so many more that
//! nothing is won. So before halves are walked by, they are asked for the neighbours of some rows, among so many others
//! that neighbours are as close together as they will be in searches.

use super::suffice::{CANDIDATES, NEIGHBOURS, SUFFICIENT_PERCENT, spread};
use crate::codes::halves::{Halves, upper_squares};
use crate::graph::pool::Pool;
use crate::kernel::code::{CodeRows, HalfRows};
use crate::metric::Metric;
use crate::space::{CodeQuery, CodeSpace, Space, UpperSpace};

/// Rows whose neighbours are sought.
pub(super) const QUERIES: usize = 32;

/// Rows among which these are sought: a look at one takes some 50 ns.
const ROWS: usize = 100_000;

/// Returns whether upper halves find what whole codes find, for `queries`.
pub(super) fn are_as_good(codes: &CodeSpace<'_>, queries: &[CodeQuery]) -> bool {
    let mut contests: Vec<_> = queries.iter().map(Contest::new).collect();
    let rows = spread(codes.rows.len(), ROWS).map(|row| u32::try_from(row).expect("rows are numbered in 32 bits"));
    let rows: Vec<u32> = rows.collect();
    let mut piece = Piece::new(codes);
    for rows in rows.chunks(PIECE_ROWS) {
        piece.fill(codes, rows);
        contests.iter_mut().for_each(|contest| contest.enter(codes, &piece, rows));
    }
    let (found, wanted) =
        contests.iter().map(|contest| contest.outcome(codes)).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    found * 100 >= wanted * SUFFICIENT_PERCENT
}

/// Rows that are cut at a time.
const PIECE_ROWS: usize = 512;

/// The upper halves of some rows.
struct Piece {
    halves: Halves,
    upper: Vec<u8>,
    terms: Vec<f32>,
    stride: usize,
}

impl Piece {
    fn new(codes: &CodeSpace<'_>) -> Self {
        let halves = Halves::new(codes.coder.quantiser.centres().len());
        let stride = halves.upper.len();
        Self { halves, upper: Vec::new(), terms: Vec::new(), stride }
    }

    fn fill(&mut self, codes: &CodeSpace<'_>, rows: &[u32]) {
        let dim = codes.coder.quantiser.centres().len();
        self.upper.clear();
        self.terms.clear();
        for &row in rows {
            let row = &codes.rows.row(row)[..dim];
            self.halves.cut(row);
            self.upper.extend_from_slice(&self.halves.upper);
            self.terms.push(match codes.coder.metric {
                Metric::Cosine | Metric::Euclidean => upper_squares(row),
                Metric::InnerProduct => 0.0,
            });
        }
    }

    fn space(&self) -> UpperSpace<'_> {
        let upper = CodeRows::new(&self.upper, self.stride, &self.terms);
        UpperSpace::new(HalfRows { upper, lower: upper })
    }
}

/// The nearest of a query in either way.
struct Contest<'a> {
    query: &'a CodeQuery,
    by_codes: Pool,
    by_halves: Pool,
    ranks: Vec<f32>,
}

impl<'a> Contest<'a> {
    fn new(query: &'a CodeQuery) -> Self {
        let pool = |capacity| {
            let mut pool = Pool::default();
            pool.reset(capacity);
            pool
        };
        Self { query, by_codes: pool(NEIGHBOURS), by_halves: pool(CANDIDATES), ranks: Vec::new() }
    }

    /// Looks at the rows that `piece` holds.
    fn enter(&mut self, codes: &CodeSpace<'_>, piece: &Piece, rows: &[u32]) {
        let places: Vec<u32> = (0..).take(rows.len()).collect();
        self.ranks.resize(rows.len(), 0.0);
        codes.ranks(self.query, rows, &mut self.ranks);
        self.ranks.iter().zip(rows).for_each(|(&rank, &row)| self.by_codes.offer(rank, row));
        piece.space().ranks(self.query, &places, &mut self.ranks);
        self.ranks.iter().zip(rows).for_each(|(&rank, &row)| self.by_halves.offer(rank, row));
    }

    /// How many neighbours are among the candidates, and how many there are.
    fn outcome(&self, codes: &CodeSpace<'_>) -> (usize, usize) {
        let bound = self.by_codes.nearest().last().map_or(f32::NEG_INFINITY, |(rank, _)| rank);
        let candidates: Vec<u32> = self.by_halves.nearest().map(|(_, row)| row).collect();
        let mut ranks = vec![0.0; candidates.len()];
        codes.ranks(self.query, &candidates, &mut ranks);
        let found = ranks.iter().filter(|&&rank| rank <= bound).count();
        let wanted = self.by_codes.nearest().len();
        (found.min(wanted), wanted)
    }
}
