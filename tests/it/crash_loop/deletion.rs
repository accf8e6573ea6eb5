//! The deletion of an index is one step: a crash leaves the index with its aliases, or neither.

use super::wait;
use crate::model::seed;
use annuli_tests::{Index, Server};
use rand::RngExt;
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;
use ureq::http::Method;

/// Deletions that are cut off. One in some ten meets the moment between two files.
const ROUNDS: usize = 30;

/// Longer than a deletion takes.
const LONGEST: Duration = Duration::from_millis(15);

#[test]
fn a_deletion_that_is_cut_off_takes_the_index_with_its_aliases_or_neither() {
    let random = &mut seed::random(seed::seed(8), 0);
    let mut server = Server::start();
    let (mut taken, mut left) = (0, 0);
    for _ in 0..ROUNDS {
        let client = server.client();
        let doomed = Index::create_named(&client, "doomed", &json!({"dim": 1, "metric": "euclidean", "shards": 2}));
        for alias in ["first", "second"] {
            client.put(&format!("/v1/aliases/{alias}"), &json!({"index": "doomed"})).ok();
        }
        let moment = random.random_range(Duration::ZERO..LONGEST);
        thread::scope(|scope| {
            // Whether an answer comes is not what is looked at.
            scope.spawn(|| drop(client.try_send(Method::DELETE, &doomed.path(""), None)));
            wait(moment);
            server.kill9();
        });
        server.restart();
        let client = server.client();
        let indexes = client.get("/v1/indexes").ok()["indexes"].as_array().unwrap().len();
        let aliases = client.get("/v1/aliases").ok()["aliases"].clone();
        let whole = json!({"first": "doomed", "second": "doomed"});
        match (indexes, &aliases) {
            (0, Value::Object(none)) if none.is_empty() => {
                check_aliases_stay_away(&mut server);
                taken += 1;
            }
            (1, aliases) if *aliases == whole => left += 1,
            _ => panic!("killed after {moment:?}: {indexes} index is there, with these aliases: {aliases}"),
        }
    }
    eprintln!("{taken} deletions were done, {left} were not");
}

/// What was taken with an index does not come back with the next one of its name.
fn check_aliases_stay_away(server: &mut Server) {
    Index::create_named(&server.client(), "doomed", &json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    server.kill9();
    server.restart();
    assert_eq!(server.client().get("/v1/aliases").ok()["aliases"], json!({}));
}
