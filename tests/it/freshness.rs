//! `as_of` and `after`: a client that gives back what it was given never sees an older state.

use annuli_api::{AsOf, ErrorCode};
use annuli_core::Seq;
use annuli_tests::index::percent_encoded;
use annuli_tests::{Answer, Index};
use serde_json::{Value, json};

fn index() -> Index {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    let document = |n| json!({"id": format!("{n}"), "vector": [n], "metadata": {"n": n}});
    index.store(&json!((0..8).map(document).collect::<Vec<_>>()));
    index
}

#[track_caller]
fn token(reply: &Value) -> String {
    reply["as_of"].as_str().expect("a token").to_owned()
}

/// Every read that takes a token.
fn reads(index: &Index, after: &str) -> [Answer; 6] {
    let query = |path: &str| index.client.get(&index.path(&format!("{path}?after={}", percent_encoded(after))));
    [
        index.post("search", &json!({"vector": [1], "after": after})),
        index.post("search", &json!({"id": "1", "after": after})),
        index.post("count", &json!({"after": after})),
        index.post("documents", &json!({"ids": ["1"], "after": after})),
        query("/documents"),
        query("/documents/1"),
    ]
}

#[test]
fn the_token_of_every_reply_is_taken_by_every_read() {
    let index = index();
    let replies = [
        index.store(&json!([{"id": "new", "vector": [1]}])),
        index.post("update", &json!({"documents": [{"id": "1", "metadata": {"x": 1}}]})).ok(),
        index.post("delete", &json!({"ids": ["7"]})).ok(),
        index.post("delete", &json!({"filter": {"n": 6}})).ok(),
        index.post("search", &json!({"vector": [1]})).ok(),
        index.post("count", &json!({})).ok(),
        index.post("documents", &json!({"ids": ["1", "2"]})).ok(),
        index.client.get(&index.path("/documents")).ok(),
        index.client.get(&index.path("/documents/1")).ok(),
    ];
    for reply in &replies {
        for answer in reads(&index, &token(reply)) {
            answer.ok();
        }
    }
}

#[test]
fn an_old_token_is_taken_after_later_writes() {
    let index = index();
    let old = token(&index.post("count", &json!({})).ok());
    index.store(&json!([{"id": "new", "vector": [1]}]));
    assert_eq!(index.post("count", &json!({"after": old})).ok()["count"], 9);
}

#[track_caller]
fn check_stale(index: &Index, after: &str, says: &str) {
    for answer in reads(index, after) {
        answer.refused(ErrorCode::StaleToken, says);
    }
}

#[test]
fn a_token_of_another_index_is_stale() {
    let foreign = token(&index().post("count", &json!({})).ok());
    check_stale(&index(), &foreign, "`after` is of the index with uuid ");
}

#[test]
fn a_token_of_an_index_that_had_the_same_name_is_stale() {
    let index = index();
    let old = token(&index.post("count", &json!({})).ok());
    index.client.delete(&index.path("")).ok();
    let again = Index::create_named(&index.client, &index.name, &json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    again.store(&json!([{"id": "1", "vector": [1]}]));
    check_stale(&again, &old, "the index of this name now has ");
}

/// The token of all shards, with the seq of each `ahead` of what it is.
fn token_ahead(index: &Index, ahead: u64) -> String {
    let mut decoded = AsOf::decode(&token(&index.post("count", &json!({})).ok())).expect("a token");
    for (_, position) in &mut decoded.positions {
        position.seq = Seq(position.seq.0 + ahead);
    }
    decoded.encode()
}

#[test]
fn a_token_of_writes_that_are_lost_is_stale() {
    let index = index();
    for answer in reads(&index, &token_ahead(&index, 0)) {
        answer.ok();
    }
    check_stale(&index, &token_ahead(&index, 1), "later writes were lost");
}
