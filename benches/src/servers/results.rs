//! What was measured of servers, as `results.json` has it.

use crate::library::results::Skipped;
use serde::Serialize;

/// All that took part, and all that could not.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ServersResults {
    pub peers: Vec<ServerResults>,
    pub skipped: Vec<Skipped>,
}

/// One server.
#[derive(Debug, Serialize)]
pub(crate) struct ServerResults {
    pub name: &'static str,
    pub version: String,
    pub ingest: Ingest,
    /// Of all its processes, after the searches.
    pub memory_bytes: Option<u64>,
    pub search: Option<Load>,
    pub filtered: Vec<ServerFiltered>,
    /// From its start to its first answer, with everything stored.
    pub restart_seconds: Option<f64>,
}

/// Storing all documents in an empty server.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Ingest {
    /// From the first request until the last was acknowledged.
    pub seconds_until_acknowledged: f64,
    /// From the first request until everything was in its index.
    pub seconds_until_searchable: f64,
    pub rows_per_second: f64,
}

/// Searches with the narrowest beam that reaches the recall asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Load {
    pub ef: usize,
    pub recall: f64,
    /// Whether that is the recall asked for; else this is the widest beam that was tried.
    pub reached: bool,
    pub connections: Vec<OnConnections>,
}

/// A closed loop over several connections. Each figure is the median of the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OnConnections {
    pub connections: usize,
    pub queries_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// The same requests to an index with no more documents than an answer holds, of who was asked that.
    pub without_search: Option<WithoutSearch>,
    /// Every single one.
    pub rounds: Vec<Round>,
}

/// What the server answers when there is nothing to search: the most that its searches could reach.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WithoutSearch {
    pub queries_per_second: f64,
    pub p99_ms: f64,
    pub rounds: Vec<Round>,
}

/// One closed loop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Round {
    pub queries_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Searches among a share of the rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ServerFiltered {
    pub percent: u8,
    #[serde(flatten)]
    pub load: Load,
}

impl Load {
    /// With so many connections.
    pub(crate) fn on(&self, connections: usize) -> Option<&OnConnections> {
        self.connections.iter().find(|on| on.connections == connections)
    }
}
