//! A restore that must not happen, and changes nothing.

use super::cli::Dumps;
use super::task;
use annuli_tests::{Index, Server};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A server with one index and an alias of it.
fn server() -> (Server, Index) {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "taken", &json!({"dim": 2, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1, 2]}, {"id": "nginx", "vector": [3, 4]}]));
    index.client.put("/v1/aliases/second", &json!({"index": "taken"})).ok();
    (server, index)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// All that a client can see.
fn seen(server: &Server) -> [Value; 3] {
    let client = server.client();
    let mut indexes = client.get("/v1/indexes").ok();
    for info in indexes["indexes"].as_array_mut().unwrap() {
        info["status"] = Value::Null;
    }
    [indexes, client.get("/v1/aliases").ok(), json!(Index::named(&client, "taken").documents())]
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let (mut server, index) = server();
    let dump = task::dump(&index);
    let before = seen(&server);
    assert!(server.sigterm().success());
    let folders = names(server.workspace());
    for name in ["taken", "second"] {
        let says = format!("index or alias `{name}` exists");
        Dumps(server.workspace()).restore(&dump, server.workspace(), name, None).refused(&says);
        assert_eq!(names(server.workspace()), folders);
    }
    let way = server.workspace().join("beside");
    fs::create_dir_all(way.join("mine")).unwrap();
    Dumps(server.workspace())
        .restore(&dump, server.workspace(), "beside", None)
        .refused("beside` is there and is no index");
    assert_eq!(names(&way), ["mine"]);
    server.restart();
    assert_eq!(seen(&server), before);
}

#[test]
fn a_dump_is_restored_beside_its_original() {
    let (mut server, index) = server();
    let dump = task::dump(&index);
    let before = seen(&server);
    assert!(server.sigterm().success());
    Dumps(server.workspace()).restore(&dump, server.workspace(), "beside", Some(3)).json();
    server.restart();
    let client = server.client();
    let [original, beside] = ["taken", "beside"].map(|name| Index::named(&client, name));
    assert_ne!(original.info()["uuid"], beside.info()["uuid"]);
    assert_eq!(original.count(), beside.count());
    beside.post("delete", &json!({"ids": ["a"]})).ok();
    client.delete(&beside.path("")).ok();
    assert_eq!(seen(&server), before, "what happens to the copy does not touch the original");
}

#[test]
fn a_workspace_that_a_server_holds_is_refused_naming_the_server() {
    let (server, index) = server();
    let dump = task::dump(&index);
    let (before, folders) = (seen(&server), names(server.workspace()));
    let dumps = Dumps(server.workspace());
    let says = format!("is in use by process {}", server.pid());
    dumps.restore(&dump, server.workspace(), "copy", None).refused(&says);
    dumps.call("create", &["taken"]).refused(&says);
    assert_eq!((seen(&server), names(server.workspace())), (before, folders));
}

#[test]
fn a_dump_of_what_is_not_there_is_refused() {
    let (mut server, index) = server();
    assert!(server.sigterm().success());
    let dumps = Dumps(server.workspace());
    dumps.call("create", &["absent"]).refused("there is no index `absent`");
    let nowhere = tempfile::tempdir().unwrap();
    let workspace = nowhere.path().join("absent");
    Dumps(&workspace).call("create", &["taken"]).refused("absent");
    assert!(!workspace.exists(), "nothing is made by asking for what is not there");
    let never = "01890a5d-ac96-774b-bcce-b302099a8057";
    dumps.restore(never, &workspace, "copy", None).refused(never);
    assert!(!workspace.exists(), "nothing is made by asking for what is not there");
    drop(index);
}

/// A restore reads its own workspace's other indexes: one of them that is damaged does not keep it.
#[test]
fn a_damaged_neighbour_does_not_keep_a_dump_from_being_restored() {
    let (mut server, index) = server();
    let dump = task::dump(&index);
    assert!(server.sigterm().success());
    fs::write(server.workspace().join("taken/index.json"), "{}").unwrap();
    Dumps(server.workspace()).restore(&dump, server.workspace(), "taken", None).refused("`taken` exists");
    Dumps(server.workspace()).restore(&dump, server.workspace(), "again", None).json();
    server.restart();
    assert_eq!(Index::named(&server.client(), "again").count(), 2);
}
