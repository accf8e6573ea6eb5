//! What shards are building, as their status says it.

use super::world::{Fake, World};
use super::{far, near};
use annuli_api::ErrorCode;
use serde_json::{Value, json};
use uuid::Uuid;

/// The merge that the fake shard of that number is at.
fn merge(shard: u32) -> Value {
    let status = if shard == 0 { "running" } else { "queued" };
    json!({
        "id": Uuid::from_u128(u128::from(shard) + 1_000),
        "kind": "merge",
        "index": "test",
        "shard": shard,
        "status": status,
        "progress": {"documents_done": 4, "documents_total": 6},
    })
}

#[tokio::test]
async fn builds_of_all_shards_are_tasks_and_those_that_wait_are_queued() {
    let world = World::new(&[near(), far()]);
    assert_eq!(world.get("/v1/tasks").await.body, json!({"tasks": [merge(1), merge(0)]}));
    let id = Uuid::from_u128(1_001);
    assert_eq!(world.get(&format!("/v1/tasks/{id}")).await.body, merge(1));
}

#[tokio::test]
async fn a_build_that_is_over_is_no_task_any_more() {
    let world = World::new(&[near()]);
    let id = Uuid::from_u128(1_001);
    let message = format!("there is no task `{id}`, or it ended long ago; a seal or merge is one while it runs");
    assert_eq!(world.get(&format!("/v1/tasks/{id}")).await.failure(), (404, "task_not_found", message.as_str()));
}

#[tokio::test]
async fn a_shard_that_does_not_answer_hides_no_other_shards_builds() {
    let world = World::new(&[Fake::Fails(ErrorCode::ShardUnavailable), far()]);
    assert_eq!(world.get("/v1/tasks").await.body, json!({"tasks": [merge(1)]}));
    let info = world.get("/v1/indexes/test").await.body;
    let failed = &info["shard_status"][0];
    assert_eq!((&failed["error"]["code"], failed.get("segments")), (&json!("shard_unavailable"), None));
}

#[tokio::test]
async fn an_index_says_what_its_shards_hold_and_build() {
    let info = World::new(&[near()]).get("/v1/indexes/test").await.body;
    let shard = json!({
        "shard": 0,
        "seq": 7,
        "documents": 10,
        "pending": 0,
        "segments": {"count": 2, "documents": 6, "dead": 2, "bytes": 900},
        "tail": {"documents": 4, "in_head": 1},
        "builds": [{
            "task": Uuid::from_u128(1_000),
            "kind": "merge",
            "waits": false,
            "documents": 6,
            "done": 4,
            "running_ms": 1_500,
        }],
    });
    assert_eq!(info["shard_status"], json!([shard]));
}

#[tokio::test]
async fn metrics_are_those_of_the_shards_that_answer() {
    let world = World::new(&[Fake::Fails(ErrorCode::ShardUnavailable), far()]);
    let answer = world.get("/metrics").await;
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    let text = answer.body.as_str().unwrap();
    let line = |line: &str| assert!(text.lines().any(|told| told == line), "{line}\n---\n{text}");
    line(r#"annuli_shard_up{index="test",shard="0"} 0"#);
    line(r#"annuli_shard_up{index="test",shard="1"} 1"#);
    line(r#"annuli_segment_dead_documents{index="test",shard="1"} 2"#);
    line(r#"annuli_write_queue_batches{index="test",shard="1"} 3"#);
    line(r#"annuli_builds_waiting{index="test",kind="merge",shard="1"} 1"#);
    line(r#"annuli_builds_running{index="test",kind="merge",shard="1"} 0"#);
    line(r#"annuli_indexes{state="served"} 1"#);
    line("annuli_requests_in_flight 0");
    assert!(!text.contains(r#"annuli_documents{index="test",shard="0"}"#), "{text}");
}
