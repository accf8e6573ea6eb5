//! Removing documents, by id and by filter.

use annuli_api::ErrorCode;
use annuli_tests::Index;
use serde_json::{Value, json};

/// Documents `0` to `9` on three shards, each with its number as metadata.
fn index() -> Index {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 3}));
    let document =
        |n: u32| json!({"id": n.to_string(), "vector": [n], "metadata": {"n": n, "even": n.is_multiple_of(2)}});
    index.store(&json!((0..10).map(document).collect::<Vec<_>>()));
    index
}

#[track_caller]
fn check_delete(body: &Value, deleted: u64, left: &[&str]) {
    let index = index();
    assert_eq!(index.post("delete", body).ok()["deleted"], deleted, "{body}");
    assert_eq!(index.count(), left.len() as u64, "counted");
    assert_eq!(index.found(&json!({"vector": [0]})), left, "found");
    let listed: Vec<_> = index.documents().iter().map(|document| document["id"].clone()).collect();
    assert_eq!(listed, left, "listed");
}

#[test]
fn documents_are_deleted_by_id() {
    check_delete(&json!({"ids": ["3"]}), 1, &["0", "1", "2", "4", "5", "6", "7", "8", "9"]);
    check_delete(&json!({"ids": ["0", "2", "4", "6", "8"]}), 5, &["1", "3", "5", "7", "9"]);
}

#[test]
fn ids_of_no_document_and_ids_that_repeat_are_not_counted() {
    check_delete(&json!({"ids": ["9", "9", "nobody", "8"]}), 2, &["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[test]
fn documents_of_all_shards_are_deleted_by_filter() {
    check_delete(&json!({"filter": {"even": true}}), 5, &["1", "3", "5", "7", "9"]);
    check_delete(&json!({"filter": {"n": {"$gte": 2}}}), 8, &["0", "1"]);
    check_delete(&json!({"filter": {"$or": [{"n": 1}, {"n": 2}]}}), 2, &["0", "3", "4", "5", "6", "7", "8", "9"]);
    check_delete(&json!({"filter": {"n": {"$exists": true}}}), 10, &[]);
}

#[test]
fn a_filter_that_matches_nothing_deletes_nothing() {
    index().untouched(|index| {
        assert_eq!(index.post("delete", &json!({"filter": {"unknown": 1}})).ok()["deleted"], 0);
    });
}

#[test]
fn a_deleted_document_is_not_read_and_not_updated() {
    let index = index();
    index.post("delete", &json!({"ids": ["3"]})).ok();
    let says = format!("index `{}` has no document `3`", index.name);
    index.client.get(&index.path("/documents/3")).refused(ErrorCode::DocumentNotFound, &says);
    index.post("search", &json!({"id": "3"})).refused(ErrorCode::DocumentNotFound, &says);
    let reply = index.post("update", &json!({"documents": [{"id": "3", "metadata": {}}]})).ok();
    assert_eq!(reply["missing"], json!(["3"]));
    let reply = index.post("documents", &json!({"ids": ["2", "3"]})).ok();
    assert_eq!(reply["missing"], json!(["3"]));
}

#[test]
fn a_deleted_document_can_be_stored_again_without_its_past() {
    let index = index();
    let before = index.document("3")["seq"].as_u64().expect("a seq");
    index.post("delete", &json!({"ids": ["3"]})).ok();
    index.store(&json!([{"id": "3", "vector": [3]}]));
    let again = index.document("3");
    assert_eq!(again["metadata"], json!({}));
    assert!(again["seq"].as_u64() > Some(before + 1), "the delete has a seq of its own: {again}");
    assert_eq!(index.found(&json!({"vector": [3], "limit": 1})), ["3"]);
}

#[test]
fn a_delete_by_filter_of_many_documents_is_complete() {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    let document = |n: u32| json!({"id": n.to_string(), "vector": [n], "metadata": {"keep": n.is_multiple_of(5)}});
    index.store(&json!((0..6_000).map(document).collect::<Vec<_>>()));
    assert_eq!(index.post("delete", &json!({"filter": {"keep": false}})).ok()["deleted"], 4_800);
    assert_eq!(index.count(), 1_200);
    assert_eq!(index.count_matching(&json!({"keep": true})), 1_200);
    assert_eq!(index.found(&json!({"vector": [11], "limit": 3, "exact": true})), ["10", "15", "5"]);
}
