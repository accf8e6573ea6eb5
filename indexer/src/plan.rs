//! What the builder does next. Decisions alone: they look at numbers and change nothing.

use crate::settings::{
    DEAD_PERCENT_MAX, DEAD_POINTS_MIN, MERGE_SHARE_BUSY, MERGE_SHARE_CALM, MERGED_AT_ONCE_MIN, SCAN_POINTS_MAX,
    SEALS_PER_REPLAY_MAX, TAIL_REST_MAX,
};

/// Whether writes have been coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// They have, and the last seal was a moment ago.
    Busy,
    /// They have, so slowly that there was no seal for a while.
    Steady,
    /// None has come for a while: what costs more now than it would later, and saves work in searches, is worth it.
    Calm,
}

/// What is known of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Rows in no segment, dead ones included.
    pub(crate) tail: usize,
    /// Those of them that the head does not hold.
    pub(crate) uncovered: usize,
    /// Changes that the next opening would go through.
    pub(crate) replay: u64,
    /// The segments.
    pub(crate) parts: Vec<PartShape>,
}

/// What is known of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartShape {
    pub(crate) live: usize,
    pub(crate) dead: usize,
}

/// When to seal and merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Rows in no segment at which they become one.
    pub(crate) seal_points: usize,
    /// Most documents of a segment.
    pub(crate) segment_points_max: usize,
}

/// What is to be done about rows in no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TailWork {
    Nothing,
    /// Insert rows into the head.
    Extend,
    /// Make a segment of them all.
    Seal,
    /// There are none; but the next opening would go through too many changes.
    Checkpoint,
}

pub(crate) fn tail_work(shape: &Shape, bounds: Bounds, pace: Pace) -> TailWork {
    let long_replay = shape.replay >= bounds.seal_points as u64 * SEALS_PER_REPLAY_MAX;
    // Without a segment, to scan as many rows is as fast as to walk a graph of them.
    let rest = if shape.parts.is_empty() { SCAN_POINTS_MAX } else { TAIL_REST_MAX };
    if shape.tail == 0 {
        return if long_replay { TailWork::Checkpoint } else { TailWork::Nothing };
    }
    if shape.tail >= bounds.seal_points || long_replay || (pace == Pace::Calm && shape.tail > rest) {
        TailWork::Seal
    } else if pace != Pace::Busy && shape.tail > SCAN_POINTS_MAX && shape.uncovered > 0 {
        TailWork::Extend
    } else {
        TailWork::Nothing
    }
}

/// Which segments become one, as places in `shape.parts`; none most of the time.
///
/// A segment with too many dead documents is written again without them. Else small segments are merged, and larger
/// ones with them, up to the largest that those smaller than it outweigh together by a share. What is left over are
/// segments each of which is larger than all smaller ones times the share: a handful at most, whatever came in.
pub(crate) fn merge(shape: &Shape, bounds: Bounds, pace: Pace) -> Vec<usize> {
    let worn = |part: &PartShape| {
        part.live == 0
            || part.dead >= DEAD_POINTS_MIN.min(bounds.seal_points)
                && part.dead * 100 >= (part.live + part.dead) * DEAD_PERCENT_MAX
    };
    if let Some(place) = shape.parts.iter().position(worn) {
        return vec![place];
    }
    let (share, at_once) = match pace {
        Pace::Busy | Pace::Steady => (MERGE_SHARE_BUSY, MERGED_AT_ONCE_MIN),
        Pace::Calm => (MERGE_SHARE_CALM, 2),
    };
    let mut places: Vec<_> = (0..shape.parts.len()).collect();
    places.sort_by_key(|&place| shape.parts[place].live);
    let (mut smaller, mut merged) = (0, 0);
    for (count, &place) in (1..).zip(&places) {
        let live = shape.parts[place].live;
        if smaller + live > bounds.segment_points_max {
            break;
        }
        if count >= at_once && smaller * share >= live {
            merged = count;
        }
        smaller += live;
    }
    places.truncate(merged);
    places
}

/// Documents that a shard left alone would still put elsewhere.
pub(crate) fn pending(shape: &Shape, bounds: Bounds) -> usize {
    let tail = match tail_work(shape, bounds, Pace::Calm) {
        TailWork::Seal | TailWork::Extend => shape.tail,
        TailWork::Nothing | TailWork::Checkpoint => 0,
    };
    tail + merge(shape, bounds, Pace::Calm).into_iter().map(|place| shape.parts[place].live).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOUNDS: Bounds = Bounds { seal_points: 8_192, segment_points_max: 1_000_000 };

    fn shape(tail: usize, uncovered: usize, live: &[usize]) -> Shape {
        let parts = live.iter().map(|&live| PartShape { live, dead: 0 }).collect();
        Shape { tail, uncovered, replay: tail as u64, parts }
    }

    #[track_caller]
    fn check_tail(shape: &Shape, steady: TailWork, calm: TailWork) {
        let busy = if steady == TailWork::Extend { TailWork::Nothing } else { steady };
        let work = [Pace::Busy, Pace::Steady, Pace::Calm].map(|pace| tail_work(shape, BOUNDS, pace));
        assert_eq!(work, [busy, steady, calm]);
    }

    #[test]
    fn few_rows_are_scanned_and_more_wait_in_the_head_until_they_are_sealed() {
        check_tail(&shape(2_000, 2_000, &[]), TailWork::Nothing, TailWork::Nothing);
        check_tail(&shape(2_001, 2_001, &[]), TailWork::Extend, TailWork::Seal);
        check_tail(&shape(2_001, 0, &[]), TailWork::Nothing, TailWork::Seal);
        check_tail(&shape(8_192, 0, &[]), TailWork::Seal, TailWork::Seal);
    }

    #[test]
    fn beside_segments_hardly_any_row_is_left_over_when_writes_pause() {
        check_tail(&shape(64, 64, &[9_000]), TailWork::Nothing, TailWork::Nothing);
        check_tail(&shape(65, 65, &[9_000]), TailWork::Nothing, TailWork::Seal);
    }

    #[test]
    fn changes_to_replay_stay_few() {
        let replay = 8_192 * SEALS_PER_REPLAY_MAX;
        check_tail(&Shape { replay, ..shape(1, 1, &[]) }, TailWork::Seal, TailWork::Seal);
        check_tail(&Shape { replay, ..shape(0, 0, &[9]) }, TailWork::Checkpoint, TailWork::Checkpoint);
        check_tail(&Shape { replay: replay - 1, ..shape(1, 1, &[]) }, TailWork::Nothing, TailWork::Nothing);
    }

    #[track_caller]
    fn check_merge(live: &[usize], busy: &[usize], calm: &[usize]) {
        let shape = shape(0, 0, live);
        let sizes = |pace| merge(&shape, BOUNDS, pace).iter().map(|&place| live[place]).collect::<Vec<_>>();
        assert_eq!((sizes(Pace::Busy), sizes(Pace::Calm)), (busy.to_vec(), calm.to_vec()), "{live:?}");
    }

    #[test]
    fn small_segments_are_merged_until_the_next_is_much_larger() {
        check_merge(&[60_000], &[], &[]);
        check_merge(&[8_192, 8_192], &[], &[8_192, 8_192]);
        check_merge(&[8_192; 4], &[8_192; 4], &[8_192; 4]);
        check_merge(&[60_000, 100, 100, 1], &[], &[1, 100, 100]);
        check_merge(
            &[20_000, 12_000, 8_192, 18_000, 1_500],
            &[1_500, 8_192, 12_000, 18_000, 20_000],
            &[1_500, 8_192, 12_000, 18_000, 20_000],
        );
    }

    #[test]
    fn no_merge_makes_a_segment_beyond_the_bound() {
        check_merge(&[600_000, 500_000], &[], &[]);
        check_merge(&[600_000, 300_000, 200_000], &[], &[200_000, 300_000]);
    }

    #[test]
    fn a_segment_with_many_dead_documents_is_written_again() {
        let worn = |live, dead| {
            let shape = Shape { parts: vec![PartShape { live, dead }], ..shape(0, 0, &[]) };
            merge(&shape, BOUNDS, Pace::Busy) == [0]
        };
        assert!(worn(2_333, 1_000) && worn(0, 1) && worn(70_000, 30_000));
        assert!(!worn(2_334, 1_000) && !worn(1, 999) && !worn(70_001, 30_000));
    }

    proptest! {
        #[test]
        fn when_nothing_is_left_to_merge_there_are_few_segments(sizes in prop::collection::vec(1usize..5_000, 1..200)) {
            let mut live = Vec::new();
            for size in sizes {
                live.push(size);
                loop {
                    let mut merged = merge(&shape(0, 0, &live), BOUNDS, Pace::Calm);
                    if merged.is_empty() {
                        break;
                    }
                    prop_assert!(merged.len() > 1);
                    merged.sort_unstable();
                    let sum = merged.iter().map(|&place| live[place]).sum();
                    merged.iter().rev().for_each(|&place| {
                        live.remove(place);
                    });
                    live.push(sum);
                }
                // Each is more than eight times all smaller ones together, and the largest is below a million.
                prop_assert!(live.len() <= 8, "{live:?}");
            }
        }
    }
}
