//! Ratios that are wanted (`benches/tolerances.toml`), and whether they were reached.

use super::Comparison;
use super::ratio::{self, OURS, Ratio};
use crate::library::results::PeerResults;
use crate::library::{SHARES, TARGETS};
use crate::servers::results::{OnConnections, ServerResults};
use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};

/// The file as it stands in the repository.
const TOLERANCES: &str = include_str!("../../tolerances.toml");

/// Goals, which a report tells of, and floors, below which a smoke run fails.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tolerances {
    pub goal: Vec<Goal>,
    pub floor: Vec<Goal>,
}

/// A ratio with a bound.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goal {
    dataset: String,
    of: Of,
    /// A peer's name, or `best`.
    against: String,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

/// What the ratio is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Of {
    Search,
    Build,
    Memory,
    Filtered,
    /// Queries a second of a server.
    Service,
    /// The 99th percentile of its latency.
    Latency,
    /// Rows a second that a server stores, until they are searchable.
    Ingest,
}

impl Of {
    /// Whether more is better.
    const fn is_speed(self) -> bool {
        match self {
            Self::Search | Self::Filtered | Self::Service | Self::Ingest => true,
            Self::Build | Self::Memory | Self::Latency => false,
        }
    }
}

/// A goal, at one recall or share where it has several.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Outcome {
    /// What was wanted, in words.
    pub goal: String,
    pub at_least: Option<f64>,
    pub at_most: Option<f64>,
    /// `None`: one of the two did not take part, or did not reach the recall.
    pub measured: Option<Ratio>,
    /// Whom ours was compared with.
    pub peer: Option<&'static str>,
}

impl Outcome {
    /// Whether the goal is reached; `None` without a figure.
    pub(crate) fn met(&self) -> Option<bool> {
        let ratio = self.measured?.ratio;
        Some(self.at_least.is_none_or(|least| ratio >= least) && self.at_most.is_none_or(|most| ratio <= most))
    }
}

/// The tolerances of the repository.
///
/// # Errors
/// When the file is not what its types say, which a test rules out.
pub(crate) fn tolerances() -> Result<Tolerances, Box<figment::Error>> {
    Ok(Figment::from(Toml::string(TOLERANCES)).extract()?)
}

/// What became of those of the `goals` that are for one of these data sets.
pub(crate) fn outcomes(goals: &[Goal], datasets: &[Comparison]) -> Vec<Outcome> {
    let of = |goal: &Goal| {
        let comparison = datasets.iter().find(|comparison| comparison.name == goal.dataset);
        comparison.map(|comparison| goal.outcomes(comparison)).unwrap_or_default()
    };
    goals.iter().flat_map(of).collect()
}

impl Goal {
    fn outcomes(&self, comparison: &Comparison) -> Vec<Outcome> {
        match self.of {
            Of::Search => {
                let outcome = |recall| {
                    let words = format!("one thread at recall {recall:.2}");
                    self.outcome(comparison, &words, |ours, theirs| ratio::speed(ours.on(1)?, theirs.on(1)?, recall))
                };
                TARGETS.map(outcome).to_vec()
            }
            Of::Filtered => {
                let outcome = |share| {
                    let words = format!("among {share} % of the rows at recall 0.95");
                    self.outcome(comparison, &words, |ours, theirs| {
                        ratio::speed(ours.among(share)?, theirs.among(share)?, 0.95)
                    })
                };
                SHARES.map(outcome).to_vec()
            }
            Of::Service => self.outcomes_of_servers(comparison, "queries a second", |on| on.queries_per_second),
            Of::Latency => self.outcomes_of_servers(comparison, "99th percentile of latency", |on| on.p99_ms),
            Of::Ingest => self.outcomes_of_ingest(comparison),
            Of::Build => vec![self.outcome(comparison, "seconds to build", |ours, theirs| {
                Some(Ratio::exact(ours.build.seconds / theirs.build.seconds))
            })],
            Of::Memory => vec![self.outcome(comparison, "bytes for each vector", |ours, theirs| {
                Some(Ratio::exact(ours.memory?.bytes_per_vector / theirs.memory?.bytes_per_vector))
            })],
        }
    }

    /// Of servers: each of ours, over each number of connections.
    fn outcomes_of_servers(
        &self,
        comparison: &Comparison,
        words: &str,
        figure: impl Fn(&OnConnections) -> f64,
    ) -> Vec<Outcome> {
        let peers = &comparison.servers.peers;
        let mut outcomes = Vec::new();
        for ours in peers.iter().filter(|peer| peer.name.starts_with(OURS)) {
            for on in ours.search.iter().flat_map(|load| &load.connections) {
                let theirs = |peer: &ServerResults| Some(figure(&peer.search.as_ref()?.on(on.connections)?));
                let ratio = |peer: &ServerResults| Some((Ratio::exact(figure(on) / theirs(peer)?), peer.name));
                let ratios = self.other_servers(peers).filter_map(ratio);
                let words = format!("{words} over {} connections, {}", on.connections, ours.name);
                outcomes.push(self.worst(&words, ratios));
            }
        }
        outcomes
    }

    fn outcomes_of_ingest(&self, comparison: &Comparison) -> Vec<Outcome> {
        let peers = &comparison.servers.peers;
        let ours = peers.iter().filter(|peer| peer.name.starts_with(OURS));
        let outcome = |ours: &ServerResults| {
            let rate = |peer: &ServerResults| peer.ingest.rows_per_second;
            let ratios = self.other_servers(peers).map(|peer| (Ratio::exact(rate(ours) / rate(peer)), peer.name));
            self.worst(&format!("rows a second stored, {}", ours.name), ratios)
        };
        ours.map(outcome).collect()
    }

    fn other_servers<'a>(&'a self, peers: &'a [ServerResults]) -> impl Iterator<Item = &'a ServerResults> {
        let others = peers.iter().filter(|peer| !peer.name.starts_with(OURS));
        others.filter(|peer| self.against == "best" || self.against == peer.name)
    }

    fn outcome(
        &self,
        comparison: &Comparison,
        words: &str,
        ratio_of: impl Fn(&PeerResults, &PeerResults) -> Option<Ratio>,
    ) -> Outcome {
        let ours = ratio::ours(&comparison.libraries);
        let named = |peer: &&PeerResults| self.against == "best" || self.against == peer.name;
        let ratios = ratio::others(&comparison.libraries).filter(named);
        self.worst(words, ratios.filter_map(|peer| Some((ratio_of(ours?, peer)?, peer.name))))
    }

    /// The best peer is the one that ours looks worst beside.
    fn worst(&self, words: &str, ratios: impl Iterator<Item = (Ratio, &'static str)>) -> Outcome {
        let worst = ratios.min_by(|(a, _), (b, _)| {
            let by_ratio = a.ratio.total_cmp(&b.ratio);
            if self.of.is_speed() { by_ratio } else { by_ratio.reverse() }
        });
        Outcome {
            goal: format!("{}: {words} ÷ {}", self.dataset, self.against),
            at_least: self.at_least,
            at_most: self.at_most,
            measured: worst.map(|(ratio, _)| ratio),
            peer: worst.map(|(_, peer)| peer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ratio::tests::peer;
    use super::*;
    use crate::dataset::Name;
    use crate::library::peer::Peer;
    use crate::library::results::LibraryResults;
    use crate::servers;
    use crate::servers::results::{Ingest, Load, ServersResults};
    use clap::ValueEnum;

    fn comparison() -> Comparison {
        let mut ours = peer("annuli", 300.0, false);
        ours.build.seconds = 1.0;
        let mut other = peer("hnsw-rs", 150.0, false);
        other.build.seconds = 4.0;
        Comparison {
            name: "debian-packages",
            metric: "cosine",
            documents: 7825,
            dim: 256,
            queries: 200,
            load_average: [None, None],
            libraries: LibraryResults { peers: vec![ours, peer("hnswlib", 100.0, false), other], skipped: Vec::new() },
            servers: ServersResults {
                peers: vec![server("annuli-json", 400.0), server("chroma", 100.0)],
                skipped: Vec::new(),
            },
        }
    }

    /// A server that answers and stores so many a second.
    fn server(name: &'static str, rate: f64) -> ServerResults {
        let on = OnConnections { connections: 4, queries_per_second: rate, p50_ms: 1.0, p99_ms: 1000.0 / rate };
        ServerResults {
            name,
            version: name.to_owned(),
            ingest: Ingest { seconds_until_acknowledged: 1.0, seconds_until_searchable: 1.0, rows_per_second: rate },
            memory_bytes: None,
            search: Some(Load { ef: 10, recall: 0.96, reached: true, connections: vec![on] }),
            filtered: Vec::new(),
            restart_seconds: None,
        }
    }

    fn goal(of: Of, against: &str) -> Goal {
        let (at_least, at_most) = match of {
            Of::Search | Of::Filtered | Of::Service | Of::Ingest => (Some(2.5), None),
            Of::Build | Of::Memory | Of::Latency => (None, Some(0.2)),
        };
        Goal { dataset: "debian-packages".to_owned(), of, against: against.to_owned(), at_least, at_most }
    }

    #[track_caller]
    fn check(of: Of, against: &str, expected: &[Option<(f64, &str, bool)>]) {
        let outcomes = outcomes(&[goal(of, against)], &[comparison()]);
        let found: Vec<_> =
            outcomes.iter().map(|outcome| Some((outcome.measured?.ratio, outcome.peer?, outcome.met()?))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_goal_is_met_or_missed_at_each_recall_that_was_reached() {
        check(Of::Search, "hnswlib", &[None, Some((3.0, "hnswlib", true)), None]);
        check(Of::Build, "hnswlib", &[Some((0.1, "hnswlib", true))]);
        check(Of::Memory, "hnswlib", &[Some((1.0, "hnswlib", false))]);
    }

    #[test]
    fn the_best_is_whom_ours_looks_worst_beside() {
        check(Of::Search, "best", &[None, Some((2.0, "hnsw-rs", false)), None]);
        check(Of::Build, "best", &[Some((0.25, "hnsw-rs", false))]);
    }

    #[test]
    fn goals_of_servers_are_of_each_of_ours_over_each_number_of_connections() {
        check(Of::Service, "chroma", &[Some((4.0, "chroma", true))]);
        check(Of::Latency, "best", &[Some((0.25, "chroma", false))]);
        check(Of::Ingest, "best", &[Some((4.0, "chroma", true))]);
        check(Of::Service, "pgvector", &[None]);
    }

    #[test]
    fn nothing_is_known_of_who_did_not_take_part() {
        check(Of::Filtered, "qdrant-edge", &[None, None, None]);
        assert_eq!(outcomes(&[goal(Of::Build, "best")], &[]), []);
    }

    #[test]
    fn the_tolerances_name_what_there_is() {
        let Tolerances { goal, floor } = tolerances().unwrap();
        assert!(!goal.is_empty() && !floor.is_empty());
        for Goal { dataset, against, at_least, at_most, .. } in goal.iter().chain(&floor) {
            assert!(Name::ALL.iter().any(|name| name.as_str() == dataset), "{dataset}");
            let server = servers::Peer::value_variants().iter().any(|peer| peer.as_str() == against);
            let library = Peer::ALL.iter().any(|peer| peer.as_str() == against);
            assert!(against == "best" || server || library, "{against}");
            assert_ne!(at_least.is_some(), at_most.is_some(), "{dataset} ÷ {against}");
        }
    }
}
