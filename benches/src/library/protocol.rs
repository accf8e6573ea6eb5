//! What the benchmark asks of a process that holds a peer's index, and what that answers: a line of JSON each.
//!
//! The Python side is `benches/peers/worker.py`, our own `worker.rs`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request, in the order in which they come: load, build, then configure and search again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Read the queries into memory.
    Load { queries: PathBuf },
    /// Build the index of these vectors. `parts` is a table of one number a row, to filter by.
    /// Under `cosine` all vectors have length 1, so that the Euclidean distance orders them as well.
    Build { base: PathBuf, parts: Option<PathBuf>, metric: String, m: usize, ef_construction: usize, threads: usize },
    /// Search with a beam of this width, on so many threads, among the rows whose part is less than `parts_below`.
    Configure { ef: usize, threads: usize, parts_below: Option<u8> },
    /// Search for `count` queries from number `first` on; say what was found only if `answers`.
    Search { first: usize, count: usize, k: usize, answers: bool },
}

/// The first line of every worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub version: String,
}

/// What a request came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// Why there is nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Of the library's own call, by the clock on the wall.
    #[serde(default)]
    pub seconds: f64,
    /// Of the library's own call, processor time of all threads.
    #[serde(default)]
    pub cpu_seconds: f64,
    /// For each query the rows found, nearest first; a library that finds fewer than `k` says fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Vec<Vec<usize>>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_the_python_side_reads_it() {
        let line = |request: &Request| serde_json::to_string(request).unwrap();
        assert_eq!(
            line(&Request::Configure { ef: 16, threads: 1, parts_below: None }),
            r#"{"do":"configure","ef":16,"threads":1,"parts_below":null}"#
        );
        assert_eq!(
            line(&Request::Search { first: 0, count: 1000, k: 10, answers: true }),
            r#"{"do":"search","first":0,"count":1000,"k":10,"answers":true}"#
        );
    }

    #[test]
    fn an_empty_reply_is_a_reply() {
        let reply: Reply = serde_json::from_str("{}").unwrap();
        assert_eq!(reply, Reply::default());
    }
}
