//! An index that is deleted, and made again, while it is used: every request has a clean answer.

use annuli_tests::{Answer, Index, Server, wait_until};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// How a request may end while its index goes away.
const CLEAN: [&str; 2] = ["index_not_found", "shard_unavailable"];

fn schema() -> Value {
    json!({"dim": 2, "metric": "euclidean", "shards": 2})
}

fn documents() -> Value {
    let document = |n: u32| json!({"id": format!("{n}"), "vector": [n, n], "metadata": {"n": n}});
    json!((0..500).map(document).collect::<Vec<_>>())
}

/// Makes requests of every kind until told to stop.
fn use_index(index: &Index, stop: &AtomicBool, answered: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        let answers = [
            index.post("search", &json!({"vector": [1, 1], "exact": true})),
            index.post("search", &json!({"id": "3", "filter": {"n": {"$gt": 100}}})),
            index.post("index", &json!({"documents": [{"id": "new", "vector": [0, 0]}]})),
            index.post("update", &json!({"documents": [{"id": "4", "metadata": {"x": 1}}]})),
            index.post("delete", &json!({"filter": {"n": {"$lt": 2}}})),
            index.post("count", &json!({})),
            index.client.get(&index.path("/documents?limit=10")),
            index.client.get(&index.path("")),
            index.client.get("/v1/indexes"),
        ];
        answers.iter().for_each(check_clean);
        answered.fetch_add(answers.len(), Ordering::Relaxed);
    }
}

#[track_caller]
fn check_clean(answer: &Answer) {
    let clean = answer.is_success() || CLEAN.contains(&answer.code()) || answer.code() == "document_not_found";
    assert!(clean, "status {}: {}", answer.status, answer.text);
}

#[test]
fn an_index_that_is_deleted_and_made_again_answers_cleanly() {
    let server = Server::start();
    let index = Index::named(&server.client(), "fleeting");
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let users: Vec<_> = (0..3).map(|_| scope.spawn(|| use_index(&index, &stop, &answered))).collect();
        for round in 1..=15 {
            index.client.put(&index.path(""), &schema()).ok();
            index.post("index", &json!({"documents": documents()})).ok();
            wait_until("requests of this round", || answered.load(Ordering::Relaxed) > round * 40);
            assert_eq!(index.client.delete(&index.path("")).status, 204);
        }
        stop.store(true, Ordering::Relaxed);
        users.into_iter().for_each(|user| user.join().expect("clean answers"));
    });
    assert_eq!(index.client.get(&index.path("")).status, 404);
    let left: Vec<_> =
        std::fs::read_dir(server.workspace()).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("removed") || name == "fleeting"), "{left:?}");
}

#[test]
fn dumps_go_on_after_an_index_was_deleted_while_it_was_dumped() {
    let server = Server::start();
    let index = Index::named(&server.client(), "dumped");
    let stop = AtomicBool::new(false);
    let mut tasks = Vec::new();
    let dump = || index.post("dumps", &json!({})).ok()["task"].clone();
    thread::scope(|scope| {
        // A writer that is busy has the dump and the deletion wait side by side.
        let writer = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                check_clean(&index.post("index", &json!({"documents": documents()})));
            }
        });
        for _ in 0..20 {
            index.client.put(&index.path(""), &schema()).ok();
            index.post("index", &json!({"documents": documents()})).ok();
            tasks.push(dump());
            assert_eq!(index.client.delete(&index.path("")).status, 204);
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().expect("clean answers");
    });
    index.client.put(&index.path(""), &schema()).ok();
    tasks.push(dump());
    let status = |task: &Value| {
        let id = task.as_str().expect("the id of a task");
        index.client.get(&format!("/v1/tasks/{id}")).ok()["status"].clone()
    };
    wait_until("the end of every dump", || {
        tasks.iter().all(|task| ["succeeded", "failed"].iter().any(|end| status(task) == *end))
    });
    assert_eq!(tasks.last().map(status), Some(json!("succeeded")));
}

#[test]
fn an_index_made_again_holds_nothing_of_the_old_one() {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "again", &schema());
    index.store(&documents());
    let old = index.info();
    index.client.delete(&index.path("")).ok();
    let other_schema = json!({"dim": 3, "metric": "cosine", "shards": 1});
    let index = Index::create_named(&server.client(), "again", &other_schema);
    assert_eq!((index.count(), index.documents()), (0, vec![]));
    assert_ne!(index.info()["uuid"], old["uuid"]);
    assert!(index.hits(&json!({"vector": [1, 1, 1]})).is_empty());
    index.store(&json!([{"id": "0", "vector": [1, 1, 1]}]));
    assert_eq!(index.document("0")["seq"], 1);
}

#[test]
fn two_who_create_the_same_index_at_once_both_have_it() {
    let server = Server::start();
    thread::scope(|scope| {
        let create = || server.client().put("/v1/indexes/wanted", &schema());
        let creators: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
        let answers: Vec<_> = creators.into_iter().map(|creator| creator.join().expect("an answer")).collect();
        let uuid = &answers[0].json["uuid"];
        assert!(answers.iter().all(|answer| answer.is_success() && answer.json["uuid"] == *uuid), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "one of them has made it");
    });
}
