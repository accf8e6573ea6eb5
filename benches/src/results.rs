//! Everything that was measured, as `results.json` has it. What was not measured is not there.

use crate::figures::median;
use crate::machine::Machine;
use crate::recall::Tally;
use crate::remote_index::Shape;
use crate::settings::Settings;
use crate::usage::Memory;
use serde::Serialize;
use serde_json::Value;

/// One run of the benchmark.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub date: Option<String>,
    pub machine: Machine,
    /// What the program says of itself.
    pub program_version: Option<String>,
    /// Of the checkout that the benchmark was built in.
    pub revision: Option<String>,
    pub settings: Settings,
    pub datasets: Vec<DatasetResults>,
}

/// What was measured with one data set.
#[derive(Debug, Serialize)]
pub(crate) struct DatasetResults {
    pub name: &'static str,
    pub metric: &'static str,
    pub documents: usize,
    pub dim: usize,
    pub queries: usize,
    /// Load of the machine (one minute) before this part began: other work makes every time longer.
    pub load_average_before: Option<f64>,
    pub ingest: Ingest,
    pub memory_after_build: Option<Memory>,
    pub points: Vec<Point>,
    pub memory_after_search: Option<Memory>,
    pub exact: Exact,
    pub restart: Option<Restart>,
}

/// Storing all documents in an empty index.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ingest {
    /// From the first request to the last answer; in it is what the clients take to write the requests.
    pub seconds_until_acknowledged: f64,
    pub documents_per_second_acknowledged: f64,
    /// From the first request until every graph held every document.
    pub seconds_until_built: f64,
    /// Processor time of the program in that time.
    pub server_cpu_seconds: Option<f64>,
    /// The longest that a request took which was not refused.
    pub seconds_of_longest_batch: f64,
    /// Requests that the program asked to repeat (429).
    pub refusals: usize,
}

/// Searching with one width of the beam.
#[derive(Debug, Serialize)]
pub(crate) struct Point {
    pub ef: usize,
    pub single: Tally,
    pub batched: Tally,
    pub filtered: Vec<FilteredTally>,
    pub load: Vec<Cell>,
}

/// Searching among the documents that match a filter.
#[derive(Debug, Serialize)]
pub(crate) struct FilteredTally {
    pub filter: Value,
    pub matches: usize,
    pub tally: Tally,
}

/// One way to send the queries.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    pub shape: Shape,
    pub connections: usize,
    /// Each figure's median over the rounds.
    pub median: Option<Figures>,
    pub rounds: Vec<Round>,
}

/// All queries sent at least once, by clients that each wait for an answer before they send again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Round {
    pub queries: usize,
    pub seconds: f64,
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of a round. Latencies are of requests, whatever the number of queries in one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub queries_per_second: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub server_cpu_us_per_query: Option<f64>,
    pub client_cpu_us_per_query: Option<f64>,
}

/// Exact search, for a sample of the queries.
#[derive(Debug, Serialize)]
pub(crate) struct Exact {
    pub queries: usize,
    pub tally: Tally,
    pub filtered: Vec<FilteredTally>,
}

/// Stopping the program and starting it again on the same workspace.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Restart {
    /// From SIGTERM to the end of the process.
    pub seconds_to_stop: f64,
    /// From the start of the process to its first 200 on `/readyz`.
    pub seconds_until_ready: f64,
    /// From the start of the process until every graph held every document again.
    pub seconds_until_built: f64,
    pub memory: Option<Memory>,
    /// Exact answers that were compared, ids and distances, with those before.
    pub answers_compared: usize,
    pub answers_changed: usize,
}

impl Figures {
    /// Each figure's median; one that is missing in a round has none.
    pub(crate) fn median_of(rounds: &[Round]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(|round| figure(&round.figures)));
        let of_all = |figure: fn(&Self) -> Option<f64>| {
            let figures: Option<Vec<f64>> = rounds.iter().map(|round| figure(&round.figures)).collect();
            figures.and_then(median)
        };
        Some(Self {
            queries_per_second: of(|figures| figures.queries_per_second)?,
            p50_ms: of(|figures| figures.p50_ms)?,
            p95_ms: of(|figures| figures.p95_ms)?,
            p99_ms: of(|figures| figures.p99_ms)?,
            server_cpu_us_per_query: of_all(|figures| figures.server_cpu_us_per_query),
            client_cpu_us_per_query: of_all(|figures| figures.client_cpu_us_per_query),
        })
    }
}
