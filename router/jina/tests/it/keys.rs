//! Who may ask for what, where a server has keys.

use crate::server::Server;
use serde_json::json;

async fn status(server: &Server, role: &str, path: &str, body: &serde_json::Value) -> u16 {
    let key = format!("Bearer {}", format!("{role}-").repeat(4));
    server.send_with(&[("authorization", &key)], "POST", path, &body.to_string()).await.status.as_u16()
}

#[tokio::test]
async fn a_call_without_a_key_is_refused_in_words_of_jina() {
    let server = Server::with_keys();
    let answer = server.post("/search", &json!({"data": []})).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body["detail"].as_str().unwrap().starts_with("this server asks for a key"), "{}", answer.body);
    assert_eq!(server.send("GET", "/dry_run", "").await.status, 200);
    let ours = server.send("GET", "/v1/indexes", "").await;
    assert_eq!(ours.body["error"]["code"], "unauthenticated");
}

/// What the body names is what counts: a key that may search is no key to everything.
#[tokio::test]
async fn a_call_of_post_needs_what_its_endpoint_needs() {
    let server = Server::with_keys();
    let documents = json!([{"id": "a", "embedding": [1, 0]}]);
    for (endpoint, needed) in [("/index", 1), ("/search", 0), ("/backup", 2), ("search", 0)] {
        let named = json!({"execEndpoint": endpoint, "data": documents});
        for (has, role) in ["read", "write", "admin"].into_iter().enumerate() {
            let path = format!("/{}", endpoint.trim_start_matches('/'));
            let refused = [status(&server, role, "/post", &named).await, status(&server, role, &path, &named).await];
            assert_eq!(refused.map(|status| status == 403), [has < needed; 2], "{endpoint} as {role}: {refused:?}");
        }
    }
}
