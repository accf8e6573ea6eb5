//! Dumps of a cluster, and what its replicas make of them.

use super::{documents, nearest, schema};
use annuli_tests::{Cluster, Index};
use serde_json::json;

fn count(index: &Index, how: &serde_json::Value) -> u64 {
    index.post("count", how).ok()["count"].as_u64().unwrap()
}

#[test]
fn replicas_answer_from_what_was_rolled_out_and_the_primary_from_what_was_written() {
    let cluster = Cluster::with_replicas(2, 2, 2);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    assert_eq!(count(&index, &json!({})), 100);
    assert_eq!(cluster.dump(0, &index.name), 1);
    cluster.roll_out(1, &index.name);
    let written = index.store(&documents(120));
    assert_eq!(count(&index, &json!({})), 100);
    assert_eq!(count(&index, &json!({"consistency": "primary"})), 120);
    assert_eq!(count(&index, &json!({"after": written["as_of"]})), 120);
    assert_eq!(nearest(&index, 2), ["doc-0", "doc-1"]);

    assert_eq!(cluster.dump(1, &index.name), 2);
    assert_eq!(count(&index, &json!({})), 100);
    cluster.roll_out(0, &index.name);
    assert_eq!(count(&index, &json!({})), 120);
}
