//! `jina` 3.34 with docarray 0.40.

use crate::compare;
use crate::server::{Server, conversation};
use serde_json::json;

const CONVERSATION: &str = include_str!("../captures/second.jsonl");

#[tokio::test]
async fn the_conversation_goes_as_it_went() {
    let server = Server::new();
    for captured in conversation(CONVERSATION) {
        let answer = server.replay(&captured).await;
        let step = captured.step.as_str();
        match step {
            // The captured server had a class without room for it.
            "08-legacydoc_to_index" => {
                assert_eq!(answer.status, 200, "{}", answer.body);
                assert_eq!(answer.body["data"][0]["matches"][0]["id"], "d2");
                assert!(answer.body["data"][0]["matches"][0]["scores"]["cosine"]["value"].is_number());
                assert_eq!(answer.body["data"][0]["scores"], json!(null));
            }
            // Its executor had not deleted what was to be deleted.
            "09-raw_post_search" => assert_eq!(answer.ids("/data/0/matches"), ["d2"]),
            "10-raw_post_post" => assert_eq!(answer.status, 200),
            "15-raw_bad" => {
                assert_eq!(answer.status, captured.status);
                let detail = answer.body["detail"].as_str().unwrap();
                assert!(detail.starts_with("ValueError('query vector 0 is a text that is not the base64"), "{detail}");
            }
            _ => {
                assert_eq!(answer.status, captured.status, "step {step}: {}", answer.body);
                compare::check(step, &captured.reply, &answer.body);
            }
        }
    }
}

#[tokio::test]
async fn distances_stand_beside_the_matches_of_a_class_of_ones_own() {
    let server = Server::with_three().await;
    let query = json!({"id": "q", "embedding": [1, 0], "title": "kept"});
    let answer = server.post("/search", &json!({"data": [query], "parameters": {"limit": 2.0}})).await;
    assert_eq!(answer.ids("/data/0/matches"), ["near", "beside"]);
    let query = &answer.body["data"][0];
    assert_eq!(query["scores"][1], query["matches"][1]["scores"]["cosine"]["value"]);
    assert_eq!((&query["title"], &query["matches"][0]["text"]), (&json!("kept"), &json!("close by")));
}
