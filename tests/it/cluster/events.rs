//! What happens in a cluster, told by any of its routers.

use super::{documents, schema};
use annuli_api::ErrorCode;
use annuli_tests::program::program;
use annuli_tests::{Client, Cluster, Index, Server, wait_until};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// Ids and data of the events that a router tells after that one, up to now.
#[track_caller]
fn told(client: &Client, after: &str) -> Vec<(String, Value)> {
    let answer = client.get(&format!("/v1/events?follow=false&after={after}"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.unwrap_or_else(|| panic!("no {name}: {event:?}")).to_owned()
    };
    let events = answer.text.split_terminator("\n\n");
    events.map(|event| (field(event, "id"), serde_json::from_str(&field(event, "data")).unwrap())).collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, data)| data["event"].as_str().unwrap()).collect()
}

/// Without what processes do: they come as they come.
fn without_nodes(events: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let of_node =
        |data: &Value| data["event"].as_str().unwrap().starts_with("node_") || data["event"] == "coordinator_elected";
    events.into_iter().filter(|(_, data)| !of_node(data)).collect()
}

#[test]
fn what_happened_is_told_in_its_order_and_alike_by_every_router() {
    let cluster = Cluster::with_replicas(1, 1, 2);
    let clients = [cluster.client(0), cluster.client(1)];
    let index = Index::create_named(&clients[0], "faces", &schema());
    index.store(&documents(10));
    cluster.dump(0, "faces");
    cluster.roll_out(1, "faces");
    let from = |client: &Client| {
        // A router does not know what was before it began, and says so first.
        let events = without_nodes(told(client, "0")).into_iter();
        events.skip_while(|(_, data)| data["event"] == "gap").collect::<Vec<_>>()
    };
    let first = from(&clients[0]);
    let want = [
        "index_created",
        "dump_begun",
        "dump_taken",
        "rollout_begun",
        "replica_allowed",
        "replica_ready",
        "generation_official",
    ];
    assert_eq!(names(&first), want);
    assert_eq!(first[6].1, json!({"event": "generation_official", "index": "faces", "generation": 1}));
    wait_until("the other router has seen it too", || from(&clients[1]) == first);
    let (dump_taken, _) = &first[2];
    assert_eq!(without_nodes(told(&clients[1], dump_taken)), first[3..]);
}

#[test]
fn who_follows_events_goes_on_at_another_router_and_learns_at_a_new_one_what_it_does_not_know() {
    let mut cluster = Cluster::start(1, 2);
    let (first, second) = (cluster.client(0), cluster.client(1));
    Index::create_named(&first, "faces", &schema());
    let last = told(&first, "0").pop().unwrap().0;
    cluster.router(0).kill9();
    Index::create_named(&second, "songs", &schema());
    let missed = without_nodes(told(&second, &last));
    assert_eq!(names(&missed), ["index_created"]);
    assert_eq!(missed[0].1["index"], "songs");

    cluster.router(0).restart();
    let first = cluster.client(0);
    let at_first = told(&first, &last);
    assert_eq!(names(&at_first)[0], "gap");
    let (gap, _) = &at_first[0];
    Index::create_named(&second, "films", &schema());
    let events = without_nodes(told(&first, gap));
    assert_eq!(names(&events), ["index_created"]);
    assert_eq!(events[0].1["index"], "films");
    assert_eq!(without_nodes(told(&second, gap)), events);
}

#[test]
fn events_are_followed_until_the_router_ends() {
    let mut cluster = Cluster::start(1, 1);
    let mut command = Command::new(program());
    command.args(["events", "--follow", "--after", "0", "--output", "json", "--url", cluster.client(0).url()]);
    let mut follower = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    // It listens.
    events.next().unwrap();
    Index::create_named(&cluster.client(0), "faces", &schema());
    let created = events.find(|event| event["event"] == "index_created").unwrap();
    assert_eq!(created["index"], "faces");

    assert!(cluster.router(0).sigterm().success());
    let last = events.last().unwrap_or(created);
    assert_eq!(follower.wait().unwrap().code(), Some(1));
    let mut said = String::new();
    follower.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains(&format!("--after {}", last["id"].as_str().unwrap())), "{said}");
}

#[test]
fn an_id_that_is_none_and_a_server_that_is_no_cluster_are_refused() {
    let cluster = Cluster::of_routers(1, 1);
    cluster.client(0).get("/v1/events?after=newest").refused(ErrorCode::InvalidRequest, "as in 17 or 17-1");
    Server::shared().client().get("/v1/events").refused(ErrorCode::InvalidRequest, "this server is no cluster");
}
