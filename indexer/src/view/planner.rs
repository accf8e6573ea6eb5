//! Whether to search approximately at all, and whether to walk the head. A segment plans its own search.

use crate::settings::SCAN_POINTS_MAX;
use annuli_api::shard_api::SearchMode;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(allowed: usize) -> Wish {
        Wish { mode: SearchMode::Approximate { ef: 100 }, k: 10, allowed }
    }

    #[test]
    fn exact_searches_and_small_shards_are_not_walked() {
        assert_eq!(width(Wish { mode: SearchMode::Exact, ..wish(50_000) }), None);
        assert_eq!((width(wish(2_000)), width(wish(2_001))), (None, Some(100)));
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
