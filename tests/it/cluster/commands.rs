//! The command line, beside a real cluster.

use super::{documents, schema};
use annuli_api::ErrorCode;
use annuli_tests::program::program;
use annuli_tests::{Cluster, Index, wait_until};
use serde_json::{Value, json};
use std::process::{Command, Output};
use ureq::http::Method;

/// What a command says and how it ends, asked of a router.
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run(cluster: &Cluster, router: usize, arguments: &[&str]) -> Run {
    let mut command = Command::new(program());
    let url = cluster.client(router).url().to_owned();
    let Output { status, stdout, stderr } = command.env("ANNULI_URL", url).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
}

#[track_caller]
fn done(cluster: &Cluster, router: usize, arguments: &[&str]) -> String {
    let Run { code, stdout, stderr } = run(cluster, router, arguments);
    assert_eq!(code, 0, "{arguments:?}: {stderr}");
    stdout
}

#[track_caller]
fn asked(cluster: &Cluster, router: usize, arguments: &[&str]) -> Value {
    serde_json::from_str(&done(cluster, router, &[arguments, &["--output", "json"]].concat())).unwrap()
}

/// A cluster of two shards with two replicas each, whose index `faces` has one dump.
fn dumped() -> Cluster {
    let cluster = Cluster::with_replicas(2, 2, 2);
    let index = Index::create_named(&cluster.client(0), "faces", &schema());
    index.store(&documents(50));
    let dump = asked(&cluster, 0, &["dump", "create", "faces"]);
    assert_eq!(dump["result"]["generation"], 1);
    cluster
}

#[test]
fn a_plan_has_no_effect_and_names_every_replica() {
    let cluster = dumped();
    wait_until("all replicas are there", || {
        let shown = asked(&cluster, 0, &["cluster", "show"]);
        let shards = shown["indexes"]["faces"]["shards"].as_array().unwrap().clone();
        shards.iter().all(|shard| shard["replicas"].as_array().unwrap().len() == 2)
    });
    let before = asked(&cluster, 0, &["task", "list"]);
    let plan = asked(&cluster, 1, &["rollout", "start", "faces", "--plan"]);
    let steps: Vec<_> = plan["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!((&plan["generation"], steps), (&Value::from(1), vec!["prepare", "prepare", "flip"]));
    for step in 0..2 {
        assert_eq!(plan["steps"][step]["replicas"].as_array().unwrap().len(), 2, "{plan}");
    }
    assert_eq!(asked(&cluster, 0, &["task", "list"]), before);
    assert_eq!(asked(&cluster, 0, &["cluster", "show"])["indexes"]["faces"].get("generation"), None);
}

#[test]
fn a_rollout_is_begun_agreed_to_watched_and_rolled_back_by_commands() {
    let cluster = dumped();
    let started = asked(&cluster, 0, &["rollout", "start", "faces", "--approve"]);
    let id = started["task"].as_str().unwrap();
    // The other router may hear of it a moment later.
    wait_until("approval is waited for", || {
        let shown = run(&cluster, 1, &["rollout", "status", "faces", "--output", "json"]);
        shown.code == 0 && shown.stdout.contains(r#""status": "paused""#)
    });
    assert_eq!(asked(&cluster, 1, &["cluster", "show"])["indexes"]["faces"]["preparing"], 1);
    done(&cluster, 1, &["rollout", "resume", "faces", id]);
    let lines = done(&cluster, 0, &["rollout", "watch", "faces", id]);
    assert!(lines.contains("rollout of generation 1 of index `faces`: succeeded\n"), "{lines}");
    assert_eq!(asked(&cluster, 0, &["cluster", "show"])["indexes"]["faces"]["generation"], 1);

    let back = done(&cluster, 1, &["rollout", "rollback", "faces"]);
    assert!(back.contains("index `faces` was rolled back: nothing is rolled out until somebody"), "{back}");
    let over = run(&cluster, 1, &["task", "wait", id]);
    assert_eq!((over.code, over.stderr), (1, format!("error: rollout {id} of index `faces` was rolled back\n")));
    let again = run(&cluster, 0, &["rollout", "pause", "faces", id]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("task_conflict"), "{}", again.stderr);
}

#[test]
fn a_coordinator_that_steps_down_leaves_its_work_to_the_next() {
    let cluster = dumped();
    let before = asked(&cluster, 0, &["coordinator", "show"]);
    let stepped = asked(&cluster, 0, &["coordinator", "step-down"]);
    assert_eq!(stepped, before);
    wait_until("another epoch", || {
        let now = asked(&cluster, 1, &["coordinator", "show"]);
        now["epoch"].as_u64() > before["epoch"].as_u64() && !now["coordinator"].is_null()
    });
    assert_eq!(done(&cluster, 1, &["rollout", "start", "faces", "--wait"]).lines().count(), 2);
}

#[test]
fn what_changes_a_cluster_is_not_taken_from_a_page_in_a_browser() {
    let cluster = dumped();
    let client = cluster.client(0);
    let id = cluster.begin_task(0, "faces", "rollouts", &json!({"approve": true}));
    let rollback = format!("/v1/indexes/faces/rollouts/{id}/rollback");
    for path in ["/v1/cluster/coordinator/step-down", rollback.as_str()] {
        let answer = client.try_send(Method::POST, path, None).unwrap();
        answer.refused(ErrorCode::UnsupportedMediaType, "content-type: application/json");
    }
}

#[test]
fn dumps_of_a_cluster_are_listed_and_deleted_through_it() {
    let cluster = dumped();
    let second = asked(&cluster, 0, &["dump", "create", "faces"])["result"]["dump"].as_str().unwrap().to_owned();
    let listed = asked(&cluster, 0, &["dump", "list", "--online"]);
    let numbers: Vec<_> = listed["dumps"].as_array().unwrap().iter().map(|dump| &dump["generation"]).collect();
    assert_eq!(numbers, [1, 2]);
    done(&cluster, 0, &["rollout", "start", "faces", "--wait"]);
    let served = run(&cluster, 0, &["dump", "delete", &second, "--online", "--yes"]);
    assert_eq!(served.code, 1);
    assert!(served.stderr.contains("dump_in_use"), "{}", served.stderr);
    let first = listed["dumps"][0]["dump"].as_str().unwrap();
    done(&cluster, 0, &["dump", "delete", first, "--online", "--yes"]);
    let left = asked(&cluster, 0, &["dump", "list", "--online", "--index", "faces"]);
    assert_eq!(left["dumps"].as_array().unwrap().len(), 1);
}
