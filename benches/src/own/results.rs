//! What was measured of ours alone, as `results.json` has it.

use crate::library::frontier::{AtRecall, Measured};
use crate::library::results::Skipped;
use crate::recall::Tally;
use serde::Serialize;

/// What was asked for and could be measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OwnResults {
    pub exact: Option<Exact>,
    pub batches: Option<Batches>,
    pub restart: Option<Restarts>,
    pub skipped: Vec<Skipped>,
}

/// Exact search in one segment, on one thread, by the processor's clock; the medians of all queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Exact {
    pub queries: usize,
    /// Every neighbour must be found.
    pub tally: Tally,
    /// Of the vectors in single precision: what each search compares its query with, by whatever means.
    pub bytes: usize,
    pub seconds_per_search: f64,
    /// To read as many bytes from their start to their end, and add them up.
    pub seconds_per_reading: f64,
}

impl Exact {
    /// Bytes a second.
    pub(crate) fn compared_per_second(&self) -> f64 {
        self.bytes as f64 / self.seconds_per_search
    }

    /// Bytes a second.
    pub(crate) fn read_per_second(&self) -> f64 {
        self.bytes as f64 / self.seconds_per_reading
    }
}

/// Many queries a request, beside our engine with the same graph and no server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Batches {
    pub queries_per_request: usize,
    pub connections: usize,
    /// On which the engine searches: every core, as the server does.
    pub threads: usize,
    /// At which the two are compared.
    pub recall: f64,
    pub engine: Side,
    pub service: Side,
}

/// Queries a second by the wall's clock; of each width the median of the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Side {
    pub points: Vec<Measured>,
    pub speed: Option<AtRecall>,
}

/// Stopping the server and starting it again, with all documents in its graphs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Restarts {
    /// The median: from the start of the process until it says that it is ready.
    pub seconds_until_ready: f64,
    /// The median: until it has answered a search.
    pub seconds_until_answer: f64,
    pub rounds: Vec<Restart>,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Restart {
    pub seconds_to_stop: f64,
    pub seconds_until_ready: f64,
    pub seconds_until_answer: f64,
}
