//! The endpoints of AnnLite's executor, and what is refused.

use crate::server::Server;
use annuli_router::Limits;
use serde_json::json;

#[tokio::test]
async fn the_first_index_creates_the_default_index_with_its_dimension() {
    let server = Server::new();
    let query = json!({"data": [{"embedding": [1, 0]}]});
    let failed = server.post("/search", &query).await;
    assert_eq!(failed.status, 500);
    assert_eq!(failed.body["detail"], "ValueError('there is no index `default`')");
    let server = Server::with_three().await;
    let info = server.send("GET", "/v1/indexes/default", "").await.body;
    assert_eq!((&info["dim"], &info["metric"], &info["documents"]), (&json!(2), &json!("cosine"), &json!(3)));
    let wide = server.post("/index", &json!({"data": [{"id": "x", "embedding": [1, 2, 3]}]})).await;
    assert_eq!(wide.body["detail"], "ValueError('vector of document `x` has 3 dimensions, index `default` has 2')");
}

/// The dimension is that of the first embedding, right or wrong: an index made of a refused request stood in the way of the
/// right one.
#[tokio::test]
async fn a_first_index_that_is_refused_creates_none() {
    let server = Server::with(Limits { batch_documents_max: 2, ..Limits::default() });
    let right = json!({"id": "b", "embedding": [1, 0]});
    let batches = [
        json!([{"id": "a", "embedding": [1, 0, 0]}, right]),
        json!([{"id": "", "embedding": [1, 0, 0]}]),
        json!([{"id": "a", "embedding": [0, 0, 0]}]),
        json!([{"id": "a", "embedding": [1, 0, 0]}, {"id": "b"}]),
        json!([{"id": "a", "embedding": [1, 0, 0], "tags": {"__jina__": 1}}]),
    ];
    for batch in batches {
        let failed = server.post("/index", &json!({ "data": batch })).await;
        assert_eq!(failed.status, 500, "{batch}");
        let late = json!({"data": [right], "parameters": {"timeout_ms": 1_000_000_000}});
        assert_eq!(server.post("/index", &late).await.status, 500);
        assert_eq!(server.send("GET", "/v1/indexes/default", "").await.status, 404, "{batch}");
    }
    assert_eq!(server.post("/index", &json!({"data": [right]})).await.status, 200);
}

#[tokio::test]
async fn reads_are_as_fresh_as_they_are_asked_to_be() {
    let server = Server::with_three().await;
    let ask = async |endpoint: &str, parameters: serde_json::Value| {
        let body = json!({"data": [{"id": "near", "embedding": [1, 0]}], "parameters": parameters});
        let answer = server.post(endpoint, &body).await;
        (answer.status.as_u16(), answer.body)
    };
    let (_, written) = ask("/index", json!({})).await;
    let as_of = &written["parameters"]["__results__"]["annuli"]["as_of"];
    assert!(as_of.is_string(), "{written}");
    for endpoint in ["/filter", "/fill_embedding", "/search"] {
        let (status, body) = ask(endpoint, json!({"consistency": "primary", "after": as_of})).await;
        assert_eq!(status, 200, "{endpoint}: {body}");
        for wrong in [json!({"consistency": "sometimes"}), json!({"after": "no token"})] {
            let (status, body) = ask(endpoint, wrong.clone()).await;
            assert_eq!(status, 500, "{endpoint} {wrong}: {body}");
        }
    }
}

#[tokio::test]
async fn an_index_is_chosen_by_a_parameter_and_created_by_no_typing_error() {
    let server = Server::new();
    let schema = json!({"dim": 2, "metric": "euclidean"});
    server.send("PUT", "/v1/indexes/faces", &schema.to_string()).await;
    let index = |name: &str| json!({"data": [{"id": "a", "embedding": [3, 4]}], "parameters": {"index": name}});
    assert_eq!(server.post("/index", &index("faces")).await.status, 200);
    assert_eq!(server.post("/index", &index("face")).await.status, 500);
    let search = json!({"data": [{"embedding": [0, 0]}], "parameters": {"index": "faces"}});
    let found = server.post("/search", &search).await;
    assert_eq!(found.body["data"][0]["matches"][0]["scores"]["euclidean"]["value"], 5.0);
}

#[tokio::test]
async fn a_filter_finds_documents_by_their_tags() {
    let server = Server::with_three().await;
    let filter = |filter| json!({"parameters": {"filter": filter}});
    assert_eq!(
        server.post("/filter", &filter(json!({"size": {"$gte": 2.0}}))).await.ids("/data"),
        ["beside", "opposite"]
    );
    assert_eq!(server.post("/filter", &filter(json!({"tags__size": 1}))).await.ids("/data"), ["near"]);
    assert_eq!(server.post("/filter", &json!({"parameters": {"limit": 1.0}})).await.ids("/data"), ["beside"]);
    let refused = server.post("/filter", &filter(json!({"text": {"$regex": "x"}}))).await;
    assert!(refused.raised().starts_with("filter: `$regex` is no operator of field `text`; there are $eq, "));
}

/// Those without an embedding were changed before the others were looked at.
#[tokio::test]
async fn an_update_with_a_document_that_cannot_be_stored_changes_none() {
    let server = Server::with_three().await;
    let tags = async || server.send("GET", "/v1/indexes/default/documents/near", "").await.body["metadata"].clone();
    let before = tags().await;
    let of_tags = |tags| json!({"id": "x", "embedding": [1, 1], "tags": tags});
    let wrong = [
        of_tags(json!({"__jina__": 1})),
        of_tags(json!({"large": "x".repeat(70_000)})),
        json!({"id": "x", "embedding": [1, 1, 1]}),
        json!({"id": "x", "embedding": [0, 0]}),
        json!({"id": "x".repeat(10_000), "embedding": [1, 1]}),
    ];
    for wrong in wrong {
        let changed = json!({"id": "near", "tags": {"color": "grey"}});
        let failed = server.post("/update", &json!({"data": [changed, wrong]})).await;
        assert_eq!((failed.status.as_u16(), tags().await), (500, before.clone()), "{}", failed.body);
    }
}

/// More than is worth a thread of its own.
#[tokio::test]
async fn a_large_batch_is_stored_found_and_said_back() {
    let server = Server::new();
    let document = |n: u32| {
        let angle = f64::from(n) / 100.0;
        json!({"id": n.to_string(), "embedding": [angle.cos(), angle.sin()], "tags": {"text": "x".repeat(1_000)}})
    };
    let documents: Vec<_> = (0..500).map(document).collect();
    let said = server.post("/index", &json!({ "data": documents })).await;
    assert_eq!((said.status.as_u16(), said.body["data"].as_array().map(Vec::len)), (200, Some(500)));
    let found = server.post("/search", &json!({"data": documents, "parameters": {"limit": 1}})).await.body;
    for (n, query) in found["data"].as_array().unwrap().iter().enumerate() {
        assert_eq!((&query["id"], &query["matches"][0]["id"]), (&json!(n.to_string()), &json!(n.to_string())));
    }
}

#[tokio::test]
async fn an_update_with_an_embedding_replaces_and_one_without_merges() {
    let server = Server::with_three().await;
    let update = |document| json!({"data": [document]});
    server.post("/update", &update(json!({"id": "near", "tags": {"color": "red"}}))).await;
    let near = server.send("GET", "/v1/indexes/default/documents/near", "").await.body;
    assert_eq!(near["metadata"], json!({"__jina__": {"text": "close by"}, "color": "red", "size": 1}));
    server.post("/update", &update(json!({"id": "near", "embedding": [1, 1]}))).await;
    let near = server.send("GET", "/v1/indexes/default/documents/near", "").await.body;
    assert_eq!(near["metadata"], json!({}));
    let failed = server.post("/update", &update(json!({"id": "nobody", "tags": {"a": 1}}))).await;
    assert_eq!(failed.body["detail"], "ValueError('index `default` has no document `nobody`')");
    let strict =
        json!({"data": [{"id": "nobody", "embedding": [1, 1]}], "parameters": {"raise_errors_on_not_found": true}});
    assert_eq!(server.post("/update", &strict).await.status, 500);
    assert_eq!(server.post("/update", &update(json!({"id": "nobody", "embedding": [1, 1]}))).await.status, 200);
}

#[tokio::test]
async fn documents_are_deleted_by_id_by_filter_and_all_at_once() {
    let server = Server::with_three().await;
    let deleted = |answer: crate::server::Answer| answer.body["parameters"]["__results__"]["annuli"]["deleted"].clone();
    assert_eq!(deleted(server.post("/delete", &json!({"parameters": {"filter": {"size": 1}}})).await), 1);
    assert_eq!(deleted(server.post("/delete", &json!({"data": [{"id": "beside"}]})).await), 1);
    assert_eq!(deleted(server.post("/post", &json!({"execEndpoint": "/clear"})).await), 1);
    let status = server.post("/status", &json!({})).await;
    assert_eq!(status.body["data"][0]["tags"]["total_docs"], 0);
}

#[tokio::test]
async fn embeddings_are_filled_in_from_the_index() {
    let server = Server::with_three().await;
    let filled = server.post("/fill_embedding", &json!({"data": [{"id": "beside"}]})).await;
    assert_eq!(filled.body["data"][0]["embedding"], json!([0.0, 1.0]));
}

#[tokio::test]
async fn what_is_not_supported_is_refused_and_said() {
    let server = Server::with_three().await;
    let refused = server.post("/backup", &json!({"parameters": {"token": "x"}})).await;
    assert!(refused.raised().starts_with("`parameters.token` is not supported by /backup"), "{}", refused.raised());
    let chunks = json!({"parameters": {"traversal_paths": "@c"}});
    assert!(server.post("/search", &chunks).await.raised().ends_with("documents are indexed whole, not by chunk"));
    let dump = json!({"parameters": {"source_name": "x"}});
    assert!(server.post("/restore", &dump).await.raised().starts_with("`parameters.source_name` has to be the id"));
}

#[tokio::test]
async fn a_backup_is_a_dump_in_the_background() {
    let server = Server::with_three().await;
    let begun = server.post("/backup", &json!({})).await;
    let task = begun.body["data"][0]["tags"]["task"].as_str().unwrap_or_else(|| panic!("{}", begun.body));
    assert_eq!(server.send("GET", &format!("/v1/tasks/{task}"), "").await.body["kind"], "dump");
}

#[tokio::test]
async fn a_server_that_ends_is_no_connection_for_a_client() {
    let server = Server::with_three().await;
    server.drain();
    let answer = server.post("/search", &json!({"data": [{"embedding": [1, 0]}]})).await;
    assert_eq!(answer.status, 503);
    let description = answer.body["header"]["status"]["description"].as_str().unwrap();
    assert!(description.starts_with("RuntimeError('the server is about to end"), "{description}");
    // To a client this means that the flow is not ready.
    assert_eq!(server.send("GET", "/dry_run", "").await.status, 503);
}

#[tokio::test]
async fn a_batch_that_is_too_long_is_refused_before_it_is_kept() {
    let server = Server::with(Limits { batch_documents_max: 1, ..Limits::default() });
    let documents = json!([{"id": "a", "embedding": [1]}, {"id": "b", "embedding": [1]}]);
    for data in [documents.clone(), json!({ "docs": documents })] {
        let answer = server.post("/index", &json!({ "data": data })).await;
        let says = "the number of documents or ids in the batch is 2, the limit is 1";
        assert_eq!((answer.status.as_u16(), &answer.body["detail"]), (422, &json!(says)));
    }
}
