//! `if_seq`: a write that is only done if the document has not changed since it was read.

use annuli_api::ErrorCode;
use annuli_tests::Index;
use serde_json::{Value, json};

/// Documents `a` and `b` on two shards.
fn index() -> Index {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1]}, {"id": "b", "vector": [2]}]));
    index
}

#[track_caller]
fn seq(index: &Index, id: &str) -> u64 {
    index.document(id)["seq"].as_u64().expect("a document with a seq")
}

/// Stores a document on this condition.
#[track_caller]
fn store_if(index: &Index, id: &str, if_seq: u64) -> annuli_tests::Answer {
    index.post("index", &json!({"documents": [{"id": id, "vector": [9], "if_seq": if_seq}]}))
}

/// Asserts a refusal that says where the document stands, and that nothing was written.
#[track_caller]
fn check_conflict(endpoint: &str, body: &Value, id: &str, at: u64) {
    index().untouched(|index| {
        let answer = index.post(endpoint, body);
        let state = if at == 0 { "does not exist".to_owned() } else { format!("is at seq {at}") };
        let says = format!("document `{id}` {state}, not at its `if_seq`; nothing was written");
        answer.refused(ErrorCode::SeqConflict, &says);
        assert_eq!(answer.json["error"]["details"], json!({"conflicts": [{"id": id, "seq": at}]}));
    });
}

#[test]
fn zero_means_that_the_document_must_not_exist() {
    let index = index();
    store_if(&index, "new", 0).ok();
    assert_eq!(index.count(), 3);
    let says = format!("document `new` is at seq {}, not at its `if_seq`", seq(&index, "new"));
    store_if(&index, "new", 0).refused(ErrorCode::SeqConflict, &says);
}

#[test]
fn the_seq_that_was_read_lets_one_write_pass() {
    let index = index();
    let read = seq(&index, "a");
    store_if(&index, "a", read).ok();
    assert_eq!(index.document("a")["vector"], json!([9.0]));
    store_if(&index, "a", read).refused(ErrorCode::SeqConflict, "document `a` is at seq ");
    store_if(&index, "a", seq(&index, "a")).ok();
}

#[test]
fn a_condition_that_does_not_hold_writes_nothing() {
    let at = seq(&index(), "a");
    let wrong = at + 100;
    check_conflict("index", &json!({"documents": [{"id": "a", "vector": [9], "if_seq": wrong}]}), "a", at);
    check_conflict("index", &json!({"documents": [{"id": "a", "vector": [9], "if_seq": 0}]}), "a", at);
    check_conflict("index", &json!({"documents": [{"id": "x", "vector": [9], "if_seq": wrong}]}), "x", 0);
    check_conflict("update", &json!({"documents": [{"id": "a", "vector": [9], "if_seq": wrong}]}), "a", at);
    check_conflict("update", &json!({"documents": [{"id": "x", "vector": [9], "if_seq": wrong}]}), "x", 0);
    check_conflict("delete", &json!({"ids": ["a"], "if_seq": wrong}), "a", at);
    check_conflict("delete", &json!({"ids": ["a"], "if_seq": 0}), "a", at);
    check_conflict("delete", &json!({"ids": ["x"], "if_seq": wrong}), "x", 0);
}

#[test]
fn an_update_and_a_delete_pass_at_the_right_seq() {
    let index = index();
    let change = json!({"documents": [{"id": "a", "metadata": {"x": 1}, "if_seq": seq(&index, "a")}]});
    assert_eq!(index.post("update", &change).ok()["updated"], 1);
    let delete = json!({"ids": ["a"], "if_seq": seq(&index, "a")});
    assert_eq!(index.post("delete", &delete).ok()["deleted"], 1);
}

#[test]
fn an_update_of_no_document_that_shall_not_exist_is_missing() {
    let reply = index().post("update", &json!({"documents": [{"id": "x", "vector": [9], "if_seq": 0}]})).ok();
    assert_eq!((&reply["updated"], &reply["missing"]), (&json!(0), &json!(["x"])));
}

#[test]
fn in_a_batch_the_conflicts_are_named_and_the_rest_is_written() {
    let index = index();
    let (a, b) = (seq(&index, "a"), seq(&index, "b"));
    let reply = index.store(&json!([
        {"id": "a", "vector": [8], "if_seq": a + 100},
        {"id": "b", "vector": [8], "if_seq": b},
        {"id": "new", "vector": [8], "if_seq": 0},
        {"id": "free", "vector": [8]},
    ]));
    assert_eq!((&reply["indexed"], &reply["conflicts"]), (&json!(3), &json!([{"id": "a", "seq": a}])));
    assert_eq!(index.document("a"), json!({"id": "a", "seq": a, "vector": [1.0], "metadata": {}}));
    for id in ["b", "new", "free"] {
        assert_eq!(index.document(id)["vector"], json!([8.0]), "{id}");
    }
}

#[test]
fn a_reply_without_conflicts_does_not_mention_them() {
    let reply = index().store(&json!([{"id": "a", "vector": [1]}]));
    assert_eq!(reply.get("conflicts"), None);
}

#[test]
fn several_conflicts_and_nothing_written_is_a_conflict_that_counts_them() {
    let index = index();
    let documents = json!([{"id": "a", "vector": [9], "if_seq": 0}, {"id": "b", "vector": [9], "if_seq": 0}]);
    index.untouched(|index| {
        let answer = index.post("index", &json!({"documents": documents}));
        answer.refused(ErrorCode::SeqConflict, ", and 1 more; nothing was written");
        assert_eq!(answer.json["error"]["details"]["conflicts"].as_array().map(Vec::len), Some(2));
    });
}

#[test]
fn a_deleted_document_is_at_no_seq() {
    let index = index();
    let read = seq(&index, "a");
    index.post("delete", &json!({"ids": ["a"]})).ok();
    store_if(&index, "a", read).refused(ErrorCode::SeqConflict, "document `a` does not exist");
    store_if(&index, "a", 0).ok();
}

#[test]
fn seqs_are_the_same_after_a_restart() {
    let mut server = annuli_tests::Server::start();
    let index = Index::create(&server.client(), &json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1]}, {"id": "b", "vector": [2]}]));
    let read = seq(&index, "a");
    server.kill9();
    server.restart();
    let index = Index::named(&server.client(), &index.name);
    store_if(&index, "a", read).ok();
    store_if(&index, "a", read).refused(ErrorCode::SeqConflict, "document `a` is at seq ");
}
