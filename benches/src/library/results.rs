//! What was measured of libraries, as `results.json` has it.

use super::frontier::{AtRecall, Measured};
use serde::Serialize;

/// All that took part, and all that could not.
#[derive(Debug, Default, Serialize)]
pub(crate) struct LibraryResults {
    pub peers: Vec<PeerResults>,
    pub skipped: Vec<Skipped>,
}

/// A peer that is not compared, or not to the end.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Skipped {
    pub peer: &'static str,
    pub reason: String,
}

/// One peer.
#[derive(Debug, Serialize)]
pub(crate) struct PeerResults {
    pub name: &'static str,
    pub version: String,
    pub build: Build,
    pub memory: Option<Memory>,
    pub search: Vec<Series>,
    pub filtered: Vec<Filtered>,
}

/// Building the index, once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Build {
    pub threads: usize,
    pub seconds: f64,
    pub cpu_seconds: f64,
}

/// Memory that the index added to its process (Pss), after all searches without a filter.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Memory {
    pub bytes: u64,
    pub bytes_per_vector: f64,
}

/// Searches on a number of threads.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Series {
    pub threads: usize,
    pub clock: Clock,
    /// In ascending order of the beam's width.
    pub points: Vec<Point>,
    pub at_recall: Vec<Target>,
}

/// What a speed is counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Clock {
    /// Processor time: on one thread it tells the same as the wall's on an idle machine, and other work does not
    /// spoil it.
    Processor,
    /// Time on the wall.
    Wall,
}

/// One width of the beam.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Point {
    /// By the clock of its series.
    #[serde(flatten)]
    pub measured: Measured,
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// Hits that are no row, or stand twice in an answer.
    pub bad_hits: usize,
}

/// Speed at a recall.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Target {
    pub recall: f64,
    pub speed: AtRecall,
}

/// Searches among a share of the rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Filtered {
    pub percent: u8,
    #[serde(flatten)]
    pub series: Series,
}

impl Series {
    /// Queries a second at this recall, if it was reached.
    pub(crate) fn at(&self, recall: f64) -> Option<AtRecall> {
        self.at_recall.iter().find(|target| (target.recall - recall).abs() < 1e-9).map(|target| target.speed)
    }
}

impl PeerResults {
    /// Searches without a filter on so many threads.
    pub(crate) fn on(&self, threads: usize) -> Option<&Series> {
        self.search.iter().find(|series| series.threads == threads)
    }

    /// Searches among this share of the rows.
    pub(crate) fn among(&self, percent: u8) -> Option<&Series> {
        self.filtered.iter().find(|filtered| filtered.percent == percent).map(|filtered| &filtered.series)
    }
}
