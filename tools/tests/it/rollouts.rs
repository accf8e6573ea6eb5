//! `annuli rollout`, `task`, `cluster show` and `coordinator`, on servers that the tests make up.

use crate::cli::run_with;
use crate::server::{Answer, Seen, Server};
use serde_json::{Value, json};

const TASK: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const REPLICA: &str = "01890a5d-ac96-774b-bcce-b302099a8099";

fn rollout(status: &str, ready: u32) -> Value {
    json!({
        "id": TASK, "kind": "rollout", "index": "faces", "status": status,
        "progress": {"replicas_ready": ready, "replicas_total": 1}, "result": {"generation": 2, "dump": TASK},
    })
}

fn cluster(state: &str) -> Value {
    json!({
        "coordinator": "router at 127.0.0.1:7700", "epoch": 7,
        "indexes": {"faces": {"generation": 1, "preparing": 2, "shards": [{
            "shard": 0, "primary": {"address": "127.0.0.1:7710", "state": "ready"},
            "replicas": [{"id": REPLICA, "address": "127.0.0.1:7720", "generations": {"1": "ready", "2": state}}],
        }]}},
    })
}

/// A cluster whose rollout is under way, then as told.
fn rolling(ended: Value) -> Server {
    Server::start(move |seen: &Seen, before| match seen.call.as_str() {
        "GET /v1/cluster" => Answer::ok(&cluster(if before < 6 { "fetching, 40 %" } else { "ready" })),
        "GET /v1/aliases" => Answer::ok(&json!({"aliases": {"people": "faces"}})),
        "GET /v1/tasks" => Answer::ok(&json!({"tasks": [rollout("running", 0)]})),
        "POST /v1/indexes/faces/rollouts" => Answer::ok(&json!({"task": TASK})),
        _ if before < 6 => Answer::ok(&rollout("running", 0)),
        _ => Answer::ok(&ended),
    })
}

#[test]
fn a_rollout_is_watched_by_its_changes() {
    let server = rolling(rollout("succeeded", 1));
    let text = run_with(&server, &["rollout", "watch", "people"]).done();
    let lines: Vec<_> = text.lines().collect();
    let expected = [
        "rollout of generation 2 of index `faces`: running",
        "shard 0  127.0.0.1:7720  fetching, 40 %",
        "rollout of generation 2 of index `faces`: succeeded",
        "shard 0  127.0.0.1:7720  ready",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn who_waits_for_a_rollout_learns_by_the_exit_code_how_it_ended() {
    let done = run_with(&rolling(rollout("succeeded", 1)), &["rollout", "start", "faces", "--wait"]).done();
    assert!(done.contains(TASK) && done.contains("succeeded"), "{done}");
    let mut failed = rollout("failed", 0);
    failed["error"] =
        json!({"code": "shard_unavailable", "message": "the replica of shard 0 is broken", "details": {}});
    for how in ["--wait", "--watch"] {
        let run = run_with(&rolling(failed.clone()), &["rollout", "start", "faces", how, "--output", "json"]);
        assert_eq!(run.code, 1);
        let why = format!("error: rollout {TASK} of index `faces` has failed: the replica of shard 0 is broken\n");
        assert_eq!(run.stderr, why);
        assert_eq!(serde_json::from_str::<Value>(&run.stdout).unwrap(), failed);
    }
    let back = run_with(&rolling(rollout("rolled_back", 0)), &["task", "wait", TASK]);
    assert_eq!((back.code, back.stderr), (1, format!("error: rollout {TASK} of index `faces` was rolled back\n")));
}

#[test]
fn what_is_asked_of_a_rollout_is_sent_as_it_was_said() {
    let server = rolling(rollout("succeeded", 1));
    let arguments = ["rollout", "start", "faces", "--generation", "2", "--max-unavailable", "3", "--approve"];
    let tried = ["--canary", "5%", "--canary-floor", "90%", "--canary-searches", "50"];
    let text = run_with(&server, &[&arguments[..], &tried].concat()).done();
    assert_eq!(text, format!("the rollout is task {TASK}\n"));
    let canary = json!({"percent": 5, "floor_percent": 90, "searches": 50});
    assert_eq!(
        server.seen()[0].body,
        json!({"generation": 2, "max_unavailable": 3, "approve": true, "canary": canary})
    );
    for word in ["pause", "resume", "rollback"] {
        let server = rolling(rollout("succeeded", 1));
        run_with(&server, &["rollout", word, "faces", TASK]).done();
        let said = format!("POST /v1/indexes/faces/rollouts/{TASK}/{word}");
        assert!(server.calls().contains(&said), "{:?}", server.calls());
    }
}

#[test]
fn a_plan_is_printed_and_asked_for_as_one() {
    let replica = json!({"shard": 0, "id": REPLICA, "address": "127.0.0.1:7720"});
    let steps = json!([{"step": "prepare", "replicas": [replica]}, {"step": "flip", "from": 1}]);
    let plan = json!({"generation": 2, "dump": TASK, "waits_for": [], "steps": steps});
    let answer = plan.clone();
    let server = Server::start(move |_, _| Answer::ok(&answer));
    let text = run_with(&server, &["rollout", "start", "faces", "--plan"]).done();
    assert!(text.contains("   1  prepare on, at once\n        shard 0  127.0.0.1:7720\n"), "{text}");
    assert!(text.contains("   2  serve generation 2 in place of 1\n"), "{text}");
    assert_eq!(server.seen()[0].body, json!({"plan": true}));
    let json = run_with(&server, &["rollout", "start", "faces", "--plan", "--output", "json"]).json();
    assert_eq!(json, plan);
}

#[test]
fn an_index_that_was_never_rolled_out_says_what_to_do() {
    let server = rolling(rollout("succeeded", 1));
    let none = run_with(&server, &["rollout", "status", "songs"]);
    assert_eq!(none.code, 1);
    let says = "error: index `songs` has no rollout: start one with `annuli rollout start songs`\n";
    assert_eq!(none.stderr, says);
}

#[test]
fn a_cluster_is_shown_with_everybody_in_it() {
    let server = rolling(rollout("succeeded", 1));
    let text = run_with(&server, &["cluster", "show"]).done();
    let expected = "the router at 127.0.0.1:7700 coordinates, in epoch 7

index  generation  shard  role     address         state
faces           1      0  primary  127.0.0.1:7710  ready
faces           1      0  replica  127.0.0.1:7720  1 ready; 2 fetching, 40 %

generation 2 of index `faces` is being rolled out
";
    assert_eq!(text, expected);
    assert_eq!(run_with(&server, &["cluster", "show", "--output", "json"]).json(), cluster("fetching, 40 %"));
    let coordinator = run_with(&server, &["coordinator", "show", "--output", "json"]).json();
    assert_eq!(coordinator, json!({"coordinator": "router at 127.0.0.1:7700", "epoch": 7}));
}

#[test]
fn what_was_compared_of_live_searches_is_shown() {
    let mut tried = rollout("succeeded", 1);
    tried["progress"]["canary"] = json!({
        "searches": 34, "searches_wanted": 100, "failed": 0, "overlap_percent": 97, "floor_percent": 80,
        "official_micros": 800, "candidate_micros": 950,
    });
    let compared = "34 of 100 searches compared: 97 % of the hits in common, 0 failed, 950 µs beside 800 µs";
    let shown = run_with(&rolling(tried.clone()), &["rollout", "watch", "people"]).done();
    assert!(shown.lines().any(|line| line == compared), "{shown}");
}

#[test]
fn tasks_are_listed_and_the_open_ones_apart() {
    let tasks = json!({"tasks": [rollout("running", 0), rollout("succeeded", 1)]});
    let server = Server::start(move |_, _| Answer::ok(&tasks));
    let all = run_with(&server, &["task", "list"]).done();
    assert_eq!(all.lines().count(), 3, "{all}");
    assert!(all.contains("0 of 1 replicas"), "{all}");
    let open = run_with(&server, &["task", "list", "--open", "--index", "faces", "--output", "json"]).json();
    assert_eq!(open["tasks"], json!([rollout("running", 0)]));
    assert_eq!(run_with(&server, &["task", "list", "--index", "songs"]).done(), "no tasks\n");
}

#[test]
fn a_server_that_is_no_cluster_says_so() {
    let server = Server::start(|_, _| Answer::refusal(422, "invalid_request", "this server is no cluster"));
    let refused = run_with(&server, &["coordinator", "step-down"]);
    assert_eq!(refused.code, 1);
    assert_eq!(refused.stderr, "error: this server is no cluster (invalid_request, HTTP 422)\n");
}

#[test]
fn events_are_printed_a_line_each_and_who_follows_learns_where_to_go_on() {
    let told = "id: 17-1\nevent: alias_removed\ndata: {\"event\":\"alias_removed\",\"alias\":\"people\"}\n\nid: 20\n: alive\n\n";
    let server = Server::start(move |_, _| Answer::text(200, told));
    let table = run_with(&server, &["events"]).done();
    assert_eq!(table, "17-1        alias_removed         alias=people\n");
    let json = run_with(&server, &["events", "--after", "16", "--output", "json"]).json();
    assert_eq!(json, json!({"id": "17-1", "event": "alias_removed", "alias": "people"}));
    let followed = run_with(&server, &["events", "--follow"]);
    assert_eq!((followed.code, followed.stdout), (1, table));
    let says = format!("error: {} tells nothing more: go on there or at another router with --after 20\n", server.url);
    assert_eq!(followed.stderr, says);
    let asked = ["?after=0&follow=false", "?after=16&follow=false", "?follow=true"];
    assert_eq!(server.calls(), asked.map(|query| format!("GET /v1/events{query}")));
}
