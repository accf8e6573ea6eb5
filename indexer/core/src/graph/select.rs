//! Which of the near rows become neighbours.

use crate::space::RowSpace;

/// What a selection needs, kept from one to the next.
pub(crate) struct Select<Q> {
    query: Q,
    ranks: Vec<f32>,
    /// The rows that were chosen, nearest first.
    pub(crate) chosen: Vec<u32>,
    /// Their ranks, as they were given.
    pub(crate) chosen_ranks: Vec<f32>,
}

/// Chosen rows that a candidate is compared with at a time: most candidates fall out early.
const AT_A_TIME: usize = 8;

impl<Q> Select<Q> {
    pub(crate) fn new(query: Q) -> Self {
        Self { query, ranks: Vec::new(), chosen: Vec::new(), chosen_ranks: Vec::new() }
    }

    /// Chooses at most `count` of `candidates`, which are sorted by rank, so that they lie in different directions: one
    /// that is nearer to a chosen row than to the row itself can be reached through it (algorithm 4 of the paper).
    pub(crate) fn diverse<S: RowSpace<Query = Q>>(
        &mut self,
        space: &S,
        candidates: impl Iterator<Item = (f32, u32)>,
        count: usize,
    ) {
        self.chosen.clear();
        self.chosen_ranks.clear();
        for (rank, candidate) in candidates {
            if self.chosen.len() == count {
                return;
            }
            // Of rows equal to the row itself some are wanted, so that equals find each other, but not a full list of
            // them, from which nothing leads away.
            let chosen =
                if rank == 0.0 { self.chosen.len() < count / 2 } else { self.is_apart(space, rank, candidate) };
            if chosen {
                self.chosen.push(candidate);
                self.chosen_ranks.push(rank);
            }
        }
    }

    fn is_apart<S: RowSpace<Query = Q>>(&mut self, space: &S, rank: f32, candidate: u32) -> bool {
        if self.chosen.is_empty() {
            return true;
        }
        space.ask_row(candidate, &mut self.query);
        self.ranks.resize(AT_A_TIME, 0.0);
        self.chosen.chunks(AT_A_TIME).all(|chosen| {
            let ranks = &mut self.ranks[..chosen.len()];
            space.ranks(&self.query, chosen, ranks);
            // Of others that equal each other one is enough.
            ranks.iter().all(|&between| rank <= between && between != 0.0)
        })
    }
}
