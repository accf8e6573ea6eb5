//! Whether codes are near enough.
//!
//! One step serves all dimensions and all rows, so a single far value can make it so long that rows near each other
//! get the same code. A graph of such codes would lead nowhere, and silently. So before a graph is built on codes they
//! are tried on a sample, and where they would lose neighbours the graph is built on the vectors themselves.

use crate::space::{CodeSpace, FullSpace, RowSpace, Space};

/// Rows among which neighbours are sought.
const SAMPLE_ROWS: usize = 2_000;

/// Rows whose neighbours are sought.
const SAMPLE_QUERIES: usize = 50;

/// Neighbours of each.
pub(super) const NEIGHBOURS: usize = 10;

/// How many of the nearest by codes may contain them: what a search measures exactly, too.
pub(super) const CANDIDATES: usize = 16;

/// Share of neighbours, in percent, that must be among the candidates.
pub(super) const SUFFICIENT_PERCENT: usize = 97;

/// The rows of a sample: evenly spread, `total` of them at most.
pub(super) fn sample(total: usize) -> impl Iterator<Item = usize> + Clone {
    spread(total, SAMPLE_ROWS)
}

/// So many of `total` rows, evenly spread; all of them if there are fewer.
pub(super) fn spread(total: usize, count: usize) -> impl Iterator<Item = usize> + Clone {
    let rows = total.min(count);
    (0..rows).map(move |place| place * total / rows)
}

/// Returns whether codes find the neighbours of sampled rows. Row i of `full` is row `places[i]` of `codes`.
pub(super) fn codes_suffice(codes: &CodeSpace<'_>, full: &FullSpace<'_>, places: &[u32]) -> bool {
    let rows: Vec<u32> = (0..).take(places.len()).collect();
    let mut by_code = codes.new_query();
    let mut exactly = full.new_query();
    let (mut code_ranks, mut full_ranks) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
    let (mut found, mut wanted) = (0, 0);
    for &query in rows.iter().step_by(rows.len().div_ceil(SAMPLE_QUERIES).max(1)) {
        full.ask_row(query, &mut exactly);
        codes.coder.ask(exactly.vector(), &mut by_code);
        full.ranks(&exactly, &rows, &mut full_ranks);
        codes.ranks(&by_code, places, &mut code_ranks);
        let Some(bound) = nearest(&full_ranks, NEIGHBOURS).last().map(|&row| full_ranks[row as usize]) else {
            return true;
        };
        let near_enough = |row: &&u32| full_ranks[**row as usize] <= bound;
        found += nearest(&code_ranks, CANDIDATES).iter().filter(near_enough).count().min(NEIGHBOURS);
        wanted += NEIGHBOURS.min(rows.len());
    }
    found * 100 >= wanted * SUFFICIENT_PERCENT
}

/// The rows of the lowest ranks, `count` of them at most.
fn nearest(ranks: &[f32], count: usize) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..).take(ranks.len()).collect();
    rows.sort_unstable_by(|&a, &b| ranks[a as usize].total_cmp(&ranks[b as usize]).then(a.cmp(&b)));
    rows.truncate(count);
    rows
}
