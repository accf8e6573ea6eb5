//! Which shards a request goes to. Pure.

use annuli_core::{ShardCount, ShardId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    /// One shard. Of an endpoint that writes documents: for each document the one that owns its id.
    Any,
    /// Every shard.
    All,
}

/// Endpoints that read from shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEndpoint {
    /// `/search`
    Search,
    /// `/count`
    Count,
    /// `/documents`, when it lists them
    Documents,
}

/// Polling for each endpoint.
#[derive(Debug)]
pub struct PollingTable {
    search: Polling,
    count: Polling,
    documents: Polling,
    /// Turns of the endpoints that ask one shard.
    turn: AtomicU32,
}

/// A setting that would break the index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolling {
    /// Writing a document to all shards would store it many times.
    #[error("polling of `{endpoint}` cannot be ALL: every shard would hold a copy of each document")]
    CopiesDocuments {
        /// The endpoint.
        endpoint: String,
    },
    /// There is no such endpoint.
    #[error(
        "polling of `{endpoint}`: there is no such endpoint; there are /index, /update, /delete, /search, /count, /documents and *"
    )]
    UnknownEndpoint {
        /// What was named.
        endpoint: String,
    },
}

impl PollingTable {
    /// The table of a configuration; what it does not name is as `*` says, else ALL for reads. Deletes by filter
    /// always go to all shards.
    pub fn new(settings: &BTreeMap<String, Polling>) -> Result<Self, InvalidPolling> {
        for (endpoint, polling) in settings {
            match (endpoint.as_str(), polling) {
                ("/search" | "/count" | "/documents" | "*", _) | ("/index" | "/update" | "/delete", Polling::Any) => {}
                ("/index" | "/update" | "/delete", Polling::All) => {
                    return Err(InvalidPolling::CopiesDocuments { endpoint: endpoint.clone() });
                }
                _ => return Err(InvalidPolling::UnknownEndpoint { endpoint: endpoint.clone() }),
            }
        }
        let rest = settings.get("*").copied().unwrap_or(Polling::All);
        let of = |endpoint: &str| settings.get(endpoint).copied().unwrap_or(rest);
        Ok(Self { search: of("/search"), count: of("/count"), documents: of("/documents"), turn: AtomicU32::new(0) })
    }

    /// The shards that this request goes to.
    pub fn targets(&self, endpoint: ReadEndpoint, shards: ShardCount) -> Vec<ShardId> {
        let polling = match endpoint {
            ReadEndpoint::Search => self.search,
            ReadEndpoint::Count => self.count,
            ReadEndpoint::Documents => self.documents,
        };
        match polling {
            Polling::All => shards.shards().collect(),
            Polling::Any => vec![ShardId(self.turn.fetch_add(1, Ordering::Relaxed) % shards.get())],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(settings: &[(&str, Polling)]) -> Result<PollingTable, InvalidPolling> {
        PollingTable::new(&settings.iter().map(|(endpoint, polling)| ((*endpoint).to_owned(), *polling)).collect())
    }

    #[track_caller]
    fn check(settings: &[(&str, Polling)], endpoint: ReadEndpoint, asked: usize) {
        let shards = ShardCount::new(3).unwrap();
        assert_eq!(table(settings).unwrap().targets(endpoint, shards).len(), asked, "{settings:?}");
    }

    #[test]
    fn an_endpoint_is_polled_as_it_says_else_as_the_star_says() {
        check(&[], ReadEndpoint::Search, 3);
        check(&[("*", Polling::Any)], ReadEndpoint::Search, 1);
        check(&[("*", Polling::Any), ("/search", Polling::All)], ReadEndpoint::Search, 3);
        check(&[("*", Polling::Any), ("/search", Polling::All)], ReadEndpoint::Count, 1);
        check(&[("/documents", Polling::Any)], ReadEndpoint::Documents, 1);
    }

    #[test]
    fn one_shard_after_the_other_gets_its_turn() {
        let table = table(&[("/search", Polling::Any)]).unwrap();
        let shards = ShardCount::new(2).unwrap();
        let turns: Vec<_> =
            (0..4).flat_map(|_| table.targets(ReadEndpoint::Search, shards)).map(|shard| shard.0).collect();
        assert_eq!(turns, [0, 1, 0, 1]);
    }

    #[test]
    fn documents_are_never_copied_to_all_shards() {
        for endpoint in ["/index", "/update", "/delete"] {
            let error = table(&[(endpoint, Polling::All)]).unwrap_err();
            assert_eq!(error, InvalidPolling::CopiesDocuments { endpoint: endpoint.to_owned() });
        }
        assert!(table(&[("/serch", Polling::All)]).is_err());
    }
}
