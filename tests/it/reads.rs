//! Reading documents: one, many, page by page, and counting them.

use annuli_api::ErrorCode;
use annuli_tests::index::percent_encoded;
use annuli_tests::{Index, Sharing};
use serde_json::{Value, json};
use std::sync::Arc;

/// The tests that only read use one index together.
fn index() -> Arc<Index> {
    static SHARED: Sharing<Index> = Sharing::new();
    SHARED.get(fresh_index)
}

/// Documents `00` to `24` on three shards.
fn fresh_index() -> Index {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 3}));
    let document =
        |n: u32| json!({"id": format!("{n:02}"), "vector": [n], "metadata": {"n": n, "even": n.is_multiple_of(2)}});
    index.store(&json!((0..25).map(document).collect::<Vec<_>>()));
    index
}

fn ids(documents: &Value) -> Vec<&str> {
    let documents = documents.as_array().expect("a list of documents").iter();
    documents.map(|document| document["id"].as_str().expect("an id")).collect()
}

#[test]
fn one_document_is_read_whole() {
    let index = index();
    let mut document = index.client.get(&index.path("/documents/07")).ok();
    let seq = document["seq"].as_u64().expect("a seq");
    assert!(document["as_of"].take().is_string());
    let metadata = json!({"n": 7, "even": false});
    assert_eq!(document, json!({"id": "07", "seq": seq, "vector": [7.0], "metadata": metadata, "as_of": null}));
}

#[test]
fn a_document_that_is_not_there_is_named() {
    let index = index();
    let answer = index.client.get(&index.path("/documents/99"));
    answer.refused(ErrorCode::DocumentNotFound, &format!("index `{}` has no document `99`", index.name));
    assert_eq!(answer.json["error"]["details"], json!({"id": "99"}));
}

#[test]
fn many_documents_are_read_in_the_order_asked() {
    let reply = index().post("documents", &json!({"ids": ["20", "x", "03", "11", "y"]})).ok();
    assert_eq!(ids(&reply["documents"]), ["20", "03", "11"]);
    assert_eq!(reply["missing"], json!(["x", "y"]));
    assert_eq!(reply["documents"][1]["vector"], json!([3.0]));
    assert_eq!(reply["documents"][1]["metadata"], json!({"n": 3, "even": false}));
}

#[test]
fn a_document_that_is_asked_for_twice_is_read_once() {
    let reply = index().post("documents", &json!({"ids": ["05", "x", "05", "x", "04"]})).ok();
    assert_eq!((ids(&reply["documents"]), &reply["missing"]), (vec!["05", "04"], &json!(["x"])));
}

#[track_caller]
fn check_parts(include: &Value, parts: &[&str]) {
    let reply = index().post("documents", &json!({"ids": ["03"], "include": include})).ok();
    let document = reply["documents"][0].as_object().expect("a document").clone();
    let mut names: Vec<_> = document.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, parts, "{include}");
}

#[test]
fn only_the_parts_asked_for_are_read() {
    check_parts(&json!([]), &["id", "seq"]);
    check_parts(&json!(["vector"]), &["id", "seq", "vector"]);
    check_parts(&json!(["metadata"]), &["id", "metadata", "seq"]);
    check_parts(&json!(["vector", "metadata"]), &["id", "metadata", "seq", "vector"]);
    check_parts(&json!(null), &["id", "metadata", "seq", "vector"]);
}

/// Reads all pages, and returns the ids on each.
fn pages(index: &Index, query: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = None::<String>;
    loop {
        let behind = cursor.map(|cursor| format!("&cursor={}", percent_encoded(&cursor))).unwrap_or_default();
        let page = index.client.get(&index.path(&format!("/documents?{query}{behind}"))).ok();
        pages.push(ids(&page["documents"]).into_iter().map(str::to_owned).collect());
        cursor = page["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return pages;
        }
    }
}

#[track_caller]
fn check_pages(query: &str, sizes: &[usize], step: usize) {
    let pages = pages(&index(), query);
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{query}");
    let expected: Vec<_> = (0..25).step_by(step).map(|n| format!("{n:02}")).collect();
    assert_eq!(pages.concat(), expected, "every document once, by id: {query}");
}

#[test]
fn a_listing_goes_through_all_shards_in_the_order_of_ids() {
    check_pages("", &[25], 1);
    check_pages("limit=1000", &[25], 1);
    check_pages("limit=10", &[10, 10, 5], 1);
    check_pages("limit=24", &[24, 1], 1);
    check_pages("limit=1", &[1; 25], 1);
}

#[test]
fn a_full_last_page_has_no_next() {
    check_pages("limit=25", &[25], 1);
    check_pages("limit=5", &[5; 5], 1);
}

#[test]
fn a_listing_with_a_filter_has_full_pages_of_what_matches() {
    let filter = percent_encoded(r#"{"even": true}"#);
    check_pages(&format!("filter={filter}&limit=5"), &[5, 5, 3], 2);
}

#[test]
fn a_listing_has_the_parts_asked_for() {
    let index = index();
    let first = |query: &str| {
        index.client.get(&index.path(&format!("/documents?limit=1&{query}"))).ok()["documents"][0].clone()
    };
    let seq = first("")["seq"].clone();
    let metadata = json!({"n": 0, "even": true});
    assert_eq!(first(""), json!({"id": "00", "seq": seq, "metadata": metadata}));
    assert_eq!(first("include="), json!({"id": "00", "seq": seq}));
    assert_eq!(first("include=vector"), json!({"id": "00", "seq": seq, "vector": [0.0]}));
    assert_eq!(
        first("include=vector,metadata"),
        json!({"id": "00", "seq": seq, "vector": [0.0], "metadata": metadata})
    );
}

#[test]
fn a_cursor_may_lie_between_documents() {
    let index = index();
    let page = index.client.get(&index.path("/documents?cursor=07x&limit=2")).ok();
    assert_eq!(ids(&page["documents"]), ["08", "09"]);
    let page = index.client.get(&index.path("/documents?cursor=99")).ok();
    assert_eq!((ids(&page["documents"]), &page["next"]), (Vec::<&str>::new(), &Value::Null));
}

#[test]
fn documents_are_listed_while_they_are_deleted_page_by_page() {
    let index = fresh_index();
    let first = index.client.get(&index.path("/documents?limit=10")).ok();
    index.post("delete", &json!({"ids": ids(&first["documents"])})).ok();
    let next = first["next"].as_str().expect("a next page");
    let second = index.client.get(&index.path(&format!("/documents?limit=10&cursor={next}"))).ok();
    assert_eq!(ids(&second["documents"])[0], "10");
}

#[test]
fn matching_documents_of_all_shards_are_counted() {
    let index = index();
    assert_eq!(index.count(), 25);
    assert_eq!(index.count_matching(&json!({"even": true})), 13);
    assert_eq!(index.count_matching(&json!({"n": {"$gt": 9, "$lt": 20}})), 10);
    assert_eq!(index.count_matching(&json!({"unknown": {"$exists": true}})), 0);
    assert_eq!(index.post("count", &json!({})).ok()["count"], 25);
}
