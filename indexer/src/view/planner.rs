//! Whether to search approximately at all, whether to walk the head, and how long it may take. A segment plans its own
//! search.

use crate::settings::SCAN_POINTS_MAX;
use crate::tail::Tail;
use annuli_api::shard_api::{Include, SearchMode};

/// How much longer a walk of the head takes for a point that it returns than a scan for a point that it looks at: a
/// walk compares with some twenty points for each that it returns, out of order in memory. Measured on Fashion-MNIST.
const HEAD_WALK_COST: usize = 30;

/// What a search asks for, and how many documents there are to answer with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) mode: SearchMode,
    pub(super) k: usize,
    /// In the whole view.
    pub(super) allowed: usize,
}

/// How many points to ask the head for so that about `ef` allowed ones are found. It holds `covered` of the `len` rows
/// of the tail.
pub(super) fn head_width(wish: Wish, covered: usize, len: usize, allowed: usize) -> Option<usize> {
    let ef = width(wish)?;
    if allowed <= SCAN_POINTS_MAX || covered <= SCAN_POINTS_MAX {
        return None;
    }
    let widened = ef.saturating_mul(len).div_ceil(allowed);
    (widened.saturating_mul(HEAD_WALK_COST) < allowed).then_some(widened)
}

/// How wide to walk; `None` where nothing may be missed, or need not be.
pub(super) fn width(wish: Wish) -> Option<usize> {
    match wish.mode {
        SearchMode::Exact => None,
        // So few are scanned as fast as they are walked to, and none is missed.
        SearchMode::Approximate { .. } if wish.allowed <= SCAN_POINTS_MAX => None,
        SearchMode::Approximate { ef } => Some(ef.max(wish.k)),
    }
}

/// Rows that a walk of a segment looks at for each that it keeps, and on its way down. Measured on Fashion-MNIST: 252
/// for 12 kept, 412 for 32; on GloVe 18 for each.
const WALK_ROWS_PER_KEPT: usize = 16;
/// See [`WALK_ROWS_PER_KEPT`].
const WALK_DESCENT_ROWS: usize = 70;

/// About how many rows of a segment a search without a filter compares.
pub(super) fn comparisons(wish: Wish, rows: usize) -> usize {
    width(wish).map_or(rows, |ef| (WALK_DESCENT_ROWS + ef.saturating_mul(WALK_ROWS_PER_KEPT)).min(rows))
}

/// About how many rows of the tail a search without a filter compares.
pub(super) fn head_comparisons(wish: Wish, tail: &Tail) -> usize {
    let table = &tail.table;
    head_width(wish, tail.walkable(), table.len(), table.live())
        .map_or(table.len(), |width| width.saturating_mul(HEAD_WALK_COST) + tail.uncovered())
}

/// Live documents of a segment for each dead one, from which on a walk is as long as if none were dead. A walk that
/// meets more of the dead may be widened, or end as a scan.
const LIVE_PER_DEAD_MIN: usize = 32;

/// Whether a walk of a segment may take much longer than [`comparisons`] says.
pub(super) fn may_widen(live: usize, dead: usize) -> bool {
    dead.saturating_mul(LIVE_PER_DEAD_MIN) > live
}

/// What the metadata of a hit, which is read from JSON, is taken to cost, in components compared: of the order of
/// microseconds. An estimate on the safe side; what is in it is known only when it has been read.
const METADATA_COMPONENTS: usize = 8 * 1_024;
/// What else a hit costs: its id, its vector.
const HIT_COMPONENTS: usize = 1_024;

/// About what the answer of one query costs beside the comparisons, in components compared.
pub(super) fn hits_components(k: usize, include: Include) -> usize {
    k.saturating_mul(HIT_COMPONENTS + if include.metadata { METADATA_COMPONENTS } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SHORT_SEARCH_COMPONENTS_MAX;

    fn wish(allowed: usize) -> Wish {
        Wish { mode: SearchMode::Approximate { ef: 100 }, k: 10, allowed }
    }

    #[test]
    fn exact_searches_and_small_shards_are_not_walked() {
        assert_eq!(width(Wish { mode: SearchMode::Exact, ..wish(50_000) }), None);
        assert_eq!((width(wish(2_000)), width(wish(2_001))), (None, Some(100)));
    }

    #[test]
    fn a_walk_compares_far_fewer_rows_than_a_scan() {
        assert_eq!(comparisons(wish(50_000), 50_000), 1_670);
        assert_eq!(comparisons(wish(50_000), 100), 100);
        assert_eq!(comparisons(Wish { mode: SearchMode::Exact, ..wish(50_000) }, 50_000), 50_000);
    }

    #[test]
    fn an_answer_of_many_hits_is_no_short_work() {
        let costs = |k, metadata| hits_components(k, Include { metadata, vector: false });
        assert!(costs(10, true) < SHORT_SEARCH_COMPONENTS_MAX / 8);
        assert!(costs(1_000, true) > SHORT_SEARCH_COMPONENTS_MAX);
        assert!(costs(1_000, false) < SHORT_SEARCH_COMPONENTS_MAX);
        assert!(costs(10_000, false) > SHORT_SEARCH_COMPONENTS_MAX);
    }

    #[test]
    fn a_segment_with_many_dead_documents_may_take_long() {
        assert!(!may_widen(1_000, 0));
        assert!(!may_widen(1_000, 31));
        assert!(may_widen(1_000, 32));
        assert!(!may_widen(0, 0));
    }

    #[test]
    fn a_walk_is_as_wide_as_the_answer() {
        assert_eq!(width(Wish { k: 500, ..wish(9_000) }), Some(500));
    }

    #[test]
    fn the_head_is_asked_for_more_when_less_is_allowed() {
        assert_eq!(head_width(wish(8_000), 8_000, 8_000, 8_000), Some(100));
        assert_eq!(head_width(wish(8_000), 8_000, 8_000, 4_000), None);
        assert_eq!(head_width(wish(90_000), 20_000, 20_000, 16_000), Some(125));
        assert_eq!(head_width(wish(8_000), 2_000, 8_000, 8_000), None);
    }
}
