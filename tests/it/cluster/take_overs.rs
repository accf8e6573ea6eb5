//! A primary whose disk is lost goes on from the last dump, when somebody has said so.

use super::{count, documents, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::{Value, json};
use std::process::Command;

fn primary() -> Value {
    json!({"consistency": "primary"})
}

fn after(token: &Value) -> Value {
    json!({"after": token, "consistency": "primary"})
}

#[test]
fn a_primary_that_has_lost_its_disk_goes_on_from_the_last_dump() {
    let mut cluster = Cluster::with_replicas(1, 1, 1);
    let index = Index::create(&cluster.client(0), &schema());
    let dumped = index.store(&documents(100))["as_of"].clone();
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    let lost = index.store(&documents(150))["as_of"].clone();
    assert_eq!(count(&index, &primary()), 150);

    cluster.kill_primary(0);
    cluster.take_over(0);
    wait_until("the primary serves again", || index.post("count", &primary()).is_success());
    assert_eq!(count(&index, &primary()), 100);
    let log = cluster.primary(0).log();
    assert!(log.contains("a lost shard is made of a dump") && log.contains("seq=100"), "{log}");

    // What replicas have of the lost history they answer; the primary has another.
    assert_eq!(count(&index, &json!({"after": dumped})), 100);
    for token in [&dumped, &lost] {
        index.post("count", &after(token)).refused(ErrorCode::StaleToken, "it was restored since");
    }
    index.post("count", &json!({"after": lost})).refused(ErrorCode::StaleToken, "it was restored since");

    // Writes go on, and reach the replicas.
    let written = index.store(&documents(120))["as_of"].clone();
    assert_eq!(count(&index, &json!({"after": written})), 120);
    assert_eq!(count(&index, &json!({})), 100);
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    assert_eq!(count(&index, &json!({})), 120);
    index.post("count", &json!({"after": dumped})).refused(ErrorCode::StaleToken, "it was restored since");

    // From now on it is the folder of the shard, and needs nobody's word.
    cluster.kill_primary(0);
    cluster.start_primary(0);
    wait_until("the primary is back", || index.post("count", &primary()).is_success());
    assert_eq!(count(&index, &primary()), 120);
}

#[test]
fn the_other_shards_of_a_lost_one_go_on_as_they_were() {
    let mut cluster = Cluster::start(2, 1);
    let index = Index::create(&cluster.client(0), &schema());
    let never_dumped = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    never_dumped.store(&documents(100));
    cluster.dump(0, &index.name);
    let of_shards = index.seqs();
    index.store(&documents(200));
    let now = index.seqs();

    cluster.kill_primary(1);
    cluster.take_over(1);
    wait_until("the lost shard serves again", || index.post("count", &json!({})).is_success());
    assert_eq!(index.seqs(), [now[0], of_shards[1]]);
    // Of what was never dumped nothing is left, and nothing is made up.
    let why = "there is no dump of it to go on from";
    never_dumped.post("count", &json!({})).refused(ErrorCode::IndexUnavailable, why);
    index.store(&documents(200));
    assert_eq!(index.count(), 200);
}

#[test]
fn a_take_over_that_is_cut_off_is_taken_up_again() {
    let mut cluster = Cluster::start(1, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.dump(0, &index.name);
    cluster.kill_primary(0);
    for _ in 0..3 {
        cluster.take_over(0);
        cluster.kill_primary(0);
    }
    cluster.take_over(0);
    wait_until("the primary serves", || index.post("count", &json!({})).is_success());
    assert_eq!(index.count(), 100);
    index.store(&documents(120));
    assert_eq!(index.count(), 120);
}

/// The copy counted on in the history of the original: a seq meant two writes, and whoever had seen the one was answered
/// as if by the other.
#[test]
fn a_copy_that_takes_over_has_a_history_of_its_own() {
    let mut cluster = Cluster::with_replicas(1, 1, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(10));
    cluster.kill_primary(0);
    let folder = cluster.beside("copy");
    assert!(Command::new("cp").arg("-r").arg(cluster.primary_folder(0)).arg(&folder).status().unwrap().success());
    cluster.start_primary(0);
    wait_until("the original is back", || index.post("count", &primary()).is_success());
    let lost = index.store(&documents(20))["as_of"].clone();
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    cluster.kill_primary(0);

    let copy = cluster.launch_primary(0, &folder);
    let taking_over = copy.clone().argument("--take-over").start();
    wait_until("the copy serves", || index.post("count", &primary()).is_success());
    assert_eq!(count(&index, &primary()), 10);
    let written = index.store(&documents(30))["as_of"].clone();
    index.post("count", &after(&lost)).refused(ErrorCode::StaleToken, "it was restored since");
    assert_eq!(count(&index, &json!({"after": lost})), 20, "the replica has it");
    assert_eq!(count(&index, &json!({"after": written})), 30);
    // From now on it is the folder of the shard, and its history stays.
    drop(taking_over);
    let _copy = copy.argument("--take-over").start();
    wait_until("the copy is back", || index.post("count", &after(&written)).is_success());
    assert_eq!(count(&index, &after(&written)), 30);
}
