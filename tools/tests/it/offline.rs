//! Commands that work on a workspace, and talk to no server.

use crate::cli::{run, run_in};
use std::fs;
use std::path::Path;

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
