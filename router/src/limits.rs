//! Bounds of a request, as an operator may set them. The reasons for the defaults are beside them in
//! `annuli_core::limits`; what the stored formats rely on cannot be set.

use annuli_api::{Failure, ReadBounds};
use annuli_core::limits;
use std::time::Duration;

/// Most who listen to events at once, each over a connection that stays. They take no place among requests, and some
/// kilobytes each; more than the people and programs that mind a cluster is a mistake of one of them.
pub(crate) const LISTENERS_MAX: usize = 64;

/// Bounds of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body, in bytes.
    pub body_bytes_max: usize,
    /// Most documents, or ids, in one request.
    pub batch_documents_max: usize,
    /// Most query vectors in one search.
    pub queries_max: usize,
    /// Most hits of one query, `offset` included.
    pub k_max: usize,
    /// Widest search beam.
    pub ef_max: usize,
    /// Most documents on a page of a listing.
    pub page_documents_max: usize,
    /// Most requests at once.
    pub concurrent_requests_max: usize,
    /// Time for a request that names none, in milliseconds.
    pub timeout_ms_default: u64,
    /// Longest time that a request may ask for, in milliseconds.
    pub timeout_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: limits::BODY_BYTES_MAX,
            batch_documents_max: limits::BATCH_DOCUMENTS_MAX,
            queries_max: limits::QUERIES_MAX,
            k_max: limits::K_MAX,
            ef_max: limits::EF_MAX,
            page_documents_max: limits::PAGE_DOCUMENTS_MAX,
            concurrent_requests_max: limits::CONCURRENT_REQUESTS_MAX,
            timeout_ms_default: limits::TIMEOUT_MS_DEFAULT,
            timeout_ms_max: limits::TIMEOUT_MS_MAX,
        }
    }
}

impl Limits {
    /// The time that a request has.
    pub fn timeout(&self, asked_ms: Option<u64>) -> Result<Duration, Failure> {
        match asked_ms {
            None => Ok(Duration::from_millis(self.timeout_ms_default)),
            Some(asked) if (1..=self.timeout_ms_max).contains(&asked) => Ok(Duration::from_millis(asked)),
            Some(0) => Err(at_least_one("`timeout_ms`")),
            Some(asked) => Err(above("`timeout_ms`", asked, self.timeout_ms_max)),
        }
    }

    /// What a body may become while it is read.
    pub fn read_bounds(&self) -> ReadBounds {
        ReadBounds {
            batch_documents_max: self.batch_documents_max,
            queries_max: self.queries_max,
            memory_bytes_max: self
                .body_bytes_max
                .saturating_mul(limits::BODY_MEMORY_FACTOR_MAX)
                .max(limits::BODY_MEMORY_BYTES_MIN),
        }
    }

    /// Refuses a `what` of zero or beyond `max`.
    pub fn check(what: &str, asked: usize, max: usize) -> Result<usize, Failure> {
        match asked {
            0 => Err(at_least_one(what)),
            _ if asked > max => Err(Failure::above_limit(what, asked, max)),
            _ => Ok(asked),
        }
    }
}

fn at_least_one(what: &str) -> Failure {
    Failure::new(annuli_api::ErrorCode::LimitExceeded, format_args!("{what} is 0, it has to be at least 1"))
}

fn above(what: &str, asked: u64, max: u64) -> Failure {
    Failure::new(annuli_api::ErrorCode::LimitExceeded, format_args!("{what} is {asked}, the limit is {max}"))
        .with("limit", max)
        .with("asked", asked)
}
