//! `jina` 3.34 with docarray 0.21.

use crate::compare;
use crate::server::{Server, conversation};
use serde_json::{Value, json};

const CONVERSATION: &str = include_str!("../captures/first.jsonl");

/// What the captured server did by the executor that it had, and not by the protocol: what it did, and what we do.
fn is_of_the_executor(step: &str) -> Option<&'static str> {
    match step {
        "06-search" => Some("its executor knew no filters"),
        "11-delete_docs" | "29-raw_delete_delete" => Some("its executor said no documents back"),
        "30-raw_post_delete" => Some("it took only DELETE there"),
        _ => None,
    }
}

#[tokio::test]
async fn the_conversation_goes_as_it_went() {
    let server = Server::new();
    for captured in conversation(CONVERSATION) {
        let answer = server.replay(&captured).await;
        let step = captured.step.as_str();
        match step {
            _ if is_of_the_executor(step).is_some() => {
                assert_eq!(answer.status, 200, "step {step}: {}", answer.body);
            }
            "26-raw_post_bad_json" => {
                assert_eq!(answer.status, captured.status);
                assert_eq!(answer.body["detail"][0]["type"], captured.reply["detail"][0]["type"]);
                assert_eq!(answer.body["detail"][0]["loc"][0], captured.reply["detail"][0]["loc"][0]);
            }
            // It took only PUT there; what is asked for changes nothing.
            "31-raw_post_update" => assert_eq!(answer.status, 500, "{}", answer.body),
            // Written by hand, without what tells the generations apart: a failure is one of HTTP, too.
            "27-raw_post_bad_field" => assert_eq!(answer.status, 500, "{}", answer.body),
            // Four documents are in one direction: which of them are the nearest is rounding.
            "23-raw_post_search" | "24-raw_post_post" => {
                let matches = answer.body["data"][0]["matches"].as_array().unwrap();
                assert_eq!(matches.len(), captured.reply["data"][0]["matches"].as_array().unwrap().len());
                for found in matches {
                    let captured = &captured.reply["data"][0]["matches"][0]["scores"];
                    compare::check(step, captured, &found["scores"]);
                }
            }
            _ => {
                assert_eq!(answer.status, captured.status, "step {step}: {}", answer.body);
                compare::check(step, &without_made_up_ids(captured.reply), &answer.body);
            }
        }
    }
}

/// Ids of documents that came without one.
fn without_made_up_ids(mut reply: Value) -> Value {
    for document in reply["data"].as_array_mut().into_iter().flatten() {
        let is_made_up = document["id"].as_str().is_some_and(|id| id.len() == 32);
        if is_made_up {
            document["id"] = Value::Null;
            document.as_object_mut().unwrap().remove("id");
        }
    }
    reply
}

#[tokio::test]
async fn a_search_with_a_filter_finds_what_the_filter_lets_through() {
    let server = Server::new();
    let conversation = conversation(CONVERSATION);
    for captured in conversation.iter().filter(|captured| captured.path == "/index") {
        server.replay(captured).await;
    }
    let captured = conversation.iter().find(|captured| captured.step == "06-search").unwrap();
    let answer = server.replay(captured).await;
    assert_eq!(answer.ids("/data/0/matches"), ["d1", "d2", "d3"]);
    // d1 was found by the captured server as well.
    compare::check("06-search", &captured.reply["data"][0]["matches"][2], &answer.body["data"][0]["matches"][0]);
}

#[tokio::test]
async fn a_failed_search_is_an_exception_under_status_200() {
    let server = Server::with_three().await;
    let query = json!({"id": "q", "granularity": null, "adjacency": null, "embedding": null});
    let captured = conversation(CONVERSATION);
    let captured = captured.iter().find(|captured| captured.step == "27-raw_post_bad_field").unwrap();
    let answer = server.post("/search", &json!({"data": [query]})).await;
    assert_eq!(answer.status, captured.status);
    let (theirs, ours) = (&captured.reply["header"]["status"], &answer.body["header"]["status"]);
    assert_eq!(theirs["code"], ours["code"]);
    assert_eq!(theirs["exception"]["name"], ours["exception"]["name"]);
    let message = "document `q` has no `embedding`: embed it first, this is an index and no encoder";
    assert_eq!(answer.raised(), message);
    assert_eq!(ours["description"], format!("ValueError('{message}')"));
}
