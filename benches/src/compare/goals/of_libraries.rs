//! Goals of our engine beside other libraries.

use super::{Goal, Outcome};
use crate::compare::Comparison;
use crate::compare::ratio::{self, Ratio};
use crate::library::results::PeerResults;
use crate::library::{SHARES, TARGETS};

/// At each recall.
pub(super) fn search(goal: &Goal, comparison: &Comparison) -> Vec<Outcome> {
    let at = |recall| {
        let words = format!("one thread at recall {recall:.2}");
        beside(goal, comparison, &words, |ours, theirs| ratio::speed(ours.on(1)?, theirs.on(1)?, recall))
    };
    TARGETS.map(at).to_vec()
}

/// Among each share of the rows.
pub(super) fn filtered(goal: &Goal, comparison: &Comparison) -> Vec<Outcome> {
    let among = |share| {
        let words = format!("among {share} % of the rows at recall 0.95");
        beside(goal, comparison, &words, |ours, theirs| ratio::speed(ours.among(share)?, theirs.among(share)?, 0.95))
    };
    SHARES.map(among).to_vec()
}

pub(super) fn build(goal: &Goal, comparison: &Comparison) -> Outcome {
    beside(goal, comparison, "seconds to build", |ours, theirs| {
        Some(Ratio::exact(ours.build.seconds / theirs.build.seconds))
    })
}

pub(super) fn memory(goal: &Goal, comparison: &Comparison) -> Outcome {
    beside(goal, comparison, "bytes for each vector", |ours, theirs| {
        Some(Ratio::exact(ours.memory?.bytes_per_vector / theirs.memory?.bytes_per_vector))
    })
}

fn beside(
    goal: &Goal,
    comparison: &Comparison,
    words: &str,
    ratio_of: impl Fn(&PeerResults, &PeerResults) -> Option<Ratio>,
) -> Outcome {
    let ours = ratio::ours(&comparison.libraries);
    let others = ratio::others(&comparison.libraries).filter(|peer| goal.is_against(peer.name));
    goal.worst(words, others.filter_map(|peer| Some((ratio_of(ours?, peer)?, peer.name))))
}
