//! Changing documents that exist: vector, metadata or both.

use annuli_tests::Index;
use serde_json::{Value, json};

/// One document, on one of two shards.
fn index() -> Index {
    let index = Index::fresh(&json!({"dim": 2, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1, 1], "metadata": {"colour": "red", "size": {"w": 1, "h": 2}}}]));
    index
}

#[track_caller]
fn check_merge(patch: &Value, merged: &Value) {
    let index = index();
    let reply = index.post("update", &json!({"documents": [{"id": "a", "metadata": patch}]})).ok();
    assert_eq!((&reply["updated"], &reply["missing"]), (&json!(1), &json!([])));
    let document = index.document("a");
    assert_eq!((&document["metadata"], &document["vector"]), (merged, &json!([1.0, 1.0])), "{patch}");
}

#[test]
fn metadata_is_merged_field_by_field() {
    check_merge(&json!({"weight": 3}), &json!({"colour": "red", "size": {"w": 1, "h": 2}, "weight": 3}));
    check_merge(&json!({"colour": "blue"}), &json!({"colour": "blue", "size": {"w": 1, "h": 2}}));
    check_merge(&json!({"size": {"h": 9, "d": 3}}), &json!({"colour": "red", "size": {"w": 1, "h": 9, "d": 3}}));
    check_merge(&json!({"size": [1, 2]}), &json!({"colour": "red", "size": [1, 2]}));
    check_merge(&json!({}), &json!({"colour": "red", "size": {"w": 1, "h": 2}}));
}

#[test]
fn null_removes_a_field() {
    check_merge(&json!({"colour": null}), &json!({"size": {"w": 1, "h": 2}}));
    check_merge(&json!({"size": {"w": null}}), &json!({"colour": "red", "size": {"h": 2}}));
    check_merge(
        &json!({"unknown": null, "new": {"x": null, "y": 1}}),
        &json!({"colour": "red", "size": {"w": 1, "h": 2}, "new": {"y": 1}}),
    );
}

#[test]
fn a_new_vector_leaves_the_metadata_and_is_found_at_once() {
    let index = index();
    index.store(&json!([{"id": "b", "vector": [5, 5]}]));
    index.post("update", &json!({"documents": [{"id": "a", "vector": [9, 9]}]})).ok();
    assert_eq!(index.document("a")["metadata"], json!({"colour": "red", "size": {"w": 1, "h": 2}}));
    assert_eq!(index.found(&json!({"vector": [9, 9]})), ["a", "b"]);
    assert_eq!(index.found(&json!({"vector": [1, 1]})), ["b", "a"], "the old vector is no answer any more");
}

#[test]
fn vector_and_metadata_change_together() {
    let index = index();
    index
        .post("update", &json!({"documents": [{"id": "a", "vector": "AABAQAAAgEA=", "metadata": {"size": null}}]}))
        .ok();
    let document = index.document("a");
    assert_eq!((&document["vector"], &document["metadata"]), (&json!([3.0, 4.0]), &json!({"colour": "red"})));
}

#[test]
fn ids_of_no_document_are_named_and_the_others_are_changed() {
    let index = index();
    let change = |id| json!({"id": id, "metadata": {"changed": true}});
    let reply = index.post("update", &json!({"documents": [change("x"), change("a"), change("y")]})).ok();
    let mut missing: Vec<_> = reply["missing"].as_array().expect("a list").clone();
    missing.sort_by_key(ToString::to_string);
    assert_eq!((&reply["updated"], missing), (&json!(1), vec![json!("x"), json!("y")]));
    assert_eq!(index.count_matching(&json!({"changed": true})), 1);
    assert_eq!(index.count(), 1, "an update makes no document");
}

#[test]
fn an_update_of_nothing_that_exists_writes_nothing() {
    let index = index();
    index.untouched(|index| {
        let reply = index.post("update", &json!({"documents": [{"id": "x", "metadata": {}}]})).ok();
        assert_eq!((&reply["updated"], &reply["missing"]), (&json!(0), &json!(["x"])));
    });
}

#[test]
fn the_last_of_several_changes_of_one_document_is_taken_and_the_reply_says_so() {
    let index = index();
    let reply = index
        .post(
            "update",
            &json!({"documents": [
                {"id": "a", "metadata": {"first": true}},
                {"id": "a", "metadata": {"last": true}},
            ]}),
        )
        .ok();
    assert_eq!((&reply["updated"], &reply["duplicates"]), (&json!(1), &json!(["a"])));
    assert_eq!(index.document("a")["metadata"], json!({"colour": "red", "size": {"w": 1, "h": 2}, "last": true}));
}

#[test]
fn a_change_of_metadata_changes_what_filters_find() {
    let index = index();
    let search = json!({"vector": [1, 1], "filter": {"colour": "red"}});
    assert_eq!(index.found(&search), ["a"]);
    index.post("update", &json!({"documents": [{"id": "a", "metadata": {"colour": "blue"}}]})).ok();
    assert!(index.found(&search).is_empty());
}
