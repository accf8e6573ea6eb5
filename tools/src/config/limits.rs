//! What one request may ask for, and how far an operator may raise it.

use super::help::settings;
use annuli_core::limits as default;

settings! {
    /// Bounds of a request.
    pub struct Limits {
        /// Largest request body, in bytes.
        pub body_bytes_max: usize,
        /// Most documents in one write.
        pub batch_documents_max: usize,
        /// Most query vectors in one search.
        pub queries_max: usize,
        /// Most hits of one query, `offset` included.
        pub k_max: usize,
        /// Widest search beam.
        pub ef_max: usize,
        /// Most requests under way at once; more are refused with Retry-After.
        pub concurrent_requests_max: usize,
        /// Time for a request that names none, in milliseconds.
        pub timeout_ms_default: u64,
        /// Longest time that a request may ask for, in milliseconds.
        pub timeout_ms_max: u64,
        /// Most documents on one page of a listing.
        pub page_documents_max: usize,
    }
}

/// A body is held in memory whole, parsed beside it: one of these already takes several gigabytes.
pub const BODY_BYTES_CEILING: usize = 1024 * 1024 * 1024;

/// A batch is one group on a shard's writer, and every other writer of the shard waits behind it.
pub const BATCH_DOCUMENTS_CEILING: usize = 1_000_000;

/// With 100,000 queries of ten hits a reply is already some hundred megabytes.
pub const QUERIES_CEILING: usize = 100_000;

/// A merge holds this many hits of every shard; a whole index is read page by page, not searched.
pub const K_CEILING: usize = 1_000_000;

/// Beyond this a graph walk visits most of any shard that one machine holds: an exact search is faster.
pub const EF_CEILING: usize = 1_000_000;

/// Each request under way holds a socket, and 65,536 is about where ports and file descriptors end.
pub const CONCURRENT_REQUESTS_CEILING: usize = 65_536;

/// One day: what takes longer is a job for a task, not for a request.
pub const TIMEOUT_MS_CEILING: u64 = 24 * 60 * 60 * 1000;

/// A page is held in memory whole, vectors included if asked for: at 4,096 dimensions this is 1.6 GB.
pub const PAGE_DOCUMENTS_CEILING: usize = 100_000;

/// One limit with its value and the most that it may be.
pub(super) struct Bounded {
    pub(super) key: &'static str,
    pub(super) value: u64,
    pub(super) ceiling: u64,
}

impl Limits {
    pub(super) fn bounded(&self) -> [Bounded; 9] {
        let bounded = |key, value, ceiling| Bounded { key, value, ceiling };
        let size = |key, value, ceiling| bounded(key, value as u64, ceiling as u64);
        [
            size("limits.body_bytes_max", self.body_bytes_max, BODY_BYTES_CEILING),
            size("limits.batch_documents_max", self.batch_documents_max, BATCH_DOCUMENTS_CEILING),
            size("limits.queries_max", self.queries_max, QUERIES_CEILING),
            size("limits.k_max", self.k_max, K_CEILING),
            size("limits.ef_max", self.ef_max, EF_CEILING),
            size("limits.concurrent_requests_max", self.concurrent_requests_max, CONCURRENT_REQUESTS_CEILING),
            bounded("limits.timeout_ms_default", self.timeout_ms_default, TIMEOUT_MS_CEILING),
            bounded("limits.timeout_ms_max", self.timeout_ms_max, TIMEOUT_MS_CEILING),
            size("limits.page_documents_max", self.page_documents_max, PAGE_DOCUMENTS_CEILING),
        ]
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: default::BODY_BYTES_MAX,
            batch_documents_max: default::BATCH_DOCUMENTS_MAX,
            queries_max: default::QUERIES_MAX,
            k_max: default::K_MAX,
            ef_max: default::EF_MAX,
            concurrent_requests_max: default::CONCURRENT_REQUESTS_MAX,
            timeout_ms_default: default::TIMEOUT_MS_DEFAULT,
            timeout_ms_max: default::TIMEOUT_MS_MAX,
            page_documents_max: default::PAGE_DOCUMENTS_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_ceiling_and_a_default_below_it() {
        let limits = Limits::default().bounded();
        let names: Vec<_> = limits.iter().map(|limit| limit.key.trim_start_matches("limits.")).collect();
        let declared: Vec<_> = Limits::HELP.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, declared);
        for limit in limits {
            assert!((1..=limit.ceiling).contains(&limit.value), "{}", limit.key);
        }
    }
}
