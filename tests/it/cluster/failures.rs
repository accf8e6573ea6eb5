//! What goes wrong while generations are prepared, and what becomes of it.

use super::{count, documents, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Cluster, Freshness, Index, Load, wait_until};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A cluster whose replicas serve generation 1: 100 documents; its primaries hold 120.
fn serving(shards: usize, replicas: usize, routers: usize) -> (Cluster, Index) {
    let cluster = Cluster::with_replicas(shards, replicas, routers);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    index.store(&documents(120));
    assert_eq!(count(&index, &json!({})), 100);
    (cluster, index)
}

fn generation(index: &Index) -> Value {
    index.client.get("/v1/cluster").ok()["indexes"][&index.name]["generation"].clone()
}

/// The archive of a shard in the newest dump.
pub(super) fn newest_archive(store: &Path, shard: usize) -> PathBuf {
    let subfolders = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).max().unwrap()
    };
    subfolders(&subfolders(store)).join(format!("shard-{shard}.tar.zst"))
}

pub(super) fn flip_a_bit(path: &Path) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let middle = file.metadata().unwrap().len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).unwrap();
    file.write_all_at(&[byte[0] ^ 1], middle).unwrap();
}

#[test]
fn a_dump_in_which_a_bit_has_flipped_is_rolled_out_nowhere() {
    let (cluster, index) = serving(2, 2, 1);
    let load = Load::start(&[cluster.client(0)], &index.name, 2, Freshness::Any);
    cluster.dump(0, &index.name);
    flip_a_bit(&newest_archive(&cluster.dumps(), 1));
    let task = cluster.begin_task(0, &index.name, "rollouts", &json!({}));
    let ended = cluster.wait(0, &task);
    assert_eq!(ended["status"], "failed", "{ended}");
    let why = ended["error"]["message"].as_str().unwrap();
    assert!(why.starts_with("the replica of shard 1 at") && why.contains("cannot serve generation 2"), "{why}");
    assert_eq!((generation(&index), count(&index, &json!({}))), (json!(1), 100));
    // What is taken next is whole again.
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    assert!(count(&index, &json!({})) >= 120);
    let seen = load.stop().searched;
    assert_eq!(seen.failed, 0, "{:#?}", seen.failures);
}

#[test]
fn a_rollback_after_the_flip_is_served_at_once() {
    let (cluster, index) = serving(1, 2, 2);
    cluster.dump(0, &index.name);
    let rollout = cluster.begin_task(0, &index.name, "rollouts", &json!({"approve": true}));
    let path = index.path(&format!("/rollouts/{rollout}"));
    wait_until("every replica is ready", || index.client.get(&path).ok()["status"] == "paused");
    assert_eq!((generation(&index), count(&index, &json!({}))), (json!(1), 100));
    let load = Load::start(&[cluster.client(0)], &index.name, 2, Freshness::Any);
    assert!(index.client.post(&format!("{path}/resume"), &json!({})).is_success());
    assert_eq!(cluster.wait(0, &rollout)["status"], "succeeded");
    assert!(index.client.post(&format!("{path}/rollback"), &json!({})).is_success());
    assert_eq!(generation(&index), json!(1));
    assert_eq!(count(&index, &json!({})), 100);
    let again = index.client.post(&format!("{path}/rollback"), &json!({}));
    again.refused(ErrorCode::TaskConflict, "is over: it was rolled back");
    let seen = load.stop().searched;
    assert_eq!(seen.failed, 0, "{:#?}", seen.failures);
}

#[test]
fn a_rollout_whose_coordinator_is_killed_is_finished_by_another() {
    let (mut cluster, index) = serving(1, 2, 2);
    cluster.dump(0, &index.name);
    let rollout = cluster.begin_task(0, &index.name, "rollouts", &json!({"approve": true}));
    let path = format!("/v1/indexes/{}/rollouts/{rollout}", index.name);
    wait_until("every replica is ready", || cluster.client(0).get(&path).ok()["status"] == "paused");
    let killed = cluster.coordinator();
    cluster.router(killed).kill9();
    let left = 1 - killed;
    assert!(cluster.client(left).post(&format!("{path}/resume"), &json!({})).is_success());
    assert_eq!(cluster.wait(left, &rollout)["status"], "succeeded");
    assert_eq!(cluster.coordinator(), left);
    let index = Index::named(&cluster.client(left), &index.name);
    assert_eq!(count(&index, &json!({})), 120);
}

#[test]
fn what_a_frozen_coordinator_orders_when_it_goes_on_is_too_late() {
    let (mut cluster, index) = serving(1, 2, 2);
    let frozen = cluster.coordinator();
    let left = 1 - frozen;
    cluster.router(frozen).freeze();
    let dumped = cluster.dump(left, &index.name);
    cluster.roll_out(left, &index.name);
    assert_eq!(cluster.coordinator_of(left), left);
    cluster.router(frozen).thaw();
    let log = "this process is the coordinator no longer";
    wait_until("it knows that it was deposed", || cluster.router(frozen).log().contains(log));
    let through_it = Index::named(&cluster.client(frozen), &index.name);
    wait_until("it has caught up", || generation(&through_it) == json!(dumped));
    assert_eq!(cluster.coordinator(), left);
}

#[test]
fn a_replica_that_is_killed_fails_no_search_and_serves_again_by_itself() {
    let (mut cluster, index) = serving(1, 2, 1);
    let load = Load::start(&[cluster.client(0)], &index.name, 2, Freshness::Any);
    cluster.kill_replica(0, 0);
    // It does not see the rollout, and its record is gone when the rollout is done.
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    cluster.start_replica(0, 0);
    let new = cluster.replica(0, 0).address().to_owned();
    wait_until("it has prepared what is official", || state(&index, &new, 2) == Some("ready".to_owned()));
    let seen = load.stop().searched;
    assert_eq!(seen.failed, 0, "{:#?}", seen.failures);
    // Alone, it answers.
    cluster.kill_replica(0, 1);
    cluster.kill_primary(0);
    assert!(count(&index, &json!({})) >= 120);
}

#[test]
fn a_shard_without_replicas_is_answered_for_by_its_primary() {
    let (mut cluster, index) = serving(2, 1, 1);
    cluster.kill_replica(1, 0);
    let counted = count(&index, &json!({}));
    assert!((101..120).contains(&counted), "one shard is as of the dump, the other as of now: {counted}");
}

#[test]
fn a_dump_whose_primary_is_down_waits_for_it() {
    let (mut cluster, index) = serving(2, 1, 1);
    cluster.kill_primary(1);
    let task = cluster.begin_task(0, &index.name, "dumps", &json!({}));
    let progress = || cluster.client(0).get(&format!("/v1/tasks/{task}")).ok()["progress"]["shards_done"].clone();
    wait_until("the other shard is dumped", || progress() == 1);
    cluster.start_primary(1);
    assert_eq!(cluster.wait(0, &task)["status"], "succeeded");
}

#[test]
fn what_replicas_serve_is_not_deleted() {
    let (cluster, index) = serving(1, 1, 1);
    let dumps = index.client.get(&index.path("/dumps")).ok();
    let path = index.path(&format!("/dumps/{}", dumps["dumps"][0]["dump"].as_str().unwrap()));
    index.client.delete(&path).refused(ErrorCode::DumpInUse, "is what the replicas serve");
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    index.client.delete(&path).refused(ErrorCode::DumpInUse, "may be rolled back to");
}

/// What a replica says of a generation.
fn state(index: &Index, address: &str, generation: u64) -> Option<String> {
    let shown = index.client.get("/v1/cluster").ok();
    let shards = shown["indexes"][&index.name]["shards"].as_array()?.clone();
    let replicas = shards.iter().flat_map(|shard| shard["replicas"].as_array().cloned().unwrap_or_default());
    let found = replicas.into_iter().find(|replica| replica["address"] == address)?;
    Some(found["generations"][generation.to_string()].as_str()?.to_owned())
}
