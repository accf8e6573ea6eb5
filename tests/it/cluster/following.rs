//! Replicas that follow: they have what was written without a rollout, and never less than they had.

use super::{count, documents, nearest, schema};
use annuli_tests::raw_http::RawConnection;
use annuli_tests::wait::wait_for;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::{Value, json};

/// A cluster of one shard whose one replica follows, and has generation 1 of an index of a hundred documents.
fn following() -> (Cluster, Index) {
    let mut cluster = Cluster::start(1, 1);
    cluster.start_follower(0, 0);
    let index = Index::create_named(&cluster.client(0), "faces", &schema());
    index.store(&documents(100));
    cluster.dump(0, "faces");
    cluster.roll_out(0, "faces");
    (cluster, index)
}

/// A figure of the replica, of the index `faces`.
fn figure(cluster: &Cluster, name: &str) -> Option<f64> {
    let answer = RawConnection::open(cluster.replica(0, 0).address()).request("GET", "/metrics", "", "").answer();
    let sample = format!(r#"{name}{{index="faces",shard="0"}} "#);
    answer.text.lines().find_map(|line| line.strip_prefix(&sample)).map(|value| value.parse().expect("a number"))
}

fn wait_for_seq(cluster: &Cluster, seq: u64) {
    wait_until("the replica has followed", || figure(cluster, "annuli_following_seq") == Some(seq as f64));
}

fn generation(index: &Index) -> u64 {
    index.client.get("/v1/cluster").ok()["indexes"]["faces"]["generation"].as_u64().unwrap_or(0)
}

/// Nothing but the replica is left to answer: what it has found is its own.
#[test]
fn what_is_written_is_found_at_a_replica_without_a_rollout() {
    let (mut cluster, index) = following();
    index.store(&documents(150));
    index.post("delete", &json!({"ids": ["doc-0", "doc-120"]})).ok();
    let moved = json!({"documents": [{"id": "doc-9", "vector": [0, 0], "metadata": {"moved": true}}]});
    let written = index.post("update", &moved).ok()["as_of"].clone();
    let here = index.seqs()[0];
    wait_for_seq(&cluster, here);
    let known = index.document("doc-9");
    cluster.kill_primary(0);
    assert_eq!((generation(&index), count(&index, &json!({}))), (1, 148));
    assert_eq!(nearest(&index, 3), ["doc-9", "doc-1", "doc-2"]);
    assert_eq!(count(&index, &json!({"filter": {"moved": true}})), 1);
    assert_eq!(index.document("doc-9"), known);
    assert_eq!(index.document("doc-120"), Value::Null);
    let answered = index.post("count", &json!({})).ok()["as_of"].clone();
    assert_eq!(answered, written, "it says what it has");
}

/// The dump is older than what the replica has, and the primary is not there to tell the difference again.
#[test]
fn a_rollout_while_following_never_goes_back() {
    let (mut cluster, index) = following();
    index.store(&documents(120));
    assert_eq!(cluster.dump(0, "faces"), 2);
    index.store(&documents(150));
    let here = index.seqs()[0];
    wait_for_seq(&cluster, here);
    cluster.kill_primary(0);
    let task = cluster.begin_task(0, "faces", "rollouts", &json!({}));
    let ended = wait_for("the end of the rollout", || {
        assert_eq!(count(&index, &json!({})), 150);
        let task = cluster.client(0).get(&format!("/v1/tasks/{task}")).ok();
        ["succeeded", "failed"].contains(&task["status"].as_str()?).then_some(task)
    });
    assert_eq!((&ended["status"], generation(&index)), (&json!("succeeded"), 2));
    assert_eq!((count(&index, &json!({})), nearest(&index, 1)), (150, vec!["doc-0".to_owned()]));
}

#[test]
fn who_is_killed_follows_again() {
    let (mut cluster, index) = following();
    for (documents_of, kill_the_follower) in [(110, true), (120, false), (130, true)] {
        index.store(&documents(documents_of));
        if kill_the_follower {
            cluster.kill_replica(0, 0);
            cluster.start_follower(0, 0);
        } else {
            cluster.kill_primary(0);
            cluster.start_primary(0);
            wait_until("the primary is back", || index.post("index", &body(documents_of + 1)).is_success());
        }
        let here = index.seqs()[0];
        wait_for_seq(&cluster, here);
    }
    cluster.kill_primary(0);
    // It has been started a moment ago, and routers may have yet to hear of it.
    wait_until("the replica answers", || index.post("count", &json!({})).is_success());
    assert_eq!(count(&index, &json!({})), 130);
}

fn body(count: usize) -> Value {
    json!({"documents": documents(count)})
}

/// Its primary has lost what the replica has. What is served stays until the next generation, which is of the new history.
#[test]
fn a_primary_with_another_history_is_followed_from_the_next_generation_on() {
    let (mut cluster, index) = following();
    index.store(&documents(150));
    let here = index.seqs()[0];
    wait_for_seq(&cluster, here);
    cluster.kill_primary(0);
    cluster.take_over(0);
    wait_until("the primary serves", || index.post("count", &json!({"consistency": "primary"})).is_success());
    wait_until("it is followed no longer", || figure(&cluster, "annuli_following") == Some(0.0));
    assert_eq!(count(&index, &json!({})), 150);
    assert!(cluster.replica(0, 0).log().contains("follows its primary no longer"));

    index.store(&documents(130));
    cluster.dump(0, "faces");
    cluster.roll_out(0, "faces");
    index.store(&documents(140));
    let here = index.seqs()[0];
    wait_for_seq(&cluster, here);
    assert_eq!(figure(&cluster, "annuli_following"), Some(1.0));
    cluster.kill_primary(0);
    assert_eq!(count(&index, &json!({})), 140);
}
