//! Commands that work on a workspace, and talk to no server.

use crate::cli::{run, run_in};
use annuli_coordination::{EmbeddedSettings, EmbeddedStore, SystemClock};
use annuli_core::id::IndexUuid;
use annuli_dump::{DumpId, DumpStore, PendingDump};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

const DUMP: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Imports a document as the index `new`.
fn import<'a>(file: &'a Path, workspace: &'a Path) -> Vec<&'a str> {
    fs::write(file, "{\"id\": \"a\", \"vector\": [1, 2]}\n").unwrap();
    vec!["import", text(file), "--index", "new", "--metric", "cosine", "--workspace", text(workspace)]
}

/// They were refused for a key that nobody would have been shown.
#[test]
fn what_talks_to_no_server_needs_no_key_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let (file, workspace) = (folder.path().join("documents.jsonl"), folder.path().join("workspace"));
    let keys =
        [("ANNULI_API_KEY_FILE", "nowhere"), ("ANNULI_CA_FILE", "nowhere"), ("ANNULI_URL", "http://127.0.0.1:1")];
    run_in(&keys, &import(&file, &workspace)).done();
    run_in(&keys, &["dump", "create", "new", "--workspace", text(&workspace)]).done();
    run_in(&keys, &["dump", "list", "--workspace", text(&workspace)]).done();
    let refused = run_in(&keys, &["dump", "create", "new"]);
    assert!(refused.stderr.contains("nowhere"), "{}", refused.stderr);
}

#[test]
fn a_server_is_not_passed_over_where_a_workspace_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (file, workspace) = (folder.path().join("documents.jsonl"), folder.path().join("workspace"));
    let of_dumps = |verb: &'static [&str]| [&["dump"], verb, &["--workspace", text(&workspace)]].concat();
    let commands =
        [import(&file, &workspace), of_dumps(&["create", "new"]), of_dumps(&["restore", DUMP, "--index", "again"])];
    let url = ["--url", "http://127.0.0.1:1"];
    for command in commands {
        for said in [[&command[..], &url].concat(), [&url, &command[..]].concat()] {
            let refused = run(&said);
            assert_eq!(refused.code, 2, "{}", refused.stderr);
            assert!(refused.stderr.contains("--workspace and --url name two places"), "{}", refused.stderr);
        }
    }
    assert!(!workspace.exists());
}

/// The dump of that id was looked for on this machine, and deleted there.
#[test]
fn a_server_is_not_passed_over_where_dumps_are_read_without_one() {
    let url = ["--url", "http://127.0.0.1:1"];
    let of_dumps: [&[&str]; 4] = [&["list"], &["inspect", DUMP], &["verify", DUMP], &["delete", DUMP, "--yes"]];
    for verb in of_dumps {
        for place in [&["--workspace", "nowhere"][..], &["--dumps", "nowhere"], &[]] {
            let refused = run(&[&["dump"], verb, place, &url].concat());
            assert_eq!(refused.code, 2, "{}", refused.stderr);
            assert!(
                refused.stderr.contains("--url: this command reads dumps where they are kept"),
                "{}",
                refused.stderr
            );
        }
    }
    // They have been told to ask the server, which is not there.
    for verb in [&["list", "--online"][..], &["delete", DUMP, "--online", "--yes"]] {
        assert_eq!(run(&[&["dump"], verb, &url].concat()).code, 69);
    }
}

/// An import put its index beside the folders of the processes, and a dump removed the one that they were writing.
#[test]
fn the_folder_of_a_cluster_is_no_workspace() {
    let folder = tempfile::tempdir().unwrap();
    let (file, cluster) = (folder.path().join("documents.jsonl"), folder.path().join("cluster"));
    let dumps = cluster.join("dumps");
    let coordination = cluster.join("coordination");
    fs::create_dir_all(&coordination).unwrap();
    let clock = Arc::new(SystemClock::new());
    let _store = EmbeddedStore::open(&coordination, EmbeddedSettings::default(), clock).unwrap();
    let store = DumpStore::in_folder(&dumps);
    let _under_way = PendingDump::begin(&store, IndexUuid(Uuid::from_u128(7)), DumpId::parse(DUMP).unwrap()).unwrap();
    let create = ["dump", "create", "new", "--workspace", text(&cluster), "--dumps", text(&dumps)];
    for command in [import(&file, &cluster), create.to_vec()] {
        let refused = run(&command);
        assert_eq!(refused.code, 1, "{}", refused.stderr);
        assert!(refused.stderr.contains("is the folder of a whole cluster"), "{}", refused.stderr);
    }
    assert_eq!(store.list().unwrap().len(), 1);
    assert!(!cluster.join(".lock").exists());
}

#[test]
fn a_workspace_is_dumped_where_the_variable_says() {
    let folder = tempfile::tempdir().unwrap();
    let (file, workspace) = (folder.path().join("documents.jsonl"), folder.path().join("workspace"));
    let elsewhere = folder.path().join("elsewhere");
    run(&import(&file, &workspace)).done();
    let create = ["dump", "create", "new", "--workspace", text(&workspace)];
    run_in(&[("ANNULI_DUMPS", text(&elsewhere))], &create).done();
    assert!(elsewhere.is_dir() && !workspace.join(".dumps").exists());
    let listed = run(&["dump", "list", "--dumps", text(&elsewhere)]).done();
    assert!(listed.contains("  new  "), "{listed}");
}
