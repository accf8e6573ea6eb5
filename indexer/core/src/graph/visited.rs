//! Which rows a walk has seen.

/// A set of rows that is emptied by undoing what was done, not by clearing it all: a walk sees some hundreds of rows
/// out of millions.
#[derive(Debug, Default)]
pub(crate) struct Visited {
    words: Vec<u64>,
    seen: Vec<u32>,
}

impl Visited {
    /// Empties it, for rows below `rows`.
    pub(crate) fn reset(&mut self, rows: usize) {
        for row in self.seen.drain(..) {
            self.words[row as usize / 64] = 0;
        }
        // Kept when it shrinks: the next walk may be in a larger graph again.
        if self.words.len() < rows.div_ceil(64) {
            self.words.resize(rows.div_ceil(64), 0);
        }
    }

    /// Adds a row; returns whether it was not in it.
    #[inline]
    pub(crate) fn insert(&mut self, row: u32) -> bool {
        let word = &mut self.words[row as usize / 64];
        let bit = 1_u64 << (row % 64);
        if *word & bit != 0 {
            return false;
        }
        *word |= bit;
        self.seen.push(row);
        true
    }

    /// Adds each of `rows` that is not in it, and puts those into `fresh`.
    #[inline]
    pub(crate) fn insert_all(&mut self, rows: &[u32], fresh: &mut Vec<u32>) {
        fresh.resize(rows.len(), 0);
        let mut count = 0;
        for &row in rows {
            // Written in any case and kept if new: whether a row was seen is a coin toss to the processor.
            let word = &mut self.words[row as usize / 64];
            fresh[count] = row;
            count += usize::from(*word >> (row % 64) & 1 == 0);
            *word |= 1_u64 << (row % 64);
        }
        fresh.truncate(count);
        self.seen.extend_from_slice(fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_new_once() {
        let mut visited = Visited::default();
        visited.reset(200);
        assert!(visited.insert(130) && !visited.insert(130) && visited.insert(131));
        let mut fresh = Vec::new();
        visited.insert_all(&[130, 5, 199, 5], &mut fresh);
        assert_eq!(fresh, [5, 199]);
    }

    #[test]
    fn a_reset_forgets_everything_also_for_other_sizes() {
        let mut visited = Visited::default();
        for rows in [100, 1_000, 70] {
            visited.reset(rows);
            assert!((0..u32::try_from(rows).unwrap()).all(|row| visited.insert(row)), "{rows}");
        }
    }
}
