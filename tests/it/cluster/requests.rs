//! What a client sees of a cluster: what it would see of one process.

use super::{documents, nearest, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Cluster, Index};
use serde_json::json;

#[test]
fn what_one_router_stores_another_finds() {
    let cluster = Cluster::start(3, 2);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    let other = Index::named(&cluster.client(1), &index.name);
    assert_eq!(nearest(&other, 3), ["doc-0", "doc-1", "doc-2"]);
    let answer = other.post("delete", &json!({"ids": ["doc-1"]})).ok();
    assert_eq!(answer["deleted"], 1);
    assert_eq!(nearest(&index, 3), ["doc-0", "doc-2", "doc-3"]);
    assert_eq!(index.post("count", &json!({"filter": {}})).ok()["count"], 99);
}

#[test]
fn what_one_router_stores_another_finds_over_etcd() {
    let mut cluster = Cluster::over_etcd(2, 2);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(50));
    cluster.kill_primary(0);
    cluster.start_primary(0);
    let other = Index::named(&cluster.client(1), &index.name);
    annuli_tests::wait_until("the shard is back", || other.post("count", &json!({})).is_success());
    assert_eq!(nearest(&other, 2), ["doc-0", "doc-1"]);
    assert_eq!(other.post("count", &json!({})).ok()["count"], 50);
}

#[test]
fn a_shard_that_is_down_is_named_and_the_others_answer() {
    let mut cluster = Cluster::start(2, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.kill_primary(1);
    let search = json!({"vector": [0, 0], "limit": 100});
    index.post("search", &search).refused(ErrorCode::ShardUnavailable, "shard 1");
    let mut partial = search.clone();
    partial["allow_partial"] = json!(true);
    let reply = index.search(&partial);
    assert_eq!((reply.shards.successful, reply.shards.failed[0].shard), (1, 1));
    let found = reply.results[0].hits.len();
    assert!((1..100).contains(&found), "{found}");
    // A write of what the living shard owns is done; one of both says which part was.
    let owned = &reply.results[0].hits[0].id;
    index.store(&json!([{"id": owned, "vector": [5, 5]}]));
    let refused = index.post("index", &json!({"documents": documents(100)}));
    refused.refused(ErrorCode::ShardUnavailable, "shard 1");

    cluster.start_primary(1);
    annuli_tests::wait_until("the shard is back", || index.post("search", &search).is_success());
    assert_eq!(index.search(&search).results[0].hits.len(), 100);
}

#[test]
fn a_router_that_starts_again_knows_what_there_is() {
    let mut cluster = Cluster::start(2, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(10));
    cluster.router(0).kill9();
    cluster.router(0).restart();
    let index = Index::named(&cluster.client(0), &index.name);
    assert_eq!(nearest(&index, 2), ["doc-0", "doc-1"]);
}
