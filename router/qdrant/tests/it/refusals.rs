//! What is wrong, or not had, is refused: with the status that clients expect and a word about it.

use crate::server::Server;
use annuli_router::Limits;
use serde_json::{Value, json};

#[tokio::test]
async fn what_we_do_not_have_is_refused_with_its_name() {
    let server = Server::with_points("Cosine").await;
    let refused = async |mut query: Value| {
        if query.get("query").is_none() {
            query["query"] = json!([1, 0]);
        }
        let answer = server.query(&query).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        answer.refused().1.to_owned()
    };
    assert!(refused(json!({"prefetch": [{}]})).await.starts_with("`prefetch` is not supported by Annuli"));
    assert!(refused(json!({"using": "image"})).await.starts_with("`using` is not supported"));
    assert!(refused(json!({"query": {"fusion": "rrf"}})).await.contains("the query `fusion` is not supported"));
    assert!(refused(json!({"params": {"indexed_only": true}})).await.starts_with("`indexed_only` is not supported"));
    assert!(refused(json!({"with_vector": ["a"]})).await.starts_with("`with_vector` by name"));
    assert!(refused(json!({"filter": {"must": [{"has_id": [1]}]}})).await.contains("`has_id`"));
    assert!(refused(json!({"unheard_of": 1})).await.contains("unknown field `unheard_of`"));
    let order = server.post("/collections/c/points/scroll", &json!({"order_by": "size"})).await;
    assert_eq!(order.refused(), (400, "`order_by` is not supported by Annuli: leave it out"));
}

#[tokio::test]
async fn a_call_that_we_do_not_have_is_no_unknown_path() {
    let server = Server::with_points("Cosine").await;
    let answer = server.post("/collections/c/points/recommend", &json!({"positive": [1]})).await;
    let says = "POST /collections/c/points/recommend is not supported by Annuli: docs/migrating.md lists the calls that there are";
    assert_eq!(answer.refused(), (400, says));
    // It was an unknown path to whoever asked for what is seldom asked for.
    for (method, path) in [
        ("GET", "/snapshots/full.snapshot"),
        ("GET", "/collections/c/shards/0/snapshots"),
        ("PUT", "/collections/c/shards/0/snapshots/recover"),
        ("DELETE", "/collections/c/vectors/image"),
        ("POST", "/cluster/recover"),
        ("DELETE", "/issues"),
    ] {
        let answer = server.send(method, path, None).await;
        let says =
            format!("{method} {path} is not supported by Annuli: docs/migrating.md lists the calls that there are");
        assert_eq!(answer.refused(), (400, says.as_str()));
    }
    assert_eq!(server.get("/nowhere").await.refused(), (404, "there is no path `/nowhere`"));
    assert_eq!(server.send("PATCH", "/aliases", None).await.status, 405);
}

#[tokio::test]
async fn bad_input_is_status_400() {
    let server = Server::with_points("Cosine").await;
    let upsert = async |point: Value| {
        let answer = server.put("/collections/c/points", &json!({"points": [point]})).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        answer.refused().1.to_owned()
    };
    assert!(upsert(json!({"id": -1, "vector": [1, 0]})).await.contains("expected an id"));
    assert!(upsert(json!({"id": "abc", "vector": [1, 0]})).await.contains("`abc` is no id"));
    assert!(upsert(json!({"id": 1, "vector": [1, null]})).await.contains("component 1 is not a finite number"));
    assert!(upsert(json!({"id": 1, "vector": [1, 0, 0]})).await.contains("has 3 dimensions, index `c` has 2"));
    assert!(upsert(json!({"id": 1, "vector": [0, 0]})).await.contains("vector of document `1`"));
    assert!(upsert(json!({"id": 1, "vector": {"image": [1, 0]}})).await.contains("one unnamed vector"));
    assert!(upsert(json!({"id": 1})).await.contains("missing field `vector`"));
    let both = server.post("/collections/c/points/delete", &json!({"points": [1], "filter": {}})).await;
    assert_eq!(both.refused(), (400, "a delete takes either `points` or `filter`"));
    let seconds = server.post("/collections/c/points/count?timeout=soon", &json!({})).await;
    assert_eq!(seconds.refused(), (400, "`timeout` has to be a whole number of seconds"));
}

#[tokio::test]
async fn limits_and_overload_are_said_in_the_envelope_too() {
    let server = Server::with(Limits { body_bytes_max: 100, ..Limits::default() });
    let long = json!({"points": [{"id": 1, "vector": vec![0.5; 100]}]});
    assert_eq!(server.put("/collections/c/points", &long).await.refused().0, 413);
    server.drain();
    let answer = server.get("/collections").await;
    assert_eq!((answer.refused().0, &answer.headers["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(server.get("/readyz").await.status, 503);
    assert_eq!(server.get("/livez").await.status, 200);
}

#[tokio::test]
async fn an_answer_that_would_not_fit_into_memory_is_refused() {
    let server = Server::with_points("Cosine").await;
    let without_query = server.query(&json!({"limit": 10_001})).await;
    assert_eq!(without_query.refused(), (400, "`limit` is 10001, the limit is 10000"));
    let searches = vec![json!({"query": [1, 0], "limit": 10_000}); 11];
    let batch = server.post("/collections/c/points/query/batch", &json!({ "searches": searches })).await;
    assert_eq!(batch.refused(), (400, "the number of points in the reply is 110000, the limit is 100000"));
    server.put("/collections/wide", &json!({"vectors": {"size": 4_000, "distance": "Dot"}})).await.ok();
    let wide = json!({"limit": 5_000, "with_vector": true});
    let scroll = server.post("/collections/wide/points/scroll", &wide).await;
    let says = "the number of vector components in the reply is 20000000, the limit is 16777216";
    assert_eq!(scroll.refused(), (400, says));
}

/// A request without a body is sent by any page, without a question to the server.
#[tokio::test]
async fn a_page_in_a_browser_begins_no_snapshot() {
    let server = Server::with_points("Cosine").await;
    let begin = async |headers: &[(&str, &str)]| {
        server.send_with(headers, "POST", "/collections/c/snapshots?wait=false", None).await.status
    };
    for page in [("origin", "https://example.org"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(begin(&[page]).await, 403, "{page:?}");
    }
    assert_eq!(begin(&[("sec-fetch-site", "same-site")]).await, 403);
    for headers in [&[][..], &[("sec-fetch-site", "none")], &[("sec-fetch-site", "same-origin")]] {
        assert_eq!(begin(headers).await, 202, "{headers:?}");
    }
}

/// They are axum's own extractors' words otherwise, as bare text.
#[tokio::test]
async fn an_address_that_cannot_be_read_is_refused_in_the_envelope() {
    let server = Server::with_points("Cosine").await;
    let path = server.get("/collections/%ff/points/1").await;
    assert!(path.refused().1.contains("UTF-8"), "{}", path.body);
    let query = server.get("/collections/c/points/1?timeout=1&timeout=2").await;
    assert_eq!(query.status, 400);
    assert!(query.refused().1.contains("timeout"), "{}", query.body);
}
