//! Searches that cannot be answered, and what they say.

use annuli_api::ErrorCode;
use annuli_core::limits::QUERIES_MAX;
use annuli_tests::{Index, Sharing};
use serde_json::{Value, json};
use std::sync::Arc;

/// Two documents, on two shards. The tests use one index together: they change nothing.
fn index() -> Arc<Index> {
    static SHARED: Sharing<Index> = Sharing::new();
    SHARED.get(|| {
        let index = Index::fresh(&json!({"dim": 3, "metric": "cosine", "shards": 2}));
        index.store(&json!([{"id": "a", "vector": [1, 2, 3]}, {"id": "b", "vector": [3, 2, 1]}]));
        index
    })
}

#[track_caller]
fn check(request: &Value, code: ErrorCode, says: &str) {
    index().post("search", request).refused(code, says);
}

/// A search that is fine but for these fields.
#[track_caller]
fn check_with(fields: &Value, code: ErrorCode, says: &str) {
    let mut request = json!({"vector": [1, 1, 1]});
    for (name, value) in fields.as_object().expect("fields") {
        request[name] = value.clone();
    }
    check(&request, code, says);
}

#[test]
fn a_search_has_exactly_one_kind_of_query() {
    let says = "a search takes one of `vector`, `vectors` and `id`";
    check(&json!({}), ErrorCode::InvalidRequest, says);
    check(&json!({"vector": [1, 1, 1], "id": "a"}), ErrorCode::InvalidRequest, says);
    check(&json!({"vector": [1, 1, 1], "vectors": [[1, 1, 1]]}), ErrorCode::InvalidRequest, says);
    check(&json!({"vector": null}), ErrorCode::InvalidRequest, says);
}

#[test]
fn the_shape_of_a_search_is_checked() {
    check_with(&json!({"top_k": 3}), ErrorCode::InvalidRequest, "unknown field `top_k`, expected one of `vector`");
    check_with(&json!({"limit": "3"}), ErrorCode::InvalidRequest, r#"invalid type: string "3", expected usize"#);
    check_with(&json!({"limit": -1}), ErrorCode::InvalidRequest, "invalid value: integer `-1`, expected usize");
    check_with(&json!({"limit": 1.5}), ErrorCode::InvalidRequest, "floating point `1.5`, expected usize");
    check_with(&json!({"exact": 1}), ErrorCode::InvalidRequest, "expected a boolean");
    check_with(&json!({"include": ["text"]}), ErrorCode::InvalidRequest, "unknown variant `text`");
    check_with(&json!({"include": "vector"}), ErrorCode::InvalidRequest, "expected a sequence");
    check_with(&json!({"consistency": "eventual"}), ErrorCode::InvalidRequest, "unknown variant `eventual`");
    check_with(&json!({"score_threshold": "high"}), ErrorCode::InvalidRequest, "expected f32");
    check_with(&json!({"score_threshold": 1e39}), ErrorCode::InvalidRequest, "number out of range");
}

#[test]
fn limit_has_a_floor_and_a_ceiling() {
    check_with(&json!({"limit": 0}), ErrorCode::LimitExceeded, "`limit` is 0, it has to be at least 1");
    check_with(&json!({"limit": 10_001}), ErrorCode::LimitExceeded, "`limit` is 10001, the limit is 10000");
}

#[test]
fn offset_counts_towards_the_limit() {
    let says = "`offset` plus `limit` is 10001, the limit is 10000";
    check_with(&json!({"offset": 9_991, "limit": 10}), ErrorCode::LimitExceeded, says);
    check_with(&json!({"offset": u64::MAX}), ErrorCode::LimitExceeded, "`offset` plus `limit` is 1844674407370955161");
    assert!(index().found(&json!({"vector": [1, 1, 1], "offset": 9_990})).is_empty());
}

#[test]
fn ef_has_a_floor_and_a_ceiling() {
    check_with(&json!({"ef": 0}), ErrorCode::LimitExceeded, "`ef` is 0, it has to be at least 1");
    check_with(&json!({"ef": 20_001}), ErrorCode::LimitExceeded, "`ef` is 20001, the limit is 20000");
}

#[test]
fn a_search_above_a_limit_names_both_numbers_for_programs() {
    let answer = index().post("search", &json!({"vector": [1, 1, 1], "limit": 10_001}));
    assert_eq!(answer.json["error"]["details"], json!({"asked": 10_001, "limit": 10_000}));
}

#[test]
fn the_number_of_queries_has_a_floor_and_a_ceiling() {
    check(&json!({"vectors": []}), ErrorCode::EmptyBatch, "`vectors` is empty: it needs at least one query");
    let says = "the number of `vectors` is 1001, the limit is 1000";
    check(&json!({"vectors": vec![[1, 1, 1]; QUERIES_MAX + 1]}), ErrorCode::LimitExceeded, says);
}

#[test]
fn a_small_request_cannot_ask_for_a_reply_without_bounds() {
    let says = "the number of queries times `offset` plus `limit` is 110000, the limit is 100000";
    check(&json!({"vectors": vec![[1, 1, 1]; 11], "limit": 10_000}), ErrorCode::LimitExceeded, says);
    check(&json!({"vectors": vec![[1, 1, 1]; 11], "limit": 1, "offset": 9_999}), ErrorCode::LimitExceeded, says);
    let wide = Index::fresh(&json!({"dim": 4096, "metric": "euclidean"}));
    let says = "the number of vector components in the reply is 16781312, the limit is 16777216";
    let mut search = json!({"vector": vec![1; 4096], "limit": 4097, "include": ["vector"]});
    wide.post("search", &search).refused(ErrorCode::LimitExceeded, says);
    search["include"] = json!([]);
    wide.post("search", &search).ok();
    let ids: Vec<_> = (0..4097).map(|n| format!("{n}")).collect();
    wide.post("documents", &json!({"ids": ids})).refused(ErrorCode::LimitExceeded, says);
    wide.post("documents", &json!({"ids": ids, "include": []})).ok();
}

#[test]
fn a_query_that_does_not_fit_is_named() {
    let index = index();
    let dimensions = format!("has 2 dimensions, index `{}` has 3", index.name);
    let refused = |request, code, says: &str| index.post("search", &request).refused(code, says);
    let mismatch = ErrorCode::DimensionMismatch;
    refused(json!({"vector": [1, 2]}), mismatch, &format!("the query vector {dimensions}"));
    refused(json!({"vectors": [[1, 2, 3], [1, 2]]}), mismatch, &format!("query vector 1 {dimensions}"));
    let invalid = ErrorCode::InvalidVector;
    refused(json!({"vector": [1, null, 3]}), invalid, "the query vector component 1 is not a finite number");
    refused(json!({"vector": [1, 2, 1e39]}), invalid, "the query vector component 2 is not a finite number");
    refused(json!({"vector": "AACAPwAAwH8AAEBA"}), invalid, "the query vector component 1 is not a finite number");
    refused(json!({"vector": [1, 2, 1e16]}), invalid, "component 2 is 10000000000000000, beyond ±1e15");
    refused(json!({"vector": "?"}), invalid, "the query vector is a text that is not the base64");
    refused(json!({"vector": [0, 0, 0]}), invalid, "the query vector has length 0e0: under the metric cosine");
    refused(json!({"vectors": [[1, 2, 3], [0, 0, 0]]}), invalid, "query vector 1 has length 0e0");
}

#[test]
fn a_query_by_the_id_of_no_document_is_named() {
    let index = index();
    let says = format!("index `{}` has no document `nobody`", index.name);
    index.post("search", &json!({"id": "nobody"})).refused(ErrorCode::DocumentNotFound, &says);
    check(&json!({"id": ""}), ErrorCode::InvalidId, "a document id is empty");
    check(&json!({"id": 7}), ErrorCode::InvalidRequest, "invalid type: integer `7`");
}

#[test]
fn a_timeout_has_a_floor_and_a_ceiling_on_every_endpoint() {
    let index = index();
    let bodies = [
        ("index", json!({"documents": [{"id": "c", "vector": [1, 1, 1]}]})),
        ("update", json!({"documents": [{"id": "a", "metadata": {"x": 1}}]})),
        ("delete", json!({"ids": ["a"]})),
        ("search", json!({"vector": [1, 1, 1]})),
        ("documents", json!({"ids": ["a"]})),
        ("count", json!({})),
    ];
    let bounds =
        [(0, "`timeout_ms` is 0, it has to be at least 1"), (600_001, "`timeout_ms` is 600001, the limit is 600000")];
    index.untouched(|index| {
        for (endpoint, mut body) in bodies {
            for (timeout, says) in bounds {
                body["timeout_ms"] = json!(timeout);
                index.post(endpoint, &body).refused(ErrorCode::LimitExceeded, says);
            }
        }
    });
}

#[test]
fn an_after_that_is_no_token_is_refused() {
    let says = "`after` is no token of this server: give back an `as_of` as it was received";
    for token in ["", "now", "AAAA", "***"] {
        check_with(&json!({"after": token}), ErrorCode::InvalidRequest, says);
        index().post("count", &json!({"after": token})).refused(ErrorCode::InvalidRequest, says);
        index().post("documents", &json!({"ids": ["a"], "after": token})).refused(ErrorCode::InvalidRequest, says);
    }
}
