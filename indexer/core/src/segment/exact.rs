//! Exact search: no neighbour is missed, whatever the codes say.
//!
//! Codes are a quarter of the bytes, and a scan is as fast as memory. A row lies at most `error` from the point that
//! its codes stand for, and a query at a known distance from its own, so by the triangle inequality the true distance
//! is within the sum of both of the one between codes. A scan of the codes therefore leaves a few candidates that hold
//! all the nearest, and those are measured on the vectors.

use super::search::{Allowed, Found, Nearest, Scratch};
use super::{Precision, Segment};
use crate::hit::TopK;
use crate::metric::{Metric, PreparedQuery};
use crate::space::{BothSpace, CodeQuery, Space};

/// Rows between two looks at whether to go on.
const ROWS_PER_LOOK: usize = 1_024;

/// Most hits that are sought by codes first: keeping more in order costs more than it saves.
const BY_CODES_K_MAX: usize = 1_000;

/// What rounding may add to a distance between codes, as a share of it.
const ROUNDING: f32 = 1e-4;

impl Segment {
    /// The nearest of the allowed slots, nearest first; at most `k`, and none is missed. Now and then `go_on` is asked,
    /// and its error ends the search.
    pub fn exact<E>(
        &self,
        query: &PreparedQuery,
        k: usize,
        allowed: Allowed<'_>,
        scratch: &mut Scratch,
        mut go_on: impl FnMut() -> Result<(), E>,
    ) -> Result<Vec<Found>, E> {
        let k = k.min(allowed.count);
        if k == 0 {
            return Ok(Vec::new());
        }
        let by_codes =
            self.shape.precision != Precision::Full && self.shape.metric != Metric::InnerProduct && k <= BY_CODES_K_MAX;
        let mut nearest = TopK::new(k);
        if by_codes {
            self.candidates(query, k, allowed, scratch, &mut go_on)?;
            let Scratch { candidates, vector, .. } = scratch;
            for (number, &(_, slot)) in candidates.iter().enumerate() {
                if number.is_multiple_of(ROWS_PER_LOOK) {
                    go_on()?;
                }
                nearest.offer(Nearest(Found { distance: self.distance(query, slot, vector), slot }));
            }
        } else {
            for (row, slot) in allowed.slots(self.len()).enumerate() {
                if row.is_multiple_of(ROWS_PER_LOOK) {
                    go_on()?;
                }
                nearest.offer(Nearest(Found { distance: self.distance(query, slot, &mut scratch.vector), slot }));
            }
        }
        Ok(nearest.into_sorted().into_iter().map(|Nearest(found)| found).collect())
    }

    /// 1 − cos is known to about 1e-7, which near the query is far more than as a distance between unit vectors.
    fn cosine_noise(&self) -> f32 {
        if self.shape.metric == Metric::Cosine { 1e-3 / self.quantiser.step() } else { 0.0 }
    }

    /// Leaves every slot in the scratch that may be among the nearest.
    fn candidates<E>(
        &self,
        query: &PreparedQuery,
        k: usize,
        allowed: Allowed<'_>,
        scratch: &mut Scratch,
        go_on: &mut impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut asked = CodeQuery::new(2 * self.shape.code_stride());
        let coder = self.query_coder();
        coder.ask(query.components(), &mut asked);
        let error = coder.error(query.components(), &asked) + self.quantiser.error();
        // Twice, for the k-th nearest by codes may itself be nearer than it truly is; in steps, as ranks are. And more
        // than terms of many components are rounded by.
        let slack = 2.0 * error / self.quantiser.step() + 2.0 + self.cosine_noise();
        let sieve = Sieve { asked, slack, k, allowed, rows: self.len() };
        if self.shape.precision == Precision::Halves {
            sieve.sift(&BothSpace::new(self.half_rows()), scratch, go_on)
        } else {
            sieve.sift(&self.code_space(), scratch, go_on)
        }
    }
}

/// What leaves the candidates of a query.
struct Sieve<'a> {
    asked: CodeQuery,
    /// By how many steps a distance between codes may be wrong, twice.
    slack: f32,
    k: usize,
    allowed: Allowed<'a>,
    rows: usize,
}

impl Sieve<'_> {
    fn sift<E>(
        &self,
        space: &impl Space<Query = CodeQuery>,
        scratch: &mut Scratch,
        go_on: &mut impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let Scratch { walk, candidates, .. } = scratch;
        let pool = &mut walk.pool;
        pool.reset(self.k);
        candidates.clear();
        let mut slots = self.allowed.slots(self.rows);
        let mut bound = f32::INFINITY;
        let (mut chunk, mut ranks) = (Vec::with_capacity(ROWS_PER_LOOK), vec![0.0; ROWS_PER_LOOK]);
        loop {
            go_on()?;
            chunk.clear();
            chunk.extend(slots.by_ref().take(ROWS_PER_LOOK));
            if chunk.is_empty() {
                break;
            }
            space.ranks(&self.asked, &chunk, &mut ranks[..chunk.len()]);
            for (&rank, &slot) in ranks.iter().zip(&chunk) {
                if rank <= bound {
                    candidates.push((rank, slot));
                    if rank < pool.bound() {
                        pool.offer(rank, slot);
                        bound = ((pool.bound().max(0.0).sqrt() + self.slack) * (1.0 + ROUNDING)).powi(2);
                    }
                }
            }
        }
        candidates.retain(|&(rank, _)| rank <= bound);
        Ok(())
    }
}
