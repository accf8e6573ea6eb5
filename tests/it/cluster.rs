//! Routers and primaries as processes of their own.

mod catalogue;
mod chaos;
mod commands;
mod etcd_members;
mod events;
mod failures;
mod fixed_hosts;
mod following;
mod partitions;
mod primaries;
mod requests;
mod reshards;
mod restores;
mod rolling;
mod rollouts;
mod take_overs;
mod traces;
mod up;

use annuli_tests::Index;
use serde_json::{Value, json};

fn schema() -> Value {
    json!({"dim": 2, "metric": "euclidean"})
}

/// Documents `doc-0`, `doc-1`, … at (0, 0), (1, 0), …
fn documents(count: usize) -> Value {
    (0..count).map(|number| json!({"id": format!("doc-{number}"), "vector": [number, 0]})).collect()
}

/// Ids of the nearest to the origin.
fn nearest(index: &Index, limit: usize) -> Vec<String> {
    let reply = index.search(&json!({"vector": [0, 0], "limit": limit}));
    reply.results[0].hits.iter().map(|hit| hit.id.clone()).collect()
}

fn count(index: &Index, how: &Value) -> u64 {
    index.post("count", how).ok()["count"].as_u64().expect("a number")
}
