//! Whether approximate searches find enough.
//!
//! Of few documents that are looked for, one that is missed is a large share: of trials of a healthy graph, which finds 97 of
//! 100, that look for ten, three in a hundred would be refused. So the share of those that were found is held
//! against the floor as a sample is: a generation is refused if a graph of just that floor would find so few at most once
//! in twenty times, each document apart (the binomial distribution). With the 80 documents that eight canaries look for, and
//! a floor of 0.9, 66 are too few; of 10, 6; of 3, one.

/// A graph that is as good as the floor is refused as often, at most.
const REFUSED_WRONGLY_MAX: f64 = 0.05;

/// What was found of what was looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Recall {
    pub(super) found: usize,
    pub(super) wanted: usize,
}

impl Recall {
    /// Of an empty shard nothing is missed.
    pub(super) fn share(self) -> f64 {
        if self.wanted == 0 { 1.0 } else { self.found as f64 / self.wanted as f64 }
    }

    /// Whether that is no sign of a share below the floor.
    pub(super) fn is_enough(self, floor: f64) -> bool {
        self.share() >= floor || (floor < 1.0 && self.so_few_by_chance(floor) > REFUSED_WRONGLY_MAX)
    }

    /// How probable it is that so few are found, or fewer, where each is with that probability.
    fn so_few_by_chance(self, each: f64) -> f64 {
        let (found, wanted) = (self.found as f64, self.wanted as f64);
        let (mut none_to_found, mut number) = (0.0, 0.0);
        // In logarithms: of many, that none is found is less probable than a float can say.
        let mut of_exactly = wanted * (1.0 - each).ln();
        while number <= found {
            none_to_found += of_exactly.exp();
            of_exactly += ((wanted - number) / (number + 1.0) * each / (1.0 - each)).ln();
            number += 1.0;
        }
        none_to_found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most of so many that are too few.
    fn too_few(wanted: usize, floor: f64) -> Option<usize> {
        (0..=wanted).rev().find(|&found| !Recall { found, wanted }.is_enough(floor))
    }

    #[test]
    fn of_few_more_may_be_missed_than_of_many() {
        let of = |wanted| too_few(wanted, 0.9);
        assert_eq!([of(80), of(10), of(3), of(1)], [Some(66), Some(6), Some(1), None]);
        assert_eq!(of(10_000), Some(8_949));
        assert_eq!(too_few(80, 0.99), Some(77));
    }

    #[test]
    fn of_nothing_nothing_is_missed() {
        assert!(Recall::default().is_enough(0.9));
    }

    #[test]
    fn what_cannot_be_reached_is_reached_by_nobody() {
        assert!(!Recall { found: 80, wanted: 80 }.is_enough(1.5));
        assert!(Recall { found: 80, wanted: 80 }.is_enough(1.0));
        assert!(!Recall { found: 79, wanted: 80 }.is_enough(1.0));
    }
}
