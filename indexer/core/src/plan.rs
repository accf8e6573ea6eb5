//! How to search a segment with a filter: look at every match, or walk the graph.
//!
//! A pure function of counts. Both ways are given a cost in time from how many rows they read and how long a row
//! takes; the constants are those of a prototype of the engine on Fashion-MNIST (60,000 × 784) and GloVe (331,479 ×
//! 100) with 8-bit codes, and stand in one place so that measuring the engine itself can replace them.

use crate::Dim;
use crate::segment::Precision;

/// What a search of one segment is about.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// Rows of the segment, dead ones too: a walk meets them.
    pub rows: u32,
    /// How many of them may be answered with: alive, and meeting the filter if there is one.
    pub matches: u32,
    /// Hits that are wanted.
    pub k: usize,
    /// Rows that a walk keeps.
    pub ef: usize,
    /// Components of a vector.
    pub dim: Dim,
    /// What a row is read as.
    pub precision: Precision,
}

/// How to find the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Rank every match.
    Scan,
    /// Walk the graph.
    Walk(Walk),
}

/// What a walk does with rows that do not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// Steps over them: it keeps matches only, and looks at the neighbours of a neighbour that is none.
    Over,
    /// Walks through them: it keeps more rows, so that `ef` of those that it keeps match.
    Through,
}

/// Reading the next row of a scan, in picoseconds, and each byte of it. Measured: 33 ns at 832 bytes, 5 to 8 ns at
/// 128: a scan runs at the speed of memory.
const SCAN_ROW_PS: u64 = 3_000;
/// See [`SCAN_ROW_PS`].
const SCAN_BYTE_PS: u64 = 36;

/// Reading a row somewhere in memory that was asked for ahead, in picoseconds, and each byte of it. Measured: 64 ns at
/// 832 bytes, 21.5 at 128, and about 20 for links, marks and pool.
const WALK_ROW_PS: u64 = 32_000;
/// See [`WALK_ROW_PS`].
const WALK_BYTE_PS: u64 = 70;

/// Rows that a walk reads until it reaches the lowest layer. Measured on Fashion-MNIST.
const WALK_DESCENT_ROWS: u64 = 70;

/// Rows that a walk reads for each that it keeps. Measured: 12 to 20, fewer the more it keeps.
const WALK_ROWS_PER_KEPT: u64 = 16;

/// What a walk over matches takes beside a walk without a filter that keeps as many, in percent: the lists of
/// neighbours' neighbours are read too. Measured: 110 where one in twenty matches, 130 where one in ten does.
const WALK_OVER_COST_PERCENT: u64 = 150;

/// Keeping a row in order, in picoseconds for each other that is kept: rows move to make room. Some 3 inserts a row that
/// is kept, half of the others moved, 8 bytes each, at some 40 GB/s.
const WALK_KEEP_PS: u64 = 300;

/// Where fewer rows match, in percent of all, matches no longer reach each other in two steps: at 1 % a
/// walk over them found at most 0.58 of the nearest, at 3 % 0.98.
const WALK_OVER_SHARE_MIN_PERCENT: u64 = 3;

/// Where more match, walking through the others is faster: measured between 10 % and 50 % on Fashion-MNIST, and
/// already at 10 % on GloVe.
const WALK_THROUGH_SHARE_MIN_PERCENT: u64 = 20;

/// Chooses the fastest way that finds the nearest.
pub fn plan(question: &Question) -> Plan {
    let walk = suitable_walk(question);
    if scan_ps(question) <= walk_ps(question, walk) { Plan::Scan } else { Plan::Walk(walk) }
}

fn suitable_walk(question: &Question) -> Walk {
    let percent_of_rows = |percent: u64| u64::from(question.rows) * percent;
    let matches = u64::from(question.matches) * 100;
    let suits_over = percent_of_rows(WALK_OVER_SHARE_MIN_PERCENT)..percent_of_rows(WALK_THROUGH_SHARE_MIN_PERCENT);
    if suits_over.contains(&matches) { Walk::Over } else { Walk::Through }
}

fn scan_ps(question: &Question) -> u64 {
    u64::from(question.matches) * (SCAN_ROW_PS + scan_bytes(question) * SCAN_BYTE_PS)
}

fn walk_ps(question: &Question, walk: Walk) -> u64 {
    let [rows, matches] = [question.rows, question.matches].map(u64::from);
    let kept = question.ef.max(question.k) as u64;
    let (kept, cost_percent) = match walk {
        Walk::Over => (kept, WALK_OVER_COST_PERCENT),
        // Of the rows that are kept, one in rows / matches is a match.
        Walk::Through => (kept.saturating_mul(rows).div_ceil(matches.max(1)), 100),
    };
    let read = kept.saturating_mul(WALK_ROWS_PER_KEPT).saturating_add(WALK_DESCENT_ROWS).min(rows);
    let kept = kept.min(rows);
    let reading = read * (WALK_ROW_PS + walk_bytes(question) * WALK_BYTE_PS) * cost_percent / 100;
    reading.saturating_add(kept.saturating_mul(kept).saturating_mul(WALK_KEEP_PS))
}

/// Bytes that a scan reads of a row: a byte for each component, or an f32.
fn scan_bytes(question: &Question) -> u64 {
    let component = match question.precision {
        Precision::Codes8 | Precision::Halves => 1,
        Precision::Full => 4,
    };
    question.dim.get() as u64 * component
}

/// Bytes that a walk reads of a row. Where it goes by halves, it reads whole codes only of what it has found.
fn walk_bytes(question: &Question) -> u64 {
    match question.precision {
        Precision::Halves => scan_bytes(question).div_ceil(2),
        Precision::Codes8 | Precision::Full => scan_bytes(question),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(rows: u32, percent: f64, ef: usize, dim: u64) -> Question {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32")]
        let matches = (f64::from(rows) * percent / 100.0) as u32;
        Question { rows, matches, k: 10, ef, dim: Dim::new(dim).unwrap(), precision: Precision::Codes8 }
    }

    /// The ways that were fastest when all three were measured, at the `ef` that gave a recall of 0.95.
    #[test]
    fn the_measured_winners_are_chosen() {
        let fashion = |percent| plan(&question(60_000, percent, 14, 784));
        assert_eq!(fashion(0.1), Plan::Scan);
        assert_eq!(fashion(1.0), Plan::Scan);
        assert_eq!(fashion(5.0), Plan::Walk(Walk::Over));
        assert_eq!(fashion(10.0), Plan::Walk(Walk::Over));
        assert_eq!(fashion(50.0), Plan::Walk(Walk::Through));
        assert_eq!(fashion(100.0), Plan::Walk(Walk::Through));
        let glove = |percent| plan(&question(331_479, percent, 200, 100));
        assert_eq!(glove(1.0), Plan::Scan);
        assert_eq!(glove(10.0), Plan::Walk(Walk::Over));
        assert_eq!(glove(50.0), Plan::Walk(Walk::Through));
    }

    #[test]
    fn a_wider_walk_is_worth_less() {
        let at = |ef| plan(&question(60_000, 10.0, ef, 784));
        assert_eq!([14, 2000].map(at), [Plan::Walk(Walk::Over), Plan::Scan]);
        let wanted = |k| plan(&Question { k, ..question(60_000, 10.0, 14, 784) });
        assert_eq!([10, 2000].map(wanted), [Plan::Walk(Walk::Over), Plan::Scan]);
    }

    #[test]
    fn stepping_over_is_dearer_than_its_rows() {
        // A walk that read only what it keeps would win here.
        assert_eq!(plan(&question(331_479, 8.0, 200, 100)), Plan::Scan);
    }

    #[test]
    fn a_small_segment_is_scanned() {
        for percent in [1.0, 10.0, 50.0, 100.0] {
            assert_eq!(plan(&question(500, percent, 64, 128)), Plan::Scan, "{percent} %");
        }
    }

    #[test]
    fn few_matches_are_never_walked_over() {
        // As many as make a scan dear.
        let rare = question(100_000_000, 2.9, 14, 784);
        assert_eq!(plan(&rare), Plan::Walk(Walk::Through));
        let enough = question(100_000_000, 3.0, 14, 784);
        assert_eq!(plan(&enough), Plan::Walk(Walk::Over));
    }

    #[test]
    fn what_is_not_there_is_scanned() {
        assert_eq!(plan(&question(60_000, 0.0, 64, 784)), Plan::Scan);
        assert_eq!(plan(&question(0, 0.0, 64, 784)), Plan::Scan);
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        for precision in [Precision::Codes8, Precision::Halves, Precision::Full] {
            for matches in [0, 1, u32::MAX / 10, u32::MAX] {
                let dim = Dim::new(crate::limits::DIM_MAX as u64).unwrap();
                let largest = Question { rows: u32::MAX, matches, k: usize::MAX, ef: usize::MAX, dim, precision };
                assert_eq!(plan(&largest), Plan::Scan);
            }
        }
    }
}
