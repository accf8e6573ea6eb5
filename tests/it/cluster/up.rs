//! `annuli cluster up`: it starts what the cluster has shards for, and ends what it has not any longer.

use super::{documents, schema};
use annuli_tests::program::program;
use annuli_tests::{Client, Index, free_ports, wait_until};
use serde_json::json;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A cluster that runs, and ends when this is dropped.
struct Up {
    process: Child,
    client: Client,
}

impl Up {
    fn start(folder: &Path, shards: u32) -> Self {
        let address = format!("127.0.0.1:{}", free_ports(1));
        let process = Command::new(program())
            .args(["cluster", "up", "--replicas", "0", "--dump-every", "never", "--listen", &address])
            .args(["--shards", &shards.to_string(), "--workspace"])
            .arg(folder)
            // What an index was before it moved is kept for so long.
            .env("ANNULI_RETIRE_AFTER", "1s")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let up = Self { process, client: Client::new(&format!("http://{address}")) };
        let is_ready = || up.client.try_get("/readyz").is_some_and(|answer| answer.is_success());
        wait_until("a router is ready", is_ready);
        wait_until("a process that holds a shard has joined", || up.shards().is_some());
        up
    }

    fn shards(&self) -> Option<u64> {
        let cluster = self.client.get("/v1/cluster").ok();
        cluster["next"].is_null().then(|| cluster["shards"].as_u64()).flatten()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It ends its processes before itself. It may have ended already.
        let _ = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.process.id())]).status();
        let _ = self.process.wait();
    }
}

#[test]
fn a_cluster_on_one_machine_grows_by_one_command_and_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), 1);
    let index = Index::create(&up.client, &schema());
    index.store(&documents(50));
    assert_eq!(up.shards(), Some(1));
    up.client.post("/v1/cluster/reshard", &json!({"shards": 2})).ok();
    wait_until("the cluster has two shards", || up.shards() == Some(2));
    assert_eq!((index.info()["shards"].as_u64(), index.count()), (Some(2), 50));
    // Those of before are ended: the one that held the shard says so last.
    let log = folder.path().join("logs/primary-0.log");
    let has_ended = || std::fs::read_to_string(&log).unwrap().contains("closing the shards");
    wait_until("the old primary has ended", has_ended);
    drop(up);

    let up = Up::start(folder.path(), 1);
    let index = Index::named(&up.client, &index.name);
    wait_until("both shards are there", || index.post("count", &json!({})).is_success());
    assert_eq!((up.shards(), index.count()), (Some(2), 50));
}
