//! What is built behind searches is in sight: in the index, and as tasks while it runs.

use annuli_tests::wait::wait_for;
use annuli_tests::{Index, Launch};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn batch(random: &mut StdRng, first: usize) -> Value {
    let document = |n| {
        let vector: Vec<f32> = (0..64).map(|_| random.random_range(-1.0..1.0)).collect();
        json!({"id": format!("{n}"), "vector": vector})
    };
    (first..first + 500).map(document).collect()
}

#[test]
fn seals_and_merges_are_tasks_while_they_run() {
    let server = Launch::new().variable("ANNULI_SEAL_POINTS", "1000").start();
    let index = Index::create_named(&server.client(), "index", &json!({"dim": 64, "metric": "cosine"}));
    let random = &mut StdRng::seed_from_u64(36);
    let mut seen = BTreeSet::new();
    for first in (0..8_000).step_by(500) {
        index.store(&batch(random, first));
        look(&index, &mut seen);
    }
    // What was sealed is merged when writes pause; each takes much longer than to look.
    let info = wait_for("the graph", || {
        look(&index, &mut seen);
        let info = index.info();
        // A build is over a moment after searches have its segment.
        let over = info["shard_status"][0].get("builds").is_none();
        (info["status"] == "ready" && over).then_some(info)
    });
    assert_eq!(seen, ["merge", "seal"].map(str::to_owned).into());
    let shard = &info["shard_status"][0];
    assert_eq!(index.client.get("/v1/tasks").ok()["tasks"], json!([]));
    let [in_segments, in_tail] = [&shard["segments"], &shard["tail"]].map(|part| part["documents"].as_u64());
    assert_eq!(in_segments.zip(in_tail).map(|(a, b)| a + b), shard["documents"].as_u64());
    assert!(shard["segments"]["count"].as_u64() >= Some(1) && shard["segments"]["bytes"].as_u64() > Some(0), "{shard}");
    assert_eq!(shard["segments"]["dead"], 0);
}

/// Checks the tasks that there are, and adds their kinds.
#[track_caller]
fn look(index: &Index, seen: &mut BTreeSet<String>) {
    let tasks = index.client.get("/v1/tasks").ok();
    for task in tasks["tasks"].as_array().expect("a list") {
        assert_eq!((&task["index"], &task["shard"]), (&json!("index"), &json!(0)));
        assert!(["queued", "running"].contains(&task["status"].as_str().expect("a status")), "{task}");
        let [done, total] = ["documents_done", "documents_total"].map(|name| task["progress"][name].as_u64());
        assert!(total > Some(0) && done <= total, "{task}");
        seen.insert(task["kind"].as_str().expect("a kind").to_owned());
    }
    for build in index.info()["shard_status"][0]["builds"].as_array().into_iter().flatten() {
        // It may have ended between the two questions.
        let task = index.client.get(&format!("/v1/tasks/{}", build["task"].as_str().expect("an id")));
        assert!(task.status == 404 || task.json["kind"] == build["kind"], "{}", task.text);
    }
}
