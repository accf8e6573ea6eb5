//! A workspace that a newer release has written: the index says so, stays as it is, and keeps no other from serving.

use annuli_api::ErrorCode;
use annuli_tests::store_files::{append, logged_write, newest_log};
use annuli_tests::{Index, Server};
use serde_json::json;
use std::fs;
use std::path::Path;

/// Stops a server that holds the indexes `newer` and `other`, lets `change` at the folder of the first, and starts it
/// again.
fn restarted_with(change: impl FnOnce(&Path)) -> Server {
    let mut server = Server::start();
    for name in ["newer", "other"] {
        let schema = json!({"dim": 1, "metric": "euclidean", "shards": 2});
        Index::create_named(&server.client(), name, &schema).store(&json!([{"id": "a", "vector": [1]}]));
    }
    assert_eq!(server.sigterm().code(), Some(0));
    change(&server.workspace().join("newer"));
    server.restart();
    server
}

#[track_caller]
fn check_unavailable(server: &Server, says: &str) {
    let (newer, other) = (Index::named(&server.client(), "newer"), Index::named(&server.client(), "other"));
    let schema = json!({"dim": 1, "metric": "euclidean", "shards": 2});
    for answer in [
        newer.post("search", &json!({"vector": [1]})),
        newer.post("index", &json!({"documents": [{"id": "b", "vector": [1]}]})),
        newer.client.get(&newer.path("")),
        newer.client.put(&newer.path(""), &schema),
    ] {
        answer.refused(ErrorCode::IndexUnavailable, &format!("index `newer` does not open: {says}"));
    }
    let list = server.client().get("/v1/indexes").ok();
    assert_eq!(list["indexes"].as_array().map(Vec::len), Some(1));
    assert_eq!(list["unavailable"][0]["details"], json!({"index": "newer"}));
    assert_eq!(other.found(&json!({"vector": [1]})), ["a"]);
    assert_eq!(server.client().get("/readyz").status, 200);
}

#[test]
fn an_index_file_of_a_newer_format_is_named_and_stays_as_it_is() {
    let server = restarted_with(|folder| {
        let path = folder.join("index.json");
        let newer = fs::read_to_string(&path)
            .expect("an index file")
            .replace(r#""format_version": 2"#, r#""format_version": 3, "sharding": "by moon""#);
        fs::write(path, newer).expect("written");
    });
    let path = server.workspace().join("newer/index.json");
    let says = format!("`{}` has format version 3, this release reads up to 2: use a newer one", path.display());
    check_unavailable(&server, &says);
    assert!(fs::read_to_string(path).expect("an index file").contains("by moon"));
}

#[test]
fn a_store_of_a_newer_format_is_named() {
    let server = restarted_with(|folder| {
        // The key of the format version, see indexer/src/store/key.rs: kind 1, number 0.
        append(&newest_log(&folder.join("1/db")), &logged_write(&[1, 0], &3_u32.to_le_bytes()));
    });
    let path = server.workspace().join("newer/1/db");
    let says = format!("shard 1: `{}` has store format 3, this release reads up to 2: use a newer one", path.display());
    check_unavailable(&server, &says);
}

#[test]
fn a_folder_that_was_renamed_by_hand_is_refused() {
    let server = restarted_with(|folder| fs::rename(folder, folder.with_file_name("renamed")).expect("renamed"));
    let renamed = Index::named(&server.client(), "renamed");
    let says = "is of the index `newer`: an index lives in the folder of its name";
    renamed.post("count", &json!({})).refused(ErrorCode::IndexUnavailable, says);
}

#[test]
fn a_shard_of_another_index_is_refused() {
    let server = restarted_with(|folder| {
        let foreign = folder.with_file_name("other").join("0");
        fs::remove_dir_all(folder.join("0")).expect("removed");
        let copied = std::process::Command::new("cp").arg("-r").arg(foreign).arg(folder.join("0")).status();
        assert!(copied.expect("cp").success());
    });
    let path = server.workspace().join("newer/0/db");
    check_unavailable(&server, &format!("shard 0: `{}` holds shard 0 of the index ", path.display()));
}
