//! Who may write a shard.

use super::{documents, nearest, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::json;
use std::fs;
use std::process::Command;

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
    wait_until("the second stands aside", || second.log().contains("this process serves nothing"));
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
fn a_copy_of_a_folder_is_not_taken_for_the_original() {
    let mut cluster = Cluster::start(1, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(10));
    cluster.kill_primary(0);
    let copied = Command::new("cp").arg("-r").arg(cluster.primary_folder(0)).arg(cluster.beside("copy")).status();
    assert!(copied.unwrap().success());
    cluster.start_primary(0);
    wait_until("the original is back", || index.post("count", &json!({})).is_success());
    index.store(&documents(20));
    cluster.kill_primary(0);

    let copy = cluster.launch_primary(0, &cluster.beside("copy"));
    let refusing = copy.clone().start();
    let why = "from another folder than this process's";
    wait_until("the copy says what it is", || index.post("count", &json!({})).message().contains(why));
    drop(refusing);
    // Nothing of the original was given up meanwhile.
    cluster.start_primary(0);
    wait_until("the original is back", || index.post("count", &json!({})).is_success());
    assert_eq!(index.post("count", &json!({})).ok()["count"], 20);
    cluster.kill_primary(0);

    // Where it is lost, somebody may decide to go on with what there is.
    let _copy = copy.argument("--take-over").start();
    wait_until("the copy serves", || index.post("count", &json!({})).is_success());
    assert_eq!(index.post("count", &json!({})).ok()["count"], 10);
}

#[test]
fn a_primary_that_was_frozen_leaves_nobody_else_its_shard_and_goes_on() {
    let cluster = Cluster::start(1, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(10));
    let second = cluster.launch_primary(0, &cluster.beside("second")).start();
    wait_until("the second stands aside", || second.log().contains("this process serves nothing"));
    cluster.primary(0).freeze();
    // Its lease ends, and with it its record: who stands aside is asked, and says why it does not serve.
    let why = "is not in the folder of its primary";
    wait_until("the seat is lost", || index.post("count", &json!({})).message().contains(why));
    cluster.primary(0).thaw();
    wait_until("the first serves again", || index.post("count", &json!({})).is_success());
    index.store(&documents(20));
    assert_eq!(index.post("count", &json!({})).ok()["count"], 20);
}

#[test]
fn a_process_of_another_cluster_is_refused() {
    let cluster = Cluster::start(2, 1);
    let ended = cluster.refused_primary(0, 3);
    assert!(ended.stderr.contains("has 2 shards, the process was started for 3"), "{}", ended.stderr);
}
