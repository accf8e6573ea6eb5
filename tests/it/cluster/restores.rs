//! A dump becomes an index of a running cluster: of the one that it was taken in, or of another.

use super::failures::{flip_a_bit, newest_archive};
use super::{count, documents, schema};
use annuli_api::ErrorCode;
use annuli_tests::program::program;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::{Value, json};
use std::process::Command;

const DOCUMENTS: usize = 300;

/// `doc-0`, `doc-1`, … at (0, 0), (1, 0), …, every third of them red.
fn coloured() -> Value {
    let colour = |number: usize| if number.is_multiple_of(3) { "red" } else { "blue" };
    let document =
        |number| json!({"id": format!("doc-{number}"), "vector": [number, 0], "metadata": {"colour": colour(number)}});
    (0..DOCUMENTS).map(document).collect()
}

/// A cluster of two shards, an index of it, and its newest dump.
fn dumped() -> (Cluster, Index, String) {
    let cluster = Cluster::start(2, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&coloured());
    cluster.dump(0, &index.name);
    let dump = newest(&index);
    // What came after the dump is not in it.
    index.store(&json!([{"id": "late", "vector": [0, 0]}]));
    (cluster, index, dump)
}

fn newest(index: &Index) -> String {
    let dumps = index.client.get(&index.path("/dumps")).ok();
    dumps["dumps"].as_array().unwrap().last().unwrap()["dump"].as_str().unwrap().to_owned()
}

fn begin(cluster: &Cluster, dump: &str, name: &str) -> String {
    cluster.begin_task(0, name, "restore", &json!({"dump": dump}))
}

fn restore(cluster: &Cluster, dump: &str, name: &str) -> Index {
    let ended = cluster.wait(0, &begin(cluster, dump, name));
    assert_eq!((&ended["kind"], &ended["status"]), (&json!("restore"), &json!("succeeded")), "{ended}");
    let index = Index::named(&cluster.client(0), name);
    wait_until("its primaries say that they serve", || index.post("count", &json!({})).is_success());
    index
}

/// It holds the dumped documents, and finds each.
#[track_caller]
fn check_whole(index: &Index) {
    assert_eq!(index.count(), DOCUMENTS as u64);
    assert_eq!(index.count_matching(&json!({"colour": "red"})), DOCUMENTS as u64 / 3);
    let vectors: Vec<_> = (0..DOCUMENTS).map(|number| json!([number, 0])).collect();
    let nearest = index.search(&json!({"vectors": vectors, "limit": 1, "exact": true})).results;
    for (number, result) in nearest.iter().enumerate() {
        assert_eq!(result.hits[0].id, format!("doc-{number}"));
    }
    let red = json!({"vector": [1, 0], "limit": 2, "filter": {"colour": "red"}, "include": ["metadata"]});
    assert_eq!(index.found(&red), ["doc-0", "doc-3"]);
    let mut found = index.documents();
    found.sort_by_key(|document| document["id"].as_str().unwrap()[4..].parse::<usize>().unwrap());
    for (found, stored) in found.iter().zip(coloured().as_array().unwrap()) {
        assert_eq!((&found["id"], &found["metadata"]), (&stored["id"], &stored["metadata"]));
    }
}

#[test]
fn a_dump_becomes_an_index_of_its_own_beside_the_one_it_was_taken_of() {
    let (mut cluster, index, dump) = dumped();
    let restored = restore(&cluster, &dump, "restored");
    check_whole(&restored);
    assert_eq!(index.count(), DOCUMENTS as u64 + 1);
    assert_ne!(restored.info()["uuid"], index.info()["uuid"]);
    // It is an index like any other: it is written, survives, is dumped and rolled out.
    restored.store(&json!([{"id": "new", "vector": [-1, 0], "metadata": {"colour": "red"}}]));
    for shard in [0, 1] {
        cluster.kill_primary(shard);
        cluster.start_primary(shard);
        cluster.start_replica(shard, 0);
    }
    wait_until("both shards are back", || restored.post("count", &json!({})).is_success());
    assert_eq!(cluster.dump(0, "restored"), 1);
    cluster.roll_out(0, "restored");
    assert_eq!(count(&restored, &json!({})), DOCUMENTS as u64 + 1);
}

#[test]
fn a_dump_outlives_its_index_and_is_restored_onto_another_number_of_shards() {
    let (cluster, index, dump) = dumped();
    assert!(cluster.client(0).delete(&index.path("")).is_success());
    let other = Cluster::over_dumps_of(&cluster, 3, 1);
    let restored = restore(&other, &dump, "faces");
    check_whole(&restored);
    assert_eq!(restored.info()["shards"], 3);
    // Where its index was, it is restored under the old name.
    check_whole(&restore(&cluster, &dump, &index.name));
}

#[test]
fn a_dump_in_which_a_bit_has_flipped_leaves_nothing_behind() {
    let (cluster, _, dump) = dumped();
    flip_a_bit(&newest_archive(&cluster.dumps(), 1));
    let ended = cluster.wait(0, &begin(&cluster, &dump, "faces"));
    assert_eq!(ended["status"], "failed", "{ended}");
    let why = ended["error"]["message"].as_str().unwrap();
    assert!(why.starts_with("shard 1 was not restored: "), "{why}");
    let client = cluster.client(0);
    client.get("/v1/indexes/faces").refused(ErrorCode::IndexNotFound, "there is no index `faces`");
    for shard in [0, 1] {
        let folder = cluster.primary_folder(shard).join("faces");
        wait_until("nothing of it is left", || !folder.exists());
    }
    // The name is free.
    let index = Index::create_named(&client, "faces", &schema());
    index.store(&documents(10));
    assert_eq!(index.count(), 10);
}

#[test]
fn a_restore_whose_primary_is_killed_is_finished_when_it_is_back() {
    let (mut cluster, _, dump) = dumped();
    let task = begin(&cluster, &dump, "faces");
    cluster.kill_primary(0);
    cluster.start_primary(0);
    cluster.kill_primary(1);
    cluster.start_primary(1);
    let ended = cluster.wait(0, &task);
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(ended["progress"], json!({"shards_done": 2, "shards_total": 2}));
    let restored = Index::named(&cluster.client(0), "faces");
    wait_until("both shards are back", || restored.post("count", &json!({})).is_success());
    check_whole(&restored);
}

#[test]
fn an_index_that_is_deleted_while_it_is_restored_is_made_nowhere() {
    let (mut cluster, index, dump) = dumped();
    cluster.kill_primary(1);
    let task = begin(&cluster, &dump, "faces");
    let progress = || cluster.client(0).get(&format!("/v1/tasks/{task}")).ok()["progress"].clone();
    wait_until("one shard is made", || progress() == json!({"shards_done": 1, "shards_total": 2}));
    let path = index.path(&format!("/dumps/{dump}"));
    index.client.delete(&path).refused(ErrorCode::DumpInUse, "is being restored");
    assert!(cluster.client(0).delete("/v1/indexes/faces").is_success());
    assert_eq!(cluster.wait(0, &task)["status"], "cancelled");
    cluster.start_primary(1);
    wait_until("the primary is back", || index.post("count", &json!({})).is_success());
    for shard in [0, 1] {
        let folder = cluster.primary_folder(shard).join("faces");
        wait_until("nothing of it is left", || !folder.exists());
    }
    assert!(index.client.delete(&path).is_success());
}

#[test]
fn what_cannot_be_restored_is_refused() {
    let (cluster, index, dump) = dumped();
    let restore =
        |name: &str, dump: &str| cluster.client(0).post(&format!("/v1/indexes/{name}/restore"), &json!({"dump": dump}));
    restore(&index.name, &dump).refused(ErrorCode::IndexExists, "exists: delete it first");
    restore("faces", "0190e4a2-7c00-7000-8000-000000000001").refused(ErrorCode::DumpNotFound, "there is no dump");
    restore("faces", "0190e4a2-7c00-4000-8000-000000000001").refused(ErrorCode::DumpNotFound, "");
    restore("Faces", &dump).refused(ErrorCode::InvalidName, "");
    index.client.post("/v1/indexes/faces/restore", &json!({})).refused(ErrorCode::InvalidRequest, "dump");
}

#[test]
fn the_command_line_restores_into_a_running_cluster() {
    let (cluster, _, dump) = dumped();
    let url = format!("http://{}", cluster.router_address(0));
    let restore = |name: &str| {
        let mut command = Command::new(program());
        command.args(["--url", &url, "dump", "restore", &dump, "--index", name]).output().unwrap()
    };
    let restored = restore("faces");
    let said = String::from_utf8(restored.stdout).unwrap();
    assert!(restored.status.success() && said == "index `faces` is restored\n", "{said}");
    check_whole(&Index::named(&cluster.client(0), "faces"));
    let refused = restore("faces");
    assert!(!refused.status.success());
    assert!(String::from_utf8(refused.stderr).unwrap().contains("index `faces` exists"));
}
