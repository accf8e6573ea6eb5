//! Dumps and restores that are cut off in the middle: what is there is whole.

use super::cli::Dumps;
use super::task;
use crate::crash_loop::wait;
use crate::model::seed;
use annuli_dump::{DumpState, DumpStore, verify_dump};
use annuli_tests::wait::wait_for;
use annuli_tests::{Index, Launch, Server};
use rand::RngExt;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

const DOCUMENTS: usize = 10_000;

/// An index that takes a while to dump and to restore.
fn large(server: &Server) -> Index {
    let index = Index::create_named(&server.client(), "large", &json!({"dim": 32, "metric": "euclidean", "shards": 2}));
    let random = &mut seed::random(9, 0);
    for start in (0..DOCUMENTS).step_by(2_000) {
        let mut document = |n| {
            let vector: Vec<f32> = (0..32).map(|_| random.random_range(-1.0..1.0)).collect();
            json!({"id": format!("{n}"), "vector": vector, "metadata": {"n": n}})
        };
        index.store(&(start..start + 2_000).map(&mut document).collect());
    }
    index
}

/// What is there of dumps is sound or is called incomplete.
fn sound_dumps(workspace: &Path) -> usize {
    let store = DumpStore::in_folder(workspace.join(".dumps"));
    let is_sound = |listed: &annuli_dump::ListedDump| match &listed.state {
        DumpState::Complete(_) => verify_dump(&store.find(listed.dump).unwrap(), &mut |_| {}).is_ok(),
        DumpState::Incomplete => false,
        DumpState::Damaged(error) => panic!("{error}"),
    };
    store.list().unwrap().iter().filter(|listed| is_sound(listed)).count()
}

fn start_dump(index: &Index) -> String {
    let started = index.post("dumps", &json!({})).ok();
    format!("/v1/tasks/{}", started["task"].as_str().expect("a task"))
}

#[test]
fn an_index_that_is_deleted_while_it_is_dumped_leaves_a_whole_dump_or_none() {
    let server = Server::start();
    let index = large(&server);
    let (kept, schema) = (task::dump(&index), json!({"dim": 1, "metric": "cosine"}));
    let running = start_dump(&index);
    index.client.delete(&index.path("")).ok();
    let again = Index::create_named(&index.client, "large", &schema);
    let ended = wait_for("the end of the task", || {
        let task = index.client.get(&running).ok();
        (task["status"] != "running").then_some(task)
    });
    let whole = 1 + usize::from(ended["status"] == "succeeded");
    assert_eq!(sound_dumps(server.workspace()), whole, "{ended}");
    assert_eq!(Dumps(server.workspace()).call("verify", &[&kept]).json()["sound"], true);
    assert_eq!(again.count(), 0);
    let parts: BTreeSet<_> = fs::read_dir(server.workspace())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(parts.iter().all(|name| !name.starts_with(".removed-")), "{parts:?}");
}

#[test]
fn a_server_that_is_told_to_end_while_it_dumps_ends() {
    let mut server = Server::start();
    let index = large(&server);
    start_dump(&index);
    assert!(server.sigterm().success());
    let dumps = sound_dumps(server.workspace());
    server.restart();
    let index = Index::named(&server.client(), "large");
    assert_eq!(index.count(), DOCUMENTS as u64);
    let listed = index.client.get(&index.path("/dumps")).ok();
    assert_eq!(listed["dumps"].as_array().unwrap().len(), dumps);
    for shard in ["0", "1"] {
        let parts: Vec<_> = fs::read_dir(server.workspace().join("large").join(shard)).unwrap().collect();
        assert_eq!(parts.len(), 1, "only `db` is left of shard {shard}: {parts:?}");
    }
}

#[test]
fn a_restore_that_is_killed_has_restored_all_or_nothing() {
    let random = &mut seed::random(seed::seed(7), 0);
    let server = Server::start();
    let dump = task::dump(&large(&server));
    let target = tempfile::tempdir().unwrap();
    let mut restored = Vec::new();
    for round in 0..12 {
        let name = format!("copy-{round}");
        let mut child = Dumps(server.workspace()).start_restore(&dump, target.path(), &name);
        wait(Duration::from_millis(random.random_range(0..600)));
        child.kill().unwrap();
        child.wait().unwrap();
        if target.path().join(&name).exists() {
            restored.push(name);
        }
    }
    let server = Launch::new().over(target.path()).start();
    let client = server.client();
    let list = client.get("/v1/indexes").ok();
    assert_eq!(list.get("unavailable"), None);
    let listed: Vec<_> =
        list["indexes"].as_array().unwrap().iter().map(|info| info["name"].as_str().unwrap()).collect();
    restored.sort();
    assert_eq!(listed, restored);
    for name in &restored {
        assert_eq!(Index::named(&client, name).count(), DOCUMENTS as u64, "`{name}`");
    }
    let left = fs::read_dir(target.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = left.filter(|name| name.starts_with(".new-")).collect();
    assert_eq!(left, Vec::<String>::new(), "what was unfinished is swept");
    eprintln!("{} of 12 restores were done before the kill", restored.len());
}
