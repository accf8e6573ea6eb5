//! Dumps that are not as they were written: refused by whoever reads them, with nothing published.

use super::cli::Dumps;
use super::task;
use crate::model::seed;
use annuli_tests::store_files::{append, cut, flip_bit};
use annuli_tests::{Index, Launch, Server};
use rand::RngExt;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// A workspace with two dumps, each of an index of its own with segments; no server runs.
pub(super) struct Dumped {
    pub(super) server: Server,
    pub(super) dumps: [String; 2],
    folders: [PathBuf; 2],
}

pub(super) fn dumped() -> Dumped {
    let mut server = Launch::new().variable("ANNULI_SEAL_POINTS", "50").start();
    let client = server.client();
    let random = &mut seed::random(3, 0);
    let made = ["one", "two"].map(|name| {
        let index = Index::create_named(&client, name, &json!({"dim": 4, "metric": "euclidean", "shards": 2}));
        let document = |n| {
            let vector: Vec<f32> = (0..4).map(|_| random.random_range(-1.0..1.0)).collect();
            json!({"id": format!("{n}"), "vector": vector, "metadata": {"text": "x".repeat(n)}})
        };
        index.store(&(0..200).map(document).collect());
        index.built();
        let dump = task::dump(&index);
        let uuid = index.info()["uuid"].as_str().unwrap().to_owned();
        let folder = server.workspace().join(".dumps").join(uuid).join(&dump);
        (dump, folder)
    });
    assert!(server.sigterm().success());
    let [(first, first_folder), (second, second_folder)] = made;
    Dumped { server, dumps: [first, second], folders: [first_folder, second_folder] }
}

/// The dump is refused with that error, and the workspace that it was to be restored into is as it was.
#[track_caller]
pub(super) fn check_not_restored(workspace: &Path, dump: &str, says: &str) {
    let into = tempfile::tempdir().unwrap();
    Dumps(workspace).restore(dump, into.path(), "copy", None).refused(says);
    let left: Vec<_> = fs::read_dir(into.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == ".lock"), "left behind: {left:?}");
}

/// Damages the first dump, and sees it refused by `verify` and `restore`; then mends it again.
#[track_caller]
fn check_damage(dumped: &Dumped, file: &str, says: &str, damage: impl Fn(&Path)) {
    let (workspace, dump) = (dumped.server.workspace(), &dumped.dumps[0]);
    let path = dumped.folders[0].join(file);
    let whole = fs::read(&path).unwrap();
    damage(&path);
    Dumps(workspace).call("verify", &[dump]).refused("damaged");
    check_not_restored(workspace, dump, says);
    fs::write(&path, whole).unwrap();
    assert_eq!(Dumps(workspace).call("verify", &[dump]).json()["sound"], true);
}

#[test]
fn a_damaged_archive_is_refused_and_nothing_is_published() {
    let dumped = dumped();
    for percent in [0, 1, 33, 50, 90, 99] {
        check_damage(&dumped, "shard-1.tar.zst", "nothing was restored", |path| flip_bit(path, percent));
    }
    for percent in [0, 50, 99] {
        check_damage(&dumped, "shard-0.tar.zst", "nothing was restored", |path| cut(path, percent));
    }
    let says = "nothing was restored";
    check_damage(&dumped, "shard-0.tar.zst", says, |path| append(path, &[0]));
    check_damage(&dumped, "shard-0.tar.zst", says, |path| fs::remove_file(path).unwrap());
    let (other_shard, other_dump) =
        (dumped.folders[0].join("shard-1.tar.zst"), dumped.folders[1].join("shard-0.tar.zst"));
    check_damage(&dumped, "shard-0.tar.zst", says, |path| {
        fs::copy(&other_shard, path).unwrap();
    });
    check_damage(&dumped, "shard-0.tar.zst", says, |path| {
        fs::copy(&other_dump, path).unwrap();
    });
    check_sound_one_is_restored(&dumped);
}

#[test]
fn a_damaged_manifest_is_refused_and_nothing_is_published() {
    let dumped = dumped();
    for file in ["manifest.json", "manifest.json.blake3"] {
        check_damage(&dumped, file, "damaged", |path| flip_bit(path, 50));
        check_damage(&dumped, file, "damaged", |path| cut(path, 99));
    }
    check_sound_one_is_restored(&dumped);
}

/// After all these refusals the workspace takes a sound dump, and a server runs over it.
fn check_sound_one_is_restored(dumped: &Dumped) {
    let workspace = dumped.server.workspace();
    Dumps(workspace).restore(&dumped.dumps[0], workspace, "copy", Some(1)).json();
    let server = Launch::new().over(workspace).start();
    let names: Vec<_> = server.client().get("/v1/indexes").ok()["indexes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|info| info["name"].clone())
        .collect();
    assert_eq!(names, [json!("copy"), json!("one"), json!("two")]);
    assert_eq!(Index::named(&server.client(), "copy").count(), 200);
}
