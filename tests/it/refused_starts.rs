//! Servers that cannot start: they say why, end with an exit code, and leave everything as it was.

use annuli_tests::program::program;
use annuli_tests::{Index, Launch, Server};
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

/// A server with an index `kept` of one document.
fn server() -> Server {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "kept", &json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1]}]));
    server
}

#[track_caller]
fn check_refused(launch: Launch, code: i32, says: &str) {
    let ended = launch.refused();
    assert_eq!(ended.status.code(), Some(code), "{}", ended.stderr);
    assert!(ended.stderr.contains(says), "it does not say {says:?}: {}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn a_port_in_use_is_named_and_the_workspace_stays_as_it_is() {
    let mut server = server();
    server.sigterm();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let says = format!("cannot listen on {address}: Address already in use");
    check_refused(server.launch().clone().listening_on(&address), 1, &says);
    server.restart();
    assert_eq!(Index::named(&server.client(), "kept").count(), 1);
}

#[test]
fn a_port_in_use_is_noticed_before_a_workspace_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let scratch = tempfile::tempdir().expect("a folder");
    let workspace = scratch.path().join("workspace");
    let address = taken.local_addr().expect("bound").to_string();
    check_refused(Launch::new().over(&workspace).listening_on(&address), 1, "choose another address with --listen");
    assert!(!workspace.exists());
}

#[test]
fn a_workspace_that_is_open_already_is_refused_with_the_process_that_has_it() {
    let mut server = server();
    let says = format!(
        "the workspace `{}` is in use by process {}: stop it, or choose another workspace",
        server.workspace().display(),
        server.pid()
    );
    check_refused(server.launch().clone(), 1, &says);
    let index = Index::named(&server.client(), "kept");
    index.store(&json!([{"id": "b", "vector": [2]}]));
    assert_eq!(index.count(), 2);
    server.kill9();
    server.restart();
    assert_eq!(Index::named(&server.client(), "kept").count(), 2);
}

#[test]
fn aliases_of_a_newer_release_are_refused_and_stay() {
    let mut server = server();
    server.client().put("/v1/aliases/second", &json!({"index": "kept"})).ok();
    server.sigterm();
    let path = server.workspace().join(".aliases.json");
    let newer = fs::read_to_string(&path).expect("aliases").replace(r#""format_version": 2"#, r#""format_version": 3"#);
    fs::write(&path, &newer).expect("written");
    let says = format!("`{}` has format version 3, this release reads up to 2: use a newer one", path.display());
    check_refused(server.launch().clone(), 1, &says);
    assert_eq!(fs::read_to_string(&path).expect("aliases"), newer);
}

#[test]
fn a_workspace_that_is_a_file_is_named() {
    let scratch = tempfile::tempdir().expect("a folder");
    let path = scratch.path().join("workspace");
    fs::write(&path, "mine").expect("written");
    check_refused(Launch::new().over(&path), 1, &format!("cannot make the folder `{}`", path.display()));
    assert_eq!(fs::read_to_string(&path).expect("the file"), "mine");
}

#[test]
fn a_setting_that_is_wrong_is_refused_with_where_it_came_from() {
    let variable = Launch::new().variable("ANNULI_LIMITS__K_MAX", "0");
    let says = "limits.k_max = 0 from environment variable ANNULI_LIMITS__K_MAX: it needs 1 to 1000000";
    check_refused(variable, 78, says);
    let public = Launch::new().listening_on("0.0.0.0:0");
    check_refused(
        public,
        78,
        r#"listen = "0.0.0.0:0" from flag --listen: 0.0.0.0:0 can be reached from other machines"#,
    );
}

#[test]
fn a_secret_that_cannot_be_read_is_named_before_a_shard_is_opened() {
    let scratch = tempfile::tempdir().expect("a folder");
    let workspace = scratch.path().join("workspace");
    let mut indexer = Command::new(program());
    indexer.args(["indexer", "--shard", "0", "--listen", "127.0.0.1:0", "--cluster-secret-file", "nowhere"]);
    indexer.arg("--workspace").arg(&workspace).arg("--coordination").arg(scratch.path().join("coordination"));
    let said = String::from_utf8(indexer.output().expect("it ends").stderr).expect("text");
    assert!(said.contains("cannot read the cluster's secret from `nowhere`"), "{said}");
    assert!(!workspace.exists());
}
