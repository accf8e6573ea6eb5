//! Ids of every kind: whatever is a text of 1 to 512 bytes names a document.

use annuli_tests::Index;
use annuli_tests::index::percent_encoded;
use serde_json::json;

#[track_caller]
fn check(id: &str) {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": id, "vector": [1]}, {"id": "other", "vector": [2]}]));
    let path = index.path(&format!("/documents/{}", percent_encoded(id)));
    assert_eq!(index.client.get(&path).ok()["id"], id, "read by its path");
    assert_eq!(index.document(id)["id"], id, "read by a body");
    assert_eq!(index.found(&json!({"vector": [1], "limit": 1})), [id], "found");
    assert_eq!(index.found(&json!({"id": id})), ["other"], "searched by");
    let cursor = format!("/documents?limit=1&cursor={}", percent_encoded(id));
    assert_ne!(index.client.get(&index.path(&cursor)).ok()["documents"][0]["id"], id, "the next page is behind it");
    let change = json!({"documents": [{"id": id, "metadata": {"x": 1}}]});
    assert_eq!(index.post("update", &change).ok()["updated"], 1);
    assert_eq!(index.post("delete", &json!({"ids": [id]})).ok()["deleted"], 1);
    assert_eq!(index.count(), 1);
}

#[test]
fn an_id_may_hold_spaces_and_slashes() {
    check("a b");
    check(" ");
    check("usr/share/doc");
    check("https://example.org/?q=1&r=2#top");
    check("../../etc/passwd");
    check("..");
    check("/");
}

#[test]
fn an_id_may_hold_any_character_of_unicode() {
    check("žluťoučký kůň");
    check("日本語");
    check("🦀");
    check("e\u{301}");
    check("line\nbreak\ttab");
    check("a\u{0}b");
    check("\u{10ffff}");
}

#[test]
fn an_id_may_look_like_something_else() {
    check("null");
    check("0");
    check("%20");
    check("a+b");
    check("{\"id\": 1}");
    check(&"x".repeat(512));
}

#[test]
fn ids_that_differ_in_anything_are_different_documents() {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    // The last two look the same: one character, or a letter and a combining accent.
    let ids = ["a", "A", "a ", " a", "a\u{0}", "\u{e9}", "e\u{301}"];
    let documents: Vec<_> = ids.iter().enumerate().map(|(n, id)| json!({"id": id, "vector": [n]})).collect();
    index.store(&json!(documents));
    assert_eq!(index.count(), ids.len() as u64);
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(index.document(id)["vector"], json!([n as f64]), "{id:?}");
    }
}
