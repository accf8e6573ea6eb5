//! A cluster of fixed hosts: every process is started with one file, and told which of its addresses it has.

use super::{count, documents, nearest, schema};
use annuli_tests::wait::wait_for;
use annuli_tests::{Index, Launch, Role, Server, free_ports};
use serde_json::json;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Addresses that were free a moment ago.
fn addresses<const N: usize>() -> [String; N] {
    let mut ports = free_ports(N.try_into().unwrap())..;
    std::array::from_fn(|_| format!("127.0.0.1:{}", ports.next().unwrap()))
}

fn start(folder: &Path, role: Role, at: &str) -> Server {
    let workspace = folder.join(at.replace(':', "-"));
    let file = folder.join("cluster.toml");
    let launch = Launch::new().role(role).over(&workspace).listening_on(at);
    let launch = launch.argument("--topology").argument(file.to_str().unwrap()).argument("--at").argument(at);
    match role {
        Role::Router => launch.argument("--dump-every").argument("never"),
        Role::Serve | Role::Indexer => launch,
    }
    .start()
}

#[test]
fn a_process_is_told_by_its_address_what_it_does() {
    let folder = TempDir::new().unwrap();
    let [first, second, primary, replica] = addresses();
    let file = format!(
        "coordination = \"agreed\"\nrouters = [\"{first}\", \"{second}\"]\ndumps = \"dumps\"\nsecret_file = \"secret\"\n\n\
         [[shards]]\nprimary = \"{primary}\"\nreplicas = [\"{replica}\"]\n"
    );
    fs::write(folder.path().join("cluster.toml"), file).unwrap();
    fs::write(folder.path().join("secret"), "correct-horse-battery\n").unwrap();
    let first = start(folder.path(), Role::Router, &first);
    let second = start(folder.path(), Role::Router, &second);
    let _primary = start(folder.path(), Role::Indexer, &primary);
    let _replica = start(folder.path(), Role::Indexer, &replica);

    let index = Index::create(&second.client(), &schema());
    index.store(&documents(20));
    for what in ["dumps", "rollouts"] {
        let task = first.client().post(&index.path(&format!("/{what}")), &json!({})).ok();
        let task = task["task"].as_str().unwrap().to_owned();
        let ended = wait_for("the end of a task", || {
            let task = first.client().get(&format!("/v1/tasks/{task}")).ok();
            ["succeeded", "failed"].contains(&task["status"].as_str()?).then_some(task)
        });
        assert_eq!(ended["status"], "succeeded", "{ended}");
    }
    assert_eq!(nearest(&index, 2), ["doc-0", "doc-1"]);
    assert_eq!(count(&index, &json!({})), 20);
    let shown = first.client().get("/v1/cluster").ok();
    let shard = &shown["indexes"][&index.name]["shards"][0];
    assert_eq!((&shard["primary"]["address"], &shard["replicas"][0]["address"]), (&json!(primary), &json!(replica)));
    // Beside the file, wherever they were started.
    for name in ["agreed", "dumps"] {
        assert!(folder.path().join(name).is_dir(), "{name}");
    }
}
