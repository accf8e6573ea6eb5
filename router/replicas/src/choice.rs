//! Which replica is asked: of two that were drawn, the less loaded.
//!
//! To ask the least loaded of all would send every router to the same one, as each knows its own calls alone; two drawn
//! at random are almost as good as a look at all, and no two routers draw alike.

use crate::limits::PACES_ALIKE;
use fastrand::Rng;
use std::cmp::Ordering;

/// A replica that may be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// Its place in the set.
    pub(crate) place: usize,
    /// It was ejected, and is to be tried.
    pub(crate) due: bool,
    /// Calls of it that are under way.
    pub(crate) in_flight: u32,
    /// How long it takes lately, beside the others.
    pub(crate) pace: f32,
}

/// For what a replica is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// To be asked first. Who is to be tried is: whether it is back is worth knowing, and there are others left.
    First,
    /// Because another was unable. Who is to be tried comes last: this request has had its trouble.
    Next,
    /// Because another is late. Who is to be tried is no help.
    Hedge,
}

impl Turn {
    /// As a trace says it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Next => "next",
            Self::Hedge => "hedge",
        }
    }
}

/// Draws two of the candidates and returns the one to ask; `None` if there is no candidate.
pub(crate) fn choose(candidates: impl Iterator<Item = Candidate>, turn: Turn, rng: &mut Rng) -> Option<Candidate> {
    let mut drawn: [Option<Candidate>; 2] = [None; 2];
    let allowed = candidates.filter(|candidate| turn != Turn::Hedge || !candidate.due);
    // Each stays with the same chance, however many come (Vitter's algorithm R).
    for (seen, candidate) in allowed.enumerate() {
        let slot = if seen < 2 { seen } else { rng.usize(0..=seen) };
        if let Some(slot) = drawn.get_mut(slot) {
            *slot = Some(candidate);
        }
    }
    let [Some(first), Some(second)] = drawn else { return drawn[0] };
    match prefer(&first, &second, turn) {
        Ordering::Less => Some(first),
        Ordering::Greater => Some(second),
        Ordering::Equal => Some(if rng.bool() { first } else { second }),
    }
}

/// `Less` if `a` is to be asked rather than `b`.
fn prefer(a: &Candidate, b: &Candidate, turn: Turn) -> Ordering {
    let by_trial = match turn {
        Turn::First => b.due.cmp(&a.due),
        Turn::Next | Turn::Hedge => a.due.cmp(&b.due),
    };
    by_trial.then_with(|| a.in_flight.cmp(&b.in_flight)).then_with(|| by_pace(a.pace, b.pace))
}

fn by_pace(a: f32, b: f32) -> Ordering {
    if a > PACES_ALIKE * b {
        Ordering::Greater
    } else if b > PACES_ALIKE * a {
        Ordering::Less
    } else {
        Ordering::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Rng, Turn, choose};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn sound(place: usize, in_flight: u32, pace: f32) -> Candidate {
        Candidate { place, due: false, in_flight, pace }
    }

    fn due(place: usize) -> Candidate {
        Candidate { due: true, ..sound(place, 0, 1.0) }
    }

    /// How often each of three places was chosen, of 3,000 times.
    fn chosen(candidates: &[Candidate], turn: Turn) -> [usize; 3] {
        let mut rng = Rng::with_seed(7);
        let mut chosen = [0; 3];
        for _ in 0..3_000 {
            if let Some(candidate) = choose(candidates.iter().copied(), turn, &mut rng) {
                chosen[candidate.place] += 1;
            }
        }
        chosen
    }

    #[test]
    fn of_two_the_one_with_fewer_calls_is_asked() {
        assert_eq!(chosen(&[sound(0, 5, 1.0), sound(1, 4, 9.0)], Turn::First), [0, 3_000, 0]);
    }

    #[test]
    fn of_two_with_as_many_calls_the_quicker_is_asked() {
        assert_eq!(chosen(&[sound(0, 5, 1.0), sound(1, 5, 1.6)], Turn::First), [3_000, 0, 0]);
    }

    #[test]
    fn equals_are_asked_alike() {
        let even = |expected: usize, counts: &[usize]| counts.iter().all(|count| count.abs_diff(expected) < 150);
        let all = [sound(0, 0, 1.0), sound(1, 0, 1.0), sound(2, 0, 1.0)];
        let three = chosen(&all, Turn::First);
        assert!(even(1_000, &three), "{three:?}");
        for paces in [[1.0, 1.4], [1.4, 1.0]] {
            let two = chosen(&[sound(0, 0, paces[0]), sound(1, 0, paces[1])], Turn::First);
            assert!(even(1_500, &two[..2]), "{two:?}");
        }
    }

    #[test]
    fn each_pair_is_drawn_as_often() {
        // The worst never wins, the middle one wins the one pair of three that is without the best.
        let [best, middle, worst] = chosen(&[sound(0, 2, 1.0), sound(1, 1, 1.0), sound(2, 0, 1.0)], Turn::First);
        assert_eq!(best, 0);
        assert!(middle.abs_diff(1_000) < 150 && worst.abs_diff(2_000) < 150, "{middle} {worst}");
    }

    #[test]
    fn the_only_one_is_asked_and_of_none_nobody() {
        assert_eq!(chosen(&[sound(2, 99, 99.0)], Turn::First), [0, 0, 3_000]);
        assert_eq!(chosen(&[], Turn::First), [0; 3]);
    }

    #[test]
    fn who_is_to_be_tried_is_asked_first_or_last_but_never_as_a_hedge() {
        let both = [sound(0, 0, 0.5), due(1)];
        assert_eq!(chosen(&both, Turn::First), [0, 3_000, 0]);
        assert_eq!(chosen(&both, Turn::Next), [3_000, 0, 0]);
        assert_eq!(chosen(&[due(1)], Turn::Next), [0, 3_000, 0]);
        assert_eq!(chosen(&[due(1)], Turn::Hedge), [0; 3]);
    }

    proptest! {
        #[test]
        fn somebody_is_chosen_whenever_anybody_is_there(
            loads in prop::collection::vec((any::<bool>(), 0_u32..4, 0.1_f32..9.0), 0..9),
            seed in any::<u64>(),
        ) {
            let candidates: Vec<_> = (0..).zip(&loads).map(|(place, &(due, in_flight, pace))| {
                Candidate { place, due, in_flight, pace }
            }).collect();
            for turn in [Turn::First, Turn::Next, Turn::Hedge] {
                let allowed = candidates.iter().filter(|candidate| turn != Turn::Hedge || !candidate.due).count();
                let chosen = choose(candidates.iter().copied(), turn, &mut Rng::with_seed(seed));
                prop_assert_eq!(chosen.is_some(), allowed > 0);
                prop_assert!(chosen.is_none_or(|chosen| turn != Turn::Hedge || !chosen.due));
            }
        }
    }
}
