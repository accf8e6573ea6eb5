//! Dumps of a cluster, and what its replicas make of them.

use super::{count, documents, nearest, schema};
use annuli_tests::wait::wait_for;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::{Value, json};

#[test]
fn replicas_answer_from_what_was_rolled_out_and_the_primary_from_what_was_written() {
    let cluster = Cluster::with_replicas(2, 2, 2);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    assert_eq!(count(&index, &json!({})), 100);
    assert_eq!(cluster.dump(0, &index.name), 1);
    cluster.roll_out(1, &index.name);
    let written = index.store(&documents(120));
    assert_eq!(count(&index, &json!({})), 100);
    assert_eq!(count(&index, &json!({"consistency": "primary"})), 120);
    assert_eq!(count(&index, &json!({"after": written["as_of"]})), 120);
    assert_eq!(nearest(&index, 2), ["doc-0", "doc-1"]);

    assert_eq!(cluster.dump(1, &index.name), 2);
    assert_eq!(count(&index, &json!({})), 100);
    cluster.roll_out(0, &index.name);
    assert_eq!(count(&index, &json!({})), 120);
}

#[test]
fn what_is_written_reaches_the_replicas_by_itself() {
    let mut cluster = Cluster::with_replicas(2, 1, 0);
    cluster.add_router(&["--dump-every", "1s"]);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(50));
    wait_until("a generation", || generation(&index) >= 1);
    let before = generation(&index);
    index.store(&documents(60));
    wait_until("the next generation", || generation(&index) > before && count(&index, &json!({})) == 60);
}

/// Nobody coordinates for as long as the schedule waits: each who does goes on with what all have seen.
#[test]
fn the_schedule_outlives_its_coordinators() {
    let mut cluster = Cluster::with_replicas(1, 1, 0);
    for _ in 0..2 {
        cluster.add_router(&["--dump-every", "4s", "--coordinator-term", "1s"]);
    }
    let index = Index::create(&cluster.client(0), &schema());
    for documents_of in [50, 60] {
        let before = generation(&index);
        index.store(&documents(documents_of));
        wait_until("the next generation", || {
            generation(&index) > before && count(&index, &json!({})) == documents_of as u64
        });
    }
    let epoch = cluster.client(0).get("/v1/cluster").ok()["epoch"].as_u64().unwrap();
    assert!(epoch > 4, "one after the other has coordinated: {epoch}");
}

#[test]
fn what_has_not_changed_is_not_dumped_again() {
    let mut cluster = Cluster::with_replicas(1, 1, 0);
    cluster.add_router(&["--dump-every", "1s"]);
    let [still, written] = ["still", "written"].map(|name| Index::create_named(&cluster.client(0), name, &schema()));
    still.store(&documents(5));
    wait_until("a generation", || generation(&still) >= 1);
    let before = generation(&still);
    // Each generation of the other is an interval in which this one could have had its own.
    for documents_of in 1..=3 {
        let generation_before = generation(&written);
        written.store(&documents(documents_of));
        wait_until("the next generation", || generation(&written) > generation_before);
    }
    assert_eq!(generation(&still), before);
    assert_eq!(still.client.get(&still.path("/dumps")).ok()["dumps"].as_array().unwrap().len(), 1);
}

#[test]
fn an_index_that_was_deleted_leaves_its_name_to_the_next() {
    let cluster = Cluster::with_replicas(1, 1, 1);
    for documents_of in [30, 20] {
        let index = Index::create_named(&cluster.client(0), "faces", &schema());
        index.store(&documents(documents_of));
        assert_eq!(cluster.dump(0, &index.name), 1);
        cluster.roll_out(0, &index.name);
        assert_eq!(count(&index, &json!({})), documents_of as u64);
        assert!(cluster.client(0).delete("/v1/indexes/faces").is_success());
    }
    let folder = cluster.replica_folder(0, 0).join("faces");
    wait_until("the replica has nothing of it", || !folder.exists());
}

/// The dump is sound. It is of other documents than those that clients find.
#[test]
fn a_generation_that_does_not_find_what_the_official_one_finds_is_not_served() {
    let cluster = Cluster::with_replicas(2, 1, 2);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    let nearer = |number| json!({"id": format!("nearer-{number}"), "vector": [0, 0]});
    index.store(&(0..100).map(nearer).collect());
    cluster.dump(0, &index.name);
    let ended = try_on_searches(&cluster, &index);
    assert_eq!(ended["status"], "failed", "{ended}");
    let canary = &ended["progress"]["canary"];
    // One of the documents of before is as near as the new ones.
    assert!(canary["overlap_percent"].as_u64().unwrap() < 20, "{ended}");
    assert_eq!(canary["failed"], 0, "{ended}");
    assert_eq!(nearest(&index, 2), ["doc-0", "doc-1"]);

    index.post("delete", &json!({"ids": (0..100).map(|number| format!("nearer-{number}")).collect::<Vec<_>>()})).ok();
    cluster.dump(0, &index.name);
    let ended = try_on_searches(&cluster, &index);
    assert_eq!((&ended["status"], &ended["progress"]["canary"]["overlap_percent"]), (&json!("succeeded"), &json!(100)));
    assert_eq!(generation(&index), 3);
}

/// No replica had both, no search failed, and nobody saw an older state after a newer one.
#[test]
fn a_rollout_that_drains_fails_no_search_and_goes_over_once() {
    let cluster = Cluster::with_replicas(1, 2, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    index.store(&documents(120));
    cluster.dump(0, &index.name);
    let task = cluster.begin_task(0, &index.name, "rollouts", &json!({"drain": true}));
    let mut seen = 100;
    let ended = wait_for("the end of the rollout", || {
        assert_eq!(nearest(&index, 2), ["doc-0", "doc-1"]);
        let now = count(&index, &json!({}));
        assert!(now >= seen, "{now} after {seen}");
        seen = now;
        let shown = cluster.client(0).get("/v1/cluster").ok();
        for replica in shown["indexes"][&index.name]["shards"][0]["replicas"].as_array()? {
            assert!(replica["generations"].as_object()?.len() <= 1, "{replica}");
        }
        let task = cluster.client(0).get(&format!("/v1/tasks/{task}")).ok();
        ["succeeded", "failed"].contains(&task["status"].as_str()?).then_some(task)
    });
    assert_eq!(ended["status"], "succeeded", "{ended}");
    assert_eq!(count(&index, &json!({})), 120);
}

/// Rolls out the newest dump, tried on searches that are made meanwhile; returns how it ended.
fn try_on_searches(cluster: &Cluster, index: &Index) -> Value {
    let canary = json!({"canary": {"percent": 100, "searches": 10}});
    let task = cluster.begin_task(1, &index.name, "rollouts", &canary);
    wait_for("the end of the trial", || {
        nearest(index, 10);
        let task = cluster.client(0).get(&format!("/v1/tasks/{task}")).ok();
        ["succeeded", "failed"].contains(&task["status"].as_str()?).then_some(task)
    })
}

fn generation(index: &Index) -> u64 {
    index.client.get("/v1/cluster").ok()["indexes"][&index.name]["generation"].as_u64().unwrap_or(0)
}
