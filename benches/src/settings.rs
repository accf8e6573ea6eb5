//! What a run is asked to do. Part of its results.

use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What to measure, and of what.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    pub target: Target,
    pub shards: u32,
    pub ef: Vec<usize>,
    pub connections: Vec<NonZeroUsize>,
    pub rounds: usize,
    /// Least time of one round; a round is never less than all queries once.
    pub seconds_per_round: f64,
}

/// The program under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// Started by the benchmark, for each data set anew.
    Program(PathBuf),
    /// Running already, at `host:port`. Its memory, its processor time and its restart cannot be measured.
    Address(String),
}
