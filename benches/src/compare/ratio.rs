//! Ours ÷ a peer's: the headline, since it tells more on a busy machine than any figure alone.

use crate::library::frontier::AtRecall;
use crate::library::results::{LibraryResults, PeerResults, Series};
use serde::Serialize;

/// What is ours among the peers.
pub(crate) const OURS: &str = "annuli";

/// A quotient, and how it is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ratio {
    pub ratio: f64,
    pub reading: Reading,
}

impl Ratio {
    /// A quotient of two figures, neither of which is a bound.
    pub(crate) const fn exact(ratio: f64) -> Self {
        Self { ratio, reading: Reading::Exact }
    }
}

/// Where one side was measured beyond the target only, the quotient is a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reading {
    Exact,
    /// Ours found more than the target with its narrowest beam.
    AtLeast,
    /// The peer did.
    AtMost,
    /// Both did: at the fastest that each can be.
    BothAtTheirFastest,
}

/// Our speed ÷ the peer's at this recall, if both reach it.
pub(crate) fn speed(ours: &Series, theirs: &Series, recall: f64) -> Option<Ratio> {
    quotient(ours.at(recall)?, theirs.at(recall)?)
}

/// One speed ÷ another at the same recall, if both reach it.
pub(crate) fn quotient(ours: AtRecall, theirs: AtRecall) -> Option<Ratio> {
    let ratio = ours.queries_per_second()? / theirs.queries_per_second()?;
    let beyond = |speed| matches!(speed, AtRecall::AtLeast { .. });
    let reading = match (beyond(ours), beyond(theirs)) {
        (false, false) => Reading::Exact,
        (true, false) => Reading::AtLeast,
        (false, true) => Reading::AtMost,
        (true, true) => Reading::BothAtTheirFastest,
    };
    Some(Ratio { ratio, reading })
}

/// Ours, if it took part.
pub(crate) fn ours(libraries: &LibraryResults) -> Option<&PeerResults> {
    libraries.peers.iter().find(|peer| peer.name == OURS)
}

/// Everybody else; not our own in other settings.
pub(crate) fn others(libraries: &LibraryResults) -> impl Iterator<Item = &PeerResults> {
    libraries.peers.iter().filter(|peer| !peer.name.starts_with(OURS))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::library::frontier::Measured;
    use crate::library::results::{Build, Clock, Memory, Point, Target};

    /// A peer that reaches recall 0.95 with so many queries a second and nothing higher.
    pub(crate) fn peer(name: &'static str, queries_per_second: f64, narrowest: bool) -> PeerResults {
        let speed = if narrowest {
            AtRecall::AtLeast { queries_per_second, recall: 0.96 }
        } else {
            AtRecall::Between { queries_per_second }
        };
        let measured = Measured { ef: 16, recall: 0.96, queries_per_second };
        let series = Series {
            threads: 1,
            clock: Clock::Processor,
            points: vec![Point { measured, seconds: 1.0, cpu_seconds: 1.0, bad_hits: 0 }],
            at_recall: vec![
                Target { recall: 0.95, speed },
                Target { recall: 0.99, speed: AtRecall::NotReached { recall: 0.96 } },
            ],
        };
        PeerResults {
            name,
            version: format!("{name} 1.0"),
            build: Build { threads: 2, seconds: 10.0, cpu_seconds: 20.0 },
            memory: Some(Memory { bytes: 1 << 20, bytes_per_vector: 512.0 }),
            search: vec![series],
            filtered: Vec::new(),
        }
    }

    #[track_caller]
    fn check(ours: (f64, bool), theirs: (f64, bool), ratio: f64, reading: Reading) {
        let [ours, theirs] = [ours, theirs].map(|(speed, narrowest)| peer("x", speed, narrowest));
        assert_eq!(speed(&ours.search[0], &theirs.search[0], 0.95), Some(Ratio { ratio, reading }));
    }

    #[test]
    fn a_ratio_says_when_it_is_a_bound() {
        check((300.0, false), (100.0, false), 3.0, Reading::Exact);
        check((300.0, true), (100.0, false), 3.0, Reading::AtLeast);
        check((300.0, false), (100.0, true), 3.0, Reading::AtMost);
        check((300.0, true), (100.0, true), 3.0, Reading::BothAtTheirFastest);
    }

    #[test]
    fn there_is_no_ratio_at_a_recall_that_one_does_not_reach() {
        let series = &peer("x", 100.0, false).search[0];
        assert_eq!(speed(series, series, 0.99), None);
    }
}
