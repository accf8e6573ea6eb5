//! Figures that are wanted (`benches/tolerances.toml`), and whether they were reached.

mod of_clusters;
mod of_libraries;
mod of_ours;
mod of_servers;

use super::Comparison;
use super::ratio::Ratio;
use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};

/// The file as it stands in the repository.
const TOLERANCES: &str = include_str!("../../tolerances.toml");

/// What stands for the name of a set in goals that are of all sets to grow by.
#[cfg(test)]
const GROWTH: &str = "growth";

/// Goals, which a report tells of, and floors, below which a smoke run fails.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tolerances {
    pub goal: Vec<Goal>,
    pub floor: Vec<Goal>,
}

/// A figure with a bound.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Goal {
    /// A set's name, or `growth`.
    dataset: String,
    of: Of,
    /// A peer's name, or `best`; absent where ours is measured alone.
    against: Option<String>,
    at_least: Option<f64>,
    at_most: Option<f64>,
}

/// What the figure is of.
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
    /// Queries a second of our server ÷ those of the same requests with nothing to search.
    WithoutSearch,
    /// Queries a second by batches ÷ our engine's without a server.
    Batches,
    /// Bytes that exact search compares a second ÷ those that are read by going through memory.
    Exact,
    /// Seconds until our server is ready again.
    Restart,
    /// Bytes dumped a second ÷ those that the slower of tar with zstd and cp gets through.
    Dump,
    /// The 99th percentile of single documents while the index is dumped ÷ while nothing else is done.
    DumpWrites,
    /// Searches a second with two replicas ÷ with one.
    TwoReplicas,
    /// The same with four.
    FourReplicas,
    /// Searches that fail while generations are rolled out.
    RolloutFailures,
    /// Their 99th percentile ÷ that of before.
    RolloutLatency,
    /// The 99th percentile of searches beside slow clients ÷ alone.
    SlowClients,
    /// Queries a second × log of the rows, ÷ that of the smallest set.
    GrowthSpeed,
    /// Time to build for each vector ÷ log of the rows, ÷ that of the smallest set.
    GrowthBuild,
}

impl Of {
    /// Whether more is better.
    const fn is_speed(self) -> bool {
        match self {
            Self::Search
            | Self::Filtered
            | Self::Service
            | Self::Ingest
            | Self::WithoutSearch
            | Self::Batches
            | Self::Exact
            | Self::Dump
            | Self::TwoReplicas
            | Self::FourReplicas
            | Self::GrowthSpeed => true,
            Self::Build
            | Self::Memory
            | Self::Latency
            | Self::Restart
            | Self::DumpWrites
            | Self::RolloutFailures
            | Self::RolloutLatency
            | Self::SlowClients
            | Self::GrowthBuild => false,
        }
    }

    /// Whether ours is compared with a peer's.
    #[cfg(test)]
    const fn has_peer(self) -> bool {
        match self {
            Self::Search
            | Self::Build
            | Self::Memory
            | Self::Filtered
            | Self::Service
            | Self::Latency
            | Self::Ingest => true,
            Self::WithoutSearch
            | Self::Batches
            | Self::Exact
            | Self::Restart
            | Self::Dump
            | Self::DumpWrites
            | Self::TwoReplicas
            | Self::FourReplicas
            | Self::RolloutFailures
            | Self::RolloutLatency
            | Self::SlowClients
            | Self::GrowthSpeed
            | Self::GrowthBuild => false,
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
    pub measured: Option<Measured>,
    /// Whom ours was compared with.
    pub peer: Option<&'static str>,
}

/// What a goal came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measured {
    Ratio(Ratio),
    Seconds(f64),
    Count(u64),
}

impl Measured {
    const fn figure(self) -> f64 {
        match self {
            Self::Ratio(ratio) => ratio.ratio,
            Self::Seconds(seconds) => seconds,
            Self::Count(count) => count as f64,
        }
    }
}

impl Outcome {
    /// Whether the goal is reached; `None` without a figure.
    pub(crate) fn met(&self) -> Option<bool> {
        let figure = self.measured?.figure();
        Some(self.at_least.is_none_or(|least| figure >= least) && self.at_most.is_none_or(|most| figure <= most))
    }
}

/// The tolerances of the repository.
///
/// # Errors
/// When the file is not what its types say, which a test rules out.
pub(crate) fn tolerances() -> Result<Tolerances, Box<figment::Error>> {
    Ok(Figment::from(Toml::string(TOLERANCES)).extract()?)
}

/// What became of those of the `goals` that are for one of these data sets, or for growth.
pub(crate) fn outcomes(goals: &[Goal], datasets: &[Comparison], growth: &[Comparison]) -> Vec<Outcome> {
    goals.iter().flat_map(|goal| goal.outcomes(datasets, growth)).collect()
}

impl Goal {
    fn outcomes(&self, datasets: &[Comparison], growth: &[Comparison]) -> Vec<Outcome> {
        let found = datasets.iter().chain(growth).find(|comparison| comparison.name == self.dataset);
        let of = |outcomes: fn(&Self, &Comparison) -> Vec<Outcome>| {
            found.map(|comparison| outcomes(self, comparison)).unwrap_or_default()
        };
        match self.of {
            Of::Search => of(of_libraries::search),
            Of::Build => of(|goal, comparison| vec![of_libraries::build(goal, comparison)]),
            Of::Memory => of(|goal, comparison| vec![of_libraries::memory(goal, comparison)]),
            Of::Filtered => of(of_libraries::filtered),
            Of::Service => of(of_servers::service),
            Of::Latency => of(of_servers::latency),
            Of::Ingest => of(of_servers::ingest),
            Of::WithoutSearch => of(of_servers::without_search),
            Of::Batches => of(|goal, comparison| vec![of_ours::batches(goal, comparison)]),
            Of::Exact => of(|goal, comparison| vec![of_ours::exact(goal, comparison)]),
            Of::Restart => of(|goal, comparison| vec![of_ours::restart(goal, comparison)]),
            Of::Dump => of(|goal, comparison| vec![of_clusters::dump(goal, comparison)]),
            Of::DumpWrites => of(|goal, comparison| vec![of_clusters::dump_writes(goal, comparison)]),
            Of::TwoReplicas => of(|goal, comparison| vec![of_clusters::replicas(goal, comparison, 2)]),
            Of::FourReplicas => of(|goal, comparison| vec![of_clusters::replicas(goal, comparison, 4)]),
            Of::RolloutFailures => of(|goal, comparison| vec![of_clusters::rollout_failures(goal, comparison)]),
            Of::RolloutLatency => of(|goal, comparison| vec![of_clusters::rollout_latency(goal, comparison)]),
            Of::SlowClients => of(|goal, comparison| vec![of_clusters::slow_clients(goal, comparison)]),
            Of::GrowthSpeed => of_ours::growth_of_speed(self, growth),
            Of::GrowthBuild => of_ours::growth_of_build(self, growth),
        }
    }

    /// Whether a peer of this name is one to compare with.
    fn is_against(&self, peer: &str) -> bool {
        self.against.as_deref().is_some_and(|against| against == "best" || against == peer)
    }

    /// The best peer is the one that ours looks worst beside.
    fn worst(&self, words: &str, ratios: impl Iterator<Item = (Ratio, &'static str)>) -> Outcome {
        let worst = ratios.min_by(|(a, _), (b, _)| {
            let by_ratio = a.ratio.total_cmp(&b.ratio);
            if self.of.is_speed() { by_ratio } else { by_ratio.reverse() }
        });
        let words = format!("{words} ÷ {}", self.against.as_deref().unwrap_or_default());
        let measured = worst.map(|(ratio, _)| Measured::Ratio(ratio));
        Outcome { peer: worst.map(|(_, peer)| peer), ..self.alone(&words, measured) }
    }

    /// Of ours alone.
    fn alone(&self, words: &str, measured: Option<Measured>) -> Outcome {
        Outcome {
            goal: format!("{}: {words}", self.dataset),
            at_least: self.at_least,
            at_most: self.at_most,
            measured,
            peer: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
