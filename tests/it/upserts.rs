//! Storing documents: what was sent is there, whole, under its id, once.

use annuli_api::v1::vector::to_base64;
use annuli_tests::Index;
use serde_json::{Value, json};
use std::thread;

fn index() -> Index {
    Index::fresh(&json!({"dim": 3, "metric": "euclidean", "shards": 2}))
}

#[test]
fn a_document_is_read_back_as_it_was_stored() {
    let index = index();
    let metadata =
        json!({"title": "Ünïcode ✓", "size": 5, "price": 1.5, "tags": ["x", ["y"], null], "author": {"name": "ann"}});
    let reply = index.store(&json!([{"id": "a", "vector": [1, 2.5, -3], "metadata": metadata}]));
    assert_eq!(reply["indexed"], 1);
    assert_eq!(reply["duplicates"], json!([]));
    assert_eq!(index.document("a"), json!({"id": "a", "seq": 1, "vector": [1.0, 2.5, -3.0], "metadata": metadata}));
}

#[test]
fn a_second_write_replaces_the_document_whole() {
    let index = index();
    index.store(&json!([{"id": "a", "vector": [1, 2, 3], "metadata": {"old": true}}]));
    index.store(&json!([{"id": "a", "vector": [3, 2, 1]}]));
    assert_eq!(index.document("a"), json!({"id": "a", "seq": 2, "vector": [3.0, 2.0, 1.0], "metadata": {}}));
    assert_eq!(index.count(), 1);
    assert_eq!(index.hits(&json!({"vector": [1, 2, 3]})).len(), 1);
}

/// A client that hears nothing sends again, and so does everything between it and the server.
#[test]
fn the_same_request_sent_many_times_at_once_is_the_same_as_once() {
    let index = index();
    let documents: Vec<_> = (0..20).map(|number| json!({"id": number.to_string(), "vector": [number, 0, 0]})).collect();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| index.store(&json!(documents)));
        }
    });
    assert_eq!(index.count(), 20);
    let found = index.hits(&json!({"vector": [0, 0, 0], "limit": 100}));
    let found: Vec<_> = found.into_iter().map(|hit| (hit.id, hit.distance)).collect();
    let stored: Vec<_> = (0..20_u8).map(|number| (number.to_string(), number.into())).collect();
    assert_eq!(found, stored);
}

#[test]
fn the_last_of_several_with_one_id_wins_and_the_reply_says_so() {
    let index = index();
    let reply = index.store(&json!([
        {"id": "b", "vector": [1, 1, 1]},
        {"id": "a", "vector": [1, 1, 1]},
        {"id": "a", "vector": [2, 2, 2], "metadata": {"second": true}},
        {"id": "c", "vector": [1, 1, 1]},
        {"id": "a", "vector": [3, 3, 3]},
        {"id": "b", "vector": [4, 4, 4]},
    ]));
    assert_eq!((&reply["indexed"], &reply["duplicates"]), (&json!(3), &json!(["a", "b"])));
    assert_eq!(index.document("a")["vector"], json!([3.0, 3.0, 3.0]));
    assert_eq!(index.document("a")["metadata"], json!({}));
    assert_eq!(index.document("b")["vector"], json!([4.0, 4.0, 4.0]));
    assert_eq!(index.count(), 3);
}

#[test]
fn the_reply_names_the_shards_that_were_written_with_their_seqs() {
    let index = index();
    let documents: Vec<_> = (0..20).map(|n| json!({"id": n.to_string(), "vector": [n, 0, 0]})).collect();
    let reply = index.store(&json!(documents));
    let seqs = index.seqs();
    assert_eq!(seqs.iter().sum::<u64>(), 20);
    assert_eq!(reply["shards"], json!({"0": seqs[0], "1": seqs[1]}));
    let one = index.store(&json!([documents[0]]));
    let touched = one["shards"].as_object().expect("shards");
    assert_eq!(touched.len(), 1, "one document has one owner: {one}");
    assert!(one["as_of"].is_string());
}

#[test]
fn base64_and_numbers_say_the_same_vector() {
    let index = index();
    // 1, 2 and 3 as little-endian 32-bit floats.
    index.store(&json!([
        {"id": "numbers", "vector": [1, 2, 3]},
        {"id": "text", "vector": "AACAPwAAAEAAAEBA"},
    ]));
    assert_eq!(index.document("text")["vector"], index.document("numbers")["vector"]);
    let hits = index.hits(&json!({"vector": "AACAPwAAAEAAAEBA"}));
    assert_eq!(hits.iter().map(|hit| hit.distance.to_bits()).collect::<Vec<_>>(), [0, 0]);
}

#[track_caller]
fn check_vector_comes_back(metric: &str, vector: [f32; 3]) {
    let index = Index::fresh(&json!({"dim": 3, "metric": metric}));
    index.store(&json!([{"id": "numbers", "vector": vector}, {"id": "base64", "vector": to_base64(&vector)}]));
    let bits = |json: &Value| -> Vec<u32> {
        let numbers: Vec<f32> = serde_json::from_value(json.clone()).expect("a list of floats");
        numbers.into_iter().map(f32::to_bits).collect()
    };
    let sent: Vec<_> = vector.into_iter().map(f32::to_bits).collect();
    let found = index.post("search", &json!({"vector": vector, "include": ["vector"]})).ok();
    for (id, place) in [("numbers", 0), ("base64", 1)] {
        assert_eq!(bits(&index.document(id)["vector"]), sent, "read by id: {metric}, {id}");
        assert_eq!(bits(&index.documents()[1 - place]["vector"]), sent, "listed: {metric}, {id}");
        assert_eq!(bits(&found["results"][0]["hits"][place]["vector"]), sent, "found: {metric}, {id}");
    }
}

#[test]
fn a_vector_comes_back_bit_by_bit_as_it_was_sent_under_every_metric() {
    for metric in ["cosine", "euclidean", "inner_product"] {
        check_vector_comes_back(metric, [3.0, -4.0, 0.0]);
        check_vector_comes_back(metric, [0.1, -0.0, 1e-40]);
        check_vector_comes_back(metric, [1e15, 16_777_217.0, std::f32::consts::PI]);
    }
}

#[track_caller]
fn check_metadata_comes_back(metadata: &str) {
    let index = index();
    let body = format!(r#"{{"documents": [{{"id": "a", "vector": [1, 2, 3], "metadata": {metadata}}}]}}"#);
    index.client.post_text(&index.path("/index"), &body).ok();
    // This comparison tells 1 from 1.0.
    let sent: Value = serde_json::from_str(metadata).expect("JSON");
    assert_eq!(index.document("a")["metadata"], sent);
    assert_eq!(index.documents()[0]["metadata"], sent);
    let found = index.post("search", &json!({"vector": [1, 2, 3]})).ok();
    assert_eq!(found["results"][0]["hits"][0]["metadata"], sent);
}

#[test]
fn metadata_comes_back_as_it_was_sent() {
    check_metadata_comes_back("{}");
    check_metadata_comes_back(r#"{"gone":null,"yes":true,"nested":{"deep":[[{}],[]]}}"#);
    check_metadata_comes_back(r#"{"largest":18446744073709551615,"smallest":-9223372036854775808}"#);
    check_metadata_comes_back(r#"{"one":1,"one point zero":1.0,"tiny":5e-324,"tenth":0.1}"#);
    check_metadata_comes_back(r#"{"":"no name","$eq":"no operator","a.b":"a dot","quote\"":"\\","ж":"🦀"}"#);
}

#[test]
fn a_write_is_searchable_when_it_is_acknowledged() {
    let index = index();
    for n in 0..30 {
        index.store(&json!([{"id": n.to_string(), "vector": [n, n, n]}]));
        assert_eq!(index.found(&json!({"vector": [n, n, n], "limit": 1})), [n.to_string()]);
    }
}
