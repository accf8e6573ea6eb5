//! A cluster moves to another number of shards while it is searched and written.

use super::{count, documents, schema};
use annuli_api::ErrorCode;
use annuli_tests::{Client, Cluster, Freshness, Index, Load, wait_until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Documents that the writer writes, again and again.
const WRITTEN: usize = 300;

/// A cluster whose routers let go of what was before within a second.
fn cluster(shards: usize, replicas: usize, routers: usize) -> Cluster {
    let mut cluster = Cluster::with_replicas(shards, replicas, 0);
    for _ in 0..routers {
        cluster.add_router(&["--dump-every", "never", "--retire-after", "1s"]);
    }
    cluster
}

fn ask(client: &Client, shards: usize) -> Value {
    client.post("/v1/cluster/reshard", &json!({"shards": shards})).ok()
}

fn wait_until_moved(client: &Client, shards: u64) {
    wait_until("the cluster has moved", || {
        let cluster = client.get("/v1/cluster").ok();
        (cluster["shards"].as_u64(), cluster["next"].is_null()) == (Some(shards), true)
    });
}

/// How far the index is that moves; `None`: none does.
fn stage(client: &Client) -> Option<String> {
    let tasks = client.get("/v1/tasks").ok();
    let is_open =
        |task: &&Value| task["kind"] == "reshard" && (task["status"] == "running" || task["status"] == "queued");
    let task = tasks["tasks"].as_array()?.iter().find(is_open)?;
    Some(task["result"]["stage"].as_str()?.to_owned())
}

/// Waits until it is at one of these, or has moved.
fn wait_for_stage(client: &Client, stages: &[&str], shards: u64) {
    wait_until("the index is on its way", || {
        let moved = client.get("/v1/cluster").ok()["shards"].as_u64() == Some(shards);
        moved || stage(client).is_some_and(|stage| stages.contains(&&*stage))
    });
}

/// A client that writes and deletes a few documents all the time, and repeats each write until it is acknowledged.
struct Writer {
    stop: Arc<AtomicBool>,
    work: JoinHandle<Written>,
}

/// What stands there in the end, as far as the writer knows.
#[derive(Default)]
struct Written {
    documents: BTreeMap<String, Value>,
    acknowledged: u64,
    refused: BTreeMap<String, u64>,
    /// The longest that one write took until it was acknowledged.
    longest: Duration,
}

impl Writer {
    fn start(client: &Client, index: &str) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (index, told) = (Index::named(client, index), Arc::clone(&stop));
        Self { stop, work: thread::spawn(move || write(&index, &told)) }
    }

    fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.work.join().expect("it takes a failure for an answer")
    }
}

fn write(index: &Index, stop: &AtomicBool) -> Written {
    let mut written = Written::default();
    for number in 0_usize.. {
        let id = format!("w-{}", number * 7919 % WRITTEN);
        let (endpoint, body) = if number % 5 == 4 {
            written.documents.remove(&id);
            ("delete", json!({"ids": [id]}))
        } else {
            let vector = json!([number, 1]);
            written.documents.insert(id.clone(), vector.clone());
            ("index", json!({"documents": [{"id": id, "vector": vector}]}))
        };
        let began = now();
        loop {
            let answer = index.post(endpoint, &body);
            if answer.is_success() {
                break;
            }
            *written.refused.entry(answer.code().to_owned()).or_default() += 1;
        }
        written.longest = written.longest.max(now().duration_since(began));
        written.acknowledged += 1;
        if stop.load(Ordering::Relaxed) {
            return written;
        }
    }
    written
}

#[expect(clippy::disallowed_methods, reason = "how long a write took, which is reported and not judged")]
fn now() -> Instant {
    Instant::now()
}

/// Each document is there once, as it was written last, and no other.
#[track_caller]
fn check(index: &Index, stored: usize, written: &Written) {
    let mut found = BTreeMap::new();
    for document in index.documents() {
        let id = document["id"].as_str().expect("an id").to_owned();
        let before = found.insert(id.clone(), document["vector"].clone());
        assert_eq!(before, None, "`{id}` is there twice");
    }
    let vector = |vector: &Value| -> Vec<u64> {
        let components = vector.as_array().expect("a vector").iter();
        components.map(|component| component.as_f64().expect("a number").to_bits()).collect()
    };
    let of_stored = (0..stored).map(|number| (format!("doc-{number}"), json!([number, 0])));
    let expected: BTreeMap<_, _> = of_stored.chain(written.documents.clone()).collect();
    let comparable = |documents: &BTreeMap<String, Value>| -> BTreeMap<String, Vec<u64>> {
        documents.iter().map(|(id, found)| (id.clone(), vector(found))).collect()
    };
    assert_eq!(comparable(&found), comparable(&expected));
}

#[test]
fn a_cluster_grows_while_it_is_searched_and_written_and_processes_are_killed() {
    let mut cluster = cluster(2, 1, 3);
    let (client, routers) = (cluster.client(0), [cluster.client(0), cluster.client(1)]);
    let index = Index::create(&client, &schema());
    let alias = json!({"index": index.name});
    assert!(client.put(&format!("/v1/aliases/{}-alias", index.name), &alias).is_success());
    let token = index.store(&documents(1_000))["as_of"].clone();
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    // The one that will be killed is one that no client asks.
    wait_until("the third router coordinates", || {
        let is_it = cluster.coordinator() == 2;
        is_it || !client.post("/v1/cluster/coordinator/step-down", &json!({})).is_success()
    });

    let (writer, load) = (Writer::start(&client, &index.name), Load::start(&routers, &index.name, 1, Freshness::Any));
    let before = load.searched();
    assert_eq!(ask(&client, 3)["next"]["shards"], 3);
    cluster.start_next_primaries(3);
    wait_for_stage(&client, &["restoring", "forwarding", "sealed"], 3);
    cluster.kill_next_primary(1);
    cluster.start_next_primary(1, 3);
    wait_for_stage(&client, &["forwarding", "sealed"], 3);
    cluster.router(2).kill9();
    wait_until_moved(&client, 3);
    wait_until("it is searched on", || load.searched() > before + 200);
    let (seen, written) = (load.stop(), writer.stop());

    eprintln!(
        "{} searches, {} writes, the longest until it was acknowledged {:?}, refused meanwhile {:?}",
        seen.searched.answered, written.acknowledged, written.longest, written.refused
    );
    assert_eq!(seen.searched.failed, 0, "{:#?}", seen.searched.failures);
    assert_eq!(index.info()["shards"], 3);
    index.post("count", &json!({"after": token})).refused(ErrorCode::StaleToken, "the index of this name now has");
    // What was there before is stopped, and nobody misses it.
    cluster.only_next_primaries();
    let load = seen.wrote.acknowledged;
    let removed: Vec<_> = (0..load).map(|number| format!("load-{number}")).collect();
    for ids in removed.chunks(1_000) {
        index.post("delete", &json!({"ids": ids})).ok();
    }
    check(&index, 1_000, &written);
    assert_eq!(Index::named(&client, &format!("{}-alias", index.name)).count(), index.count());
}

#[test]
fn a_cluster_shrinks_and_its_indexes_are_dumped_and_rolled_out_as_before() {
    let mut cluster = cluster(3, 0, 1);
    let client = cluster.client(0);
    let index = Index::create(&client, &schema());
    let other = Index::create(&client, &schema());
    index.store(&documents(200));
    let writer = Writer::start(&client, &index.name);
    ask(&client, 2);
    cluster.start_next_primaries(2);
    wait_until_moved(&client, 2);
    let written = writer.stop();
    cluster.only_next_primaries();
    check(&index, 200, &written);
    other.store(&documents(10));
    assert_eq!((other.info()["shards"].as_u64(), other.count()), (Some(2), 10));
    assert_eq!(Index::create(&client, &schema()).info()["shards"], 2);
    assert_eq!(cluster.dump(0, &other.name), 1);
    // As often as one likes.
    ask(&client, 3);
    cluster.start_next_primaries(3);
    wait_until_moved(&client, 3);
    check(&index, 200, &written);
    assert_eq!(other.count(), 10);
}

#[test]
fn a_cluster_stays_as_it_is_if_somebody_says_so_in_time() {
    let mut cluster = cluster(1, 0, 1);
    let client = cluster.client(0);
    let index = Index::create(&client, &schema());
    index.store(&documents(50));
    let refused = |shards: usize, says: &str| {
        client.post("/v1/cluster/reshard", &json!({"shards": shards})).refused(ErrorCode::InvalidRequest, says);
    };
    refused(1, "the cluster has 1 shards");
    refused(0, "");
    ask(&client, 2);
    ask(&client, 2);
    let other = client.post("/v1/cluster/reshard", &json!({"shards": 3}));
    other.refused(ErrorCode::TaskConflict, "the cluster moves to 2 shards");
    // One of two primaries: nothing is begun.
    cluster.start_next_primary(0, 2);
    let primaries = || client.get("/v1/cluster").ok()["next"]["primaries"].as_u64();
    wait_until("it is there", || primaries() == Some(1));
    assert_eq!(stage(&client), None);
    let cancelled = client.delete("/v1/cluster/reshard").ok();
    assert_eq!(cancelled, json!({"shards": 1}));
    let says = || cluster.next_primary(0).log().contains("is none of them: stop this process");
    wait_until("the process says that it is of no more use", says);
    assert_eq!(count(&index, &json!({})), 50);
    index.store(&documents(60));
    assert_eq!(count(&index, &json!({})), 60);
}
