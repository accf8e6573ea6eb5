//! The public API, version 1: paths and bodies.
//!
//! Wire types are not domain types: they are what JSON and MessagePack can say, and become domain values through `TryFrom` and the
//! like, which is where bad input is named.

pub mod bounded_list;
mod by_shard;
pub mod canary;
pub mod cluster;
pub mod document;
pub mod dump;
pub mod event;
pub mod filter;
pub mod index;
pub mod json_value;
pub mod metadata;
pub mod rollout;
mod schema;
pub mod search;
pub mod task;
pub mod vector;

/// The sum of `sizes`, of as many of them as are `enough`: whether something is large is known without looking at all
/// of it.
pub fn sum_up_to(enough: usize, sizes: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0_usize;
    for size in sizes {
        sum = sum.saturating_add(size);
        if sum >= enough {
            break;
        }
    }
    sum
}

/// What each path is, as axum writes them; servers, clients and tests use these.
pub mod path {
    /// Every index.
    pub const INDEXES: &str = "/v1/indexes";
    /// One index.
    pub const INDEX: &str = "/v1/indexes/{name}";
    /// Upsert documents.
    pub const DOCUMENTS_INDEX: &str = "/v1/indexes/{name}/index";
    /// Change documents.
    pub const DOCUMENTS_UPDATE: &str = "/v1/indexes/{name}/update";
    /// Remove documents.
    pub const DOCUMENTS_DELETE: &str = "/v1/indexes/{name}/delete";
    /// Find the nearest documents.
    pub const SEARCH: &str = "/v1/indexes/{name}/search";
    /// Read one document.
    pub const DOCUMENT: &str = "/v1/indexes/{name}/documents/{id}";
    /// Read many documents, or page through all.
    pub const DOCUMENTS: &str = "/v1/indexes/{name}/documents";
    /// Count documents.
    pub const COUNT: &str = "/v1/indexes/{name}/count";
    /// Dumps of an index.
    pub const DUMPS: &str = "/v1/indexes/{name}/dumps";
    /// One dump.
    pub const DUMP: &str = "/v1/indexes/{name}/dumps/{dump}";
    /// Make an index of a dump.
    pub const RESTORE: &str = "/v1/indexes/{name}/restore";
    /// Rollouts of an index.
    pub const ROLLOUTS: &str = "/v1/indexes/{name}/rollouts";
    /// One rollout.
    pub const ROLLOUT: &str = "/v1/indexes/{name}/rollouts/{id}";
    /// What is said to one.
    pub const ROLLOUT_WORD: &str = "/v1/indexes/{name}/rollouts/{id}/{word}";
    /// Who is there.
    pub const CLUSTER: &str = "/v1/cluster";
    /// Into how many shards indexes are divided.
    pub const RESHARD: &str = "/v1/cluster/reshard";
    /// Lets another process coordinate.
    pub const STEP_DOWN: &str = "/v1/cluster/coordinator/step-down";
    /// What happens.
    pub const EVENTS: &str = "/v1/events";
    /// Every alias.
    pub const ALIASES: &str = "/v1/aliases";
    /// One alias.
    pub const ALIAS: &str = "/v1/aliases/{alias}";
    /// Every task.
    pub const TASKS: &str = "/v1/tasks";
    /// One task.
    pub const TASK: &str = "/v1/tasks/{id}";
    /// The process runs.
    pub const LIVEZ: &str = "/livez";
    /// The same as `LIVEZ`, under its older name.
    pub const HEALTHZ: &str = "/healthz";
    /// The process can serve.
    pub const READYZ: &str = "/readyz";
    /// How it does, for Prometheus.
    pub const METRICS: &str = "/metrics";

    /// The API as an OpenAPI document.
    pub const OPENAPI: &str = "/openapi.json";
    /// That document as a page.
    pub const DOCS: &str = "/docs";
    /// A file of the page.
    pub const DOCS_FILE: &str = "/docs/{file}";

    /// Every path.
    pub const ALL: [&str; 30] = [
        INDEXES,
        INDEX,
        DOCUMENTS_INDEX,
        DOCUMENTS_UPDATE,
        DOCUMENTS_DELETE,
        SEARCH,
        DOCUMENT,
        DOCUMENTS,
        COUNT,
        DUMPS,
        DUMP,
        RESTORE,
        ROLLOUTS,
        ROLLOUT,
        ROLLOUT_WORD,
        CLUSTER,
        RESHARD,
        STEP_DOWN,
        EVENTS,
        ALIASES,
        ALIAS,
        TASKS,
        TASK,
        LIVEZ,
        HEALTHZ,
        READYZ,
        METRICS,
        OPENAPI,
        DOCS,
        DOCS_FILE,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_enough_is_not_looked_at_any_further() {
        assert_eq!(sum_up_to(10, [3, 4].into_iter()), 7);
        assert_eq!(sum_up_to(10, [3, 7].into_iter().chain(std::iter::once_with(|| panic!("it is enough")))), 10);
    }
}
