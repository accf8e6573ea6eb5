//! Who may write a shard.

use super::{documents, nearest, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::json;
use std::fs;

#[test]
fn what_a_primary_acknowledged_is_there_after_kill_9() {
    let mut cluster = Cluster::start(2, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(200));
    for shard in [0, 1] {
        cluster.kill_primary(shard);
        cluster.start_primary(shard);
    }
    wait_until("both shards are back", || index.post("count", &json!({})).is_success());
    assert_eq!(index.post("count", &json!({})).ok()["count"], 200);
    assert_eq!(nearest(&index, 2), ["doc-0", "doc-1"]);
}

#[test]
fn a_second_primary_of_a_shard_does_not_serve_beside_the_first() {
    let cluster = Cluster::start(1, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(10));
    let second = cluster.launch_primary(0, &cluster.beside("second")).start();
    wait_until("the second stands by", || second.log().contains("another process is the primary of shard 0"));
    index.store(&documents(20));
    assert_eq!(index.post("count", &json!({})).ok()["count"], 20);
}

#[test]
fn a_shard_whose_folder_was_lost_is_not_made_anew() {
    let mut cluster = Cluster::start(2, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.kill_primary(1);
    fs::remove_dir_all(cluster.primary_folder(1)).unwrap();
    cluster.start_primary(1);
    let lost = "is not in the folder of its primary";
    wait_until("the lost shard says so", || index.post("count", &json!({})).message().contains(lost));
    index.post("count", &json!({})).refused(ErrorCode::IndexUnavailable, lost);
}

#[test]
fn a_frozen_primary_acknowledges_nothing_after_another_took_over() {
    let mut cluster = Cluster::start(1, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(10));
    let second = cluster.launch_primary(0, &cluster.beside("second")).start();
    cluster.primary(0).freeze();
    wait_until("the second takes over", || second.log().contains("this process is the primary of shard 0"));
    cluster.primary(0).thaw();
    // The second has no documents, and so serves none; the first must not go on as if nothing had happened.
    let write = json!({"documents": [{"id": "late", "vector": [0, 0]}]});
    wait_until("the first has noticed", || cluster.primary(0).log().contains("is the primary of shard 0 no longer"));
    assert!(!index.post("index", &write).is_success());
    cluster.kill_primary(0);
}

#[test]
fn a_process_of_another_cluster_is_refused() {
    let cluster = Cluster::start(2, 1);
    let ended = cluster.refused_primary(0, 3);
    assert!(ended.stderr.contains("has 2 shards, the process was started for 3"), "{}", ended.stderr);
}
