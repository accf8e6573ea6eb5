//! A disk that is full: writes are refused, nothing that was acknowledged is lost, and writes go on when there is room.

use crate::dump::cli::annuli_by;
use annuli_api::ErrorCode;
use annuli_tests::small_disk::SmallDisk;
use annuli_tests::{Answer, Index, Launch, Server};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::symlink;

/// A server whose workspace lies on a disk of 64 MiB. `None` on a machine that lets nobody mount: then it is at least
/// checked that a full device is reported as one.
fn server() -> Option<(SmallDisk, Server)> {
    match SmallDisk::mount(64) {
        Ok(disk) => {
            let server = Launch::new().over(&disk.path().join("workspace")).wrapped_by(&disk.enter()).start();
            Some((disk, server))
        }
        Err(reason) => {
            let warning =
                "NOT TESTED: a full disk. This machine does not let us mount a small one (unshare -m, unshare -Urm)";
            // Not by `eprintln!`, which is shown of failed tests only.
            let _ = writeln!(std::io::stderr(), "\n{warning}: {reason}");
            check_full_device();
            None
        }
    }
}

/// Lets an alias be written to a device that is always full.
fn check_full_device() {
    let server = Server::start();
    Index::create_named(&server.client(), "kept", &json!({"dim": 1, "metric": "euclidean"}));
    // What replaces the file of the aliases is written beside it first.
    symlink("/dev/full", server.workspace().join(".aliases.json.new")).expect("a link");
    let answer = server.client().put("/v1/aliases/second", &json!({"index": "kept"}));
    answer.refused(ErrorCode::StorageFull, "No space left on device");
    assert_eq!(server.client().get("/v1/aliases").ok(), json!({"aliases": {}}));
    assert_eq!(Index::named(&server.client(), "kept").count(), 0);
}

#[test]
fn an_alias_that_cannot_be_written_is_refused_and_not_there() {
    check_full_device();
}

/// Batch `number`: documents that are hard to compress, some 300 KiB.
fn batch(number: u32) -> Value {
    let component = |n: u32| f64::from(n.wrapping_mul(2_654_435_761) >> 8);
    let document = |n: u32| {
        let vector: Vec<_> = (0..256).map(|place| component(number * 1_000_000 + n * 1_000 + place)).collect();
        json!({"id": format!("{number:04}-{n:03}"), "vector": vector, "metadata": {"batch": number}})
    };
    json!({"documents": (0..200).map(document).collect::<Vec<_>>()})
}

/// Writes batches until one is refused; returns how many were acknowledged, and the refusal.
fn fill(index: &Index) -> (u32, Answer) {
    let answers = (0..1_000).map(|number| (number, index.post("index", &batch(number))));
    { answers }.find(|(_, answer)| !answer.is_success()).expect("a disk of 64 MiB that does not hold 300 MB")
}

/// The batches that are there, each with how many of its documents are.
fn batches(index: &Index) -> Vec<(u64, u64)> {
    let mut counts = std::collections::BTreeMap::new();
    for document in index.documents() {
        *counts.entry(document["metadata"]["batch"].as_u64().expect("a batch")).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn whole_batches(count: u32) -> Vec<(u64, u64)> {
    (0..u64::from(count)).map(|number| (number, 200)).collect()
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    let Some((disk, mut server)) = server() else { return };
    let schema = json!({"dim": 256, "metric": "euclidean"});
    let index = Index::create_named(&server.client(), "filled", &schema);
    let (acknowledged, refusal) = fill(&index);
    refusal.refused(ErrorCode::StorageFull, "the disk is full: ");
    assert!(acknowledged > 10, "only {acknowledged} batches were taken");

    // The process lives, and reads what it has acknowledged.
    assert_eq!(batches(&index), whole_batches(acknowledged));
    assert_eq!(index.count(), u64::from(acknowledged) * 200);
    let first = batch(0)["documents"][0]["vector"].clone();
    assert_eq!(index.found(&json!({"vector": first, "limit": 1})), ["0000-000"]);
    index.post("index", &batch(999)).refused(ErrorCode::StorageFull, "the disk is full: ");
    assert_eq!(server.client().get("/readyz").status, 200);

    // With room again everything acknowledged is there, and nothing of what was refused.
    server.kill9();
    disk.grow(256);
    server.restart();
    let index = Index::named(&server.client(), "filled");
    assert_eq!(batches(&index), whole_batches(acknowledged));
    index.post("index", &batch(acknowledged)).ok();
    assert_eq!(index.count(), u64::from(acknowledged + 1) * 200);
}

#[test]
fn writes_go_on_without_a_restart_when_there_is_room_again() {
    let Some((disk, server)) = server() else { return };
    let index = Index::create_named(&server.client(), "filled", &json!({"dim": 256, "metric": "euclidean"}));
    let (acknowledged, _) = fill(&index);
    disk.grow(256);
    annuli_tests::wait_until("a write that is taken", || index.post("index", &batch(acknowledged)).is_success());
    assert_eq!(batches(&index), whole_batches(acknowledged + 1));
}

#[test]
fn a_server_that_starts_on_a_full_disk_says_so_and_loses_nothing() {
    let Some((disk, mut server)) = server() else { return };
    let index = Index::create_named(&server.client(), "filled", &json!({"dim": 256, "metric": "euclidean"}));
    let (acknowledged, _) = fill(&index);
    server.kill9();
    disk.fill();
    server.restart();
    let index = Index::named(&server.client(), "filled");
    let answer = index.post("count", &json!({}));
    if answer.is_success() {
        assert_eq!(batches(&index), whole_batches(acknowledged));
    } else {
        answer.refused(ErrorCode::IndexUnavailable, "the disk is full: ");
    }
    server.kill9();
    disk.empty_and_grow(256);
    server.restart();
    assert_eq!(batches(&Index::named(&server.client(), "filled")), whole_batches(acknowledged));
}

#[test]
fn an_index_that_does_not_fit_is_refused_and_leaves_nothing() {
    let Some((disk, server)) = server() else { return };
    disk.fill();
    let schema = json!({"dim": 8, "metric": "euclidean", "shards": 4});
    server.client().put("/v1/indexes/none", &schema).refused(ErrorCode::StorageFull, "index `none` cannot be made: ");
    disk.empty_and_grow(64);
    assert_eq!(server.client().get("/v1/indexes/none").status, 404);
    assert_eq!(server.client().put("/v1/indexes/none", &schema).status, 201);
}

#[test]
fn an_import_into_a_workspace_on_a_disk_that_is_too_small_is_refused_and_leaves_nothing() {
    let Some((disk, mut server)) = server() else { return };
    server.kill9();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.jsonl");
    let mut lines = std::io::BufWriter::new(std::fs::File::create(&file).unwrap());
    for number in 0..150 {
        let Value::Array(documents) = batch(number)["documents"].take() else { unreachable!("a list") };
        documents.iter().for_each(|document| writeln!(lines, "{document}").unwrap());
    }
    lines.flush().unwrap();
    let workspace = disk.path().join("workspace");
    let [file, workspace] = [&file, &workspace].map(|path| path.to_str().unwrap().to_owned());
    let import = ["import", &file, "--index", "large", "--metric", "euclidean", "--workspace", &workspace];
    let refused = annuli_by(&disk.enter(), &import);
    refused.refused("nothing was imported: ");
    refused.refused("No space left on device");
    server.restart();
    assert_eq!(server.client().get("/v1/indexes").ok(), json!({"indexes": []}));
    // All that was taken is given back.
    let index = Index::create_named(&server.client(), "filled", &json!({"dim": 256, "metric": "euclidean"}));
    assert!(fill(&index).0 > 10);
}
