//! Documents that cannot be stored. The whole batch is refused, the message names the document and the bound, and
//! nothing is written.

use annuli_api::ErrorCode;
use annuli_core::limits::{BATCH_DOCUMENTS_MAX, ID_BYTES_MAX, METADATA_BYTES_MAX, METADATA_DEPTH_MAX};
use annuli_tests::{Index, Sharing};
use serde_json::{Value, json};
use std::sync::Arc;

/// Two documents, on two shards. The tests use one index together: what is refused does not touch it.
fn index() -> Arc<Index> {
    static SHARED: Sharing<Index> = Sharing::new();
    SHARED.get(|| {
        let index = Index::fresh(&json!({"dim": 3, "metric": "cosine", "shards": 2}));
        index.store(&json!([{"id": "a", "vector": [1, 2, 3]}, {"id": "b", "vector": [3, 2, 1]}]));
        index
    })
}

/// Sends the document behind a good one, to be stored and as a change of one that exists.
#[track_caller]
fn check_document(document: &Value, code: ErrorCode, says: &str) {
    check_text(&document.to_string(), code, says);
}

/// The same for a document that only a text can say.
#[track_caller]
fn check_text(document: &str, code: ErrorCode, says: &str) {
    let index = index();
    let body = format!(r#"{{"documents": [{{"id": "b", "vector": [1, 1, 1]}}, {document}]}}"#);
    index.untouched(|index| {
        for endpoint in ["index", "update"] {
            index.client.post_text(&index.path(&format!("/{endpoint}")), &body).refused(code, says);
        }
    });
}

/// Sends a whole body, to be stored and as changes.
#[track_caller]
fn check_body(body: &str, code: ErrorCode, says: &str) {
    let index = index();
    index.untouched(|index| {
        for endpoint in ["index", "update"] {
            index.client.post_text(&index.path(&format!("/{endpoint}")), body).refused(code, says);
        }
    });
}

#[track_caller]
fn check_vector(vector: &Value, code: ErrorCode, says: &str) {
    check_document(&json!({"id": "a", "vector": vector}), code, &format!("vector of document `a` {says}"));
}

#[test]
fn a_body_that_is_not_json_is_malformed() {
    let malformed = |body| check_body(body, ErrorCode::MalformedJson, "the body is not JSON: ");
    malformed("");
    malformed("{");
    malformed(r#"{"documents": [{"id": "a", "vector": [1, 2, 3]}"#);
    malformed(r#"{"documents": []} {"documents": []}"#);
    malformed(r#"{'documents': []}"#);
}

#[test]
fn nan_and_infinity_are_not_json() {
    for number in ["NaN", "Infinity", "-Infinity", "1e", ".5", "0x1"] {
        let document = format!(r#"{{"id": "a", "vector": [1, 2, {number}]}}"#);
        check_text(&document, ErrorCode::MalformedJson, "the body is not JSON: ");
    }
}

#[test]
fn an_unknown_field_is_named_with_those_that_are_known() {
    check_document(
        &json!({"id": "a", "vectr": [1, 2, 3]}),
        ErrorCode::InvalidRequest,
        "unknown field `vectr`, expected one of `id`, `vector`, `metadata`, `if_seq`",
    );
    check_body(
        r#"{"documents": [{"id": "a", "vector": [1, 2, 3]}], "wait": true}"#,
        ErrorCode::InvalidRequest,
        "unknown field `wait`, expected `documents` or `timeout_ms`",
    );
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    let wrong = |document, says| check_document(&document, ErrorCode::InvalidRequest, says);
    wrong(json!({"id": 7, "vector": [1, 2, 3]}), "invalid type: integer `7`, expected a string");
    wrong(json!({"id": "a", "vector": {"x": 1}}), "expected a vector: a list of numbers, or base64");
    wrong(json!({"id": "a", "vector": 1}), "expected a vector: a list of numbers, or base64");
    wrong(json!({"id": "a", "vector": [1, "2", 3]}), r#"invalid type: string "2""#);
    wrong(json!({"id": "a", "vector": [1, [2], 3]}), "invalid type: sequence");
    wrong(json!({"id": "a", "vector": [1, true, 3]}), "invalid type: boolean `true`");
    wrong(json!({"id": "a", "vector": [1, 2, 3], "metadata": ["x"]}), "expected metadata: a JSON object");
    wrong(json!({"id": "a", "vector": [1, 2, 3], "metadata": "x"}), "expected metadata: a JSON object");
    wrong(json!({"id": "a", "vector": [1, 2, 3], "if_seq": -1}), "invalid value: integer `-1`, expected u64");
    wrong(json!({"id": "a", "vector": [1, 2, 3], "if_seq": "1"}), "expected u64");
    check_body(r#"{"documents": {"id": "a"}}"#, ErrorCode::InvalidRequest, "invalid type: map, expected a sequence");
    check_body("[]", ErrorCode::InvalidRequest, "the body is a list: it has to be an object");
    check_body("null", ErrorCode::InvalidRequest, "invalid type: null");
}

#[test]
fn a_missing_field_is_named() {
    check_document(&json!({"vector": [1, 2, 3]}), ErrorCode::InvalidRequest, "missing field `id`");
    check_body("{}", ErrorCode::InvalidRequest, "missing field `documents`");
    let without_vector = json!({"documents": [{"id": "a"}]});
    index().untouched(|index| {
        index.post("index", &without_vector).refused(ErrorCode::InvalidRequest, "missing field `vector`");
        let says = "the update of document `a` changes nothing: give a vector, metadata or both";
        index.post("update", &without_vector).refused(ErrorCode::InvalidRequest, says);
    });
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    let twice = r#"{"id": "a", "id": "b", "vector": [1, 2, 3]}"#;
    check_text(twice, ErrorCode::InvalidRequest, "duplicate field `id`");
}

#[test]
fn an_empty_batch_is_refused() {
    let says = "the batch is empty: it needs at least one document or id";
    check_body(r#"{"documents": []}"#, ErrorCode::EmptyBatch, says);
}

#[test]
fn a_batch_above_the_limit_is_refused_with_both_numbers() {
    let documents = vec![json!({"id": "a", "vector": [1, 2, 3]}); BATCH_DOCUMENTS_MAX + 1];
    let body = json!({"documents": documents}).to_string();
    check_body(&body, ErrorCode::LimitExceeded, "the batch is 10001, the limit is 10000");
}

#[test]
fn another_dimension_is_refused_with_the_document_and_both_dimensions() {
    let index = index();
    let document = json!({"documents": [{"id": "short", "vector": [1, 2]}]});
    let answer = index.post("index", &document);
    let says = format!("vector of document `short` has 2 dimensions, index `{}` has 3", index.name);
    answer.refused(ErrorCode::DimensionMismatch, &says);
    assert_eq!(answer.json["error"]["details"], json!({"id": "short", "got": 2, "want": 3}));
    check_vector(&json!([1, 2, 3, 4]), ErrorCode::DimensionMismatch, "has 4 dimensions, index");
    check_vector(&json!([]), ErrorCode::InvalidVector, "has 0 components, a vector has 1 to 4096");
    check_vector(&json!(vec![1; 4097]), ErrorCode::InvalidVector, "has 4097 components, a vector has 1 to 4096");
}

#[test]
fn what_is_no_finite_number_is_refused_with_its_place() {
    let infinite = |vector| check_vector(&vector, ErrorCode::InvalidVector, "component 1 is not a finite number");
    infinite(json!([1, null, 3]));
    infinite(json!([1, 1e39, 3]));
    infinite(json!([1, -1e39, 3]));
    // Little-endian 32-bit floats: 1, then NaN or an infinity, then 3.
    infinite(json!("AACAPwAAwH8AAEBA"));
    infinite(json!("AACAPwAAgH8AAEBA"));
    infinite(json!("AACAPwAAgP8AAEBA"));
}

#[test]
fn a_number_that_no_float_holds_is_refused() {
    for number in ["1e400", "-1e400"] {
        let document = format!(r#"{{"id": "a", "vector": [1, {number}, 3]}}"#);
        check_text(&document, ErrorCode::InvalidRequest, "number out of range");
    }
}

#[test]
fn a_component_that_would_overflow_distances_is_refused() {
    let says = "component 2 is 10000000000000000, beyond ±1e15: distances would overflow";
    check_vector(&json!([1, 2, 1e16]), ErrorCode::InvalidVector, says);
}

#[test]
fn a_text_that_is_not_base64_of_whole_floats_is_refused() {
    let unreadable = |text: &str| {
        let says = "is a text that is not the base64 of little-endian 32-bit floats";
        check_vector(&json!(text), ErrorCode::InvalidVector, says);
    };
    unreadable("***");
    unreadable("AACAPwAAAEAAAEBA=");
    unreadable("AACAPwAAAEAAAEB");
    unreadable("AAAA");
    unreadable("1, 2, 3");
    check_vector(&json!(""), ErrorCode::InvalidVector, "has 0 components");
}

#[test]
fn a_vector_without_direction_is_refused_under_cosine() {
    let directionless = |vector, length| {
        let bound = "under the metric cosine a vector needs a direction (a length of at least 1e-15)";
        check_vector(&vector, ErrorCode::InvalidVector, &format!("has length {length}: {bound}"));
    };
    directionless(json!([0, 0, 0]), "0e0");
    directionless(json!([0, 1e-16, 0]), "1e-16");
    directionless(json!("AAAAAAAAAAAAAAAA"), "0e0");
}

#[test]
fn a_vector_without_direction_is_fine_under_the_other_metrics() {
    for metric in ["euclidean", "inner_product"] {
        let index = Index::fresh(&json!({"dim": 2, "metric": metric}));
        index.store(&json!([{"id": "zero", "vector": [0, 0]}]));
        assert_eq!(index.found(&json!({"vector": [0, 0]})), ["zero"], "{metric}");
    }
}

#[test]
fn an_id_that_is_empty_or_too_long_is_refused() {
    let vector = json!([1, 2, 3]);
    let says = "a document id is empty: it needs 1 to 512 bytes";
    check_document(&json!({"id": "", "vector": vector}), ErrorCode::InvalidId, says);
    let long = "ä".repeat(ID_BYTES_MAX / 2 + 1);
    let says = format!("document id `{}...` has 514 bytes, the limit is 512", "ä".repeat(32));
    check_document(&json!({"id": long, "vector": vector}), ErrorCode::InvalidId, &says);
}

#[test]
fn metadata_above_the_limit_is_refused_with_its_size() {
    // `{"a":"…"}` has eight bytes beside the text.
    let metadata = json!({"a": "x".repeat(METADATA_BYTES_MAX - 7)});
    check_document(
        &json!({"id": "a", "vector": [1, 2, 3], "metadata": metadata}),
        ErrorCode::InvalidMetadata,
        "document `a`: metadata has 65537 bytes as compact JSON, the limit is 65536",
    );
}

#[test]
fn metadata_that_is_nested_too_deep_is_refused_with_its_depth() {
    check_document(
        &json!({"id": "a", "vector": [1, 2, 3], "metadata": nested(METADATA_DEPTH_MAX + 1)}),
        ErrorCode::InvalidMetadata,
        "document `a`: metadata is nested 33 levels deep, the limit is 32",
    );
}

#[test]
fn json_that_is_nested_deeper_than_it_is_read_is_not_called_malformed() {
    let depth = 200;
    let metadata = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let document = format!(r#"{{"id": "a", "vector": [1, 2, 3], "metadata": {metadata}}}"#);
    check_text(&document, ErrorCode::InvalidRequest, "recursion limit exceeded");
}

/// As many objects, each in the next.
fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({"a": inner}))
}

#[test]
fn what_is_exactly_at_a_limit_is_stored() {
    let index = Index::fresh(&json!({"dim": 3, "metric": "cosine"}));
    let id = "ä".repeat(ID_BYTES_MAX / 2);
    let large = json!({"a": "x".repeat(METADATA_BYTES_MAX - 8)});
    index.store(&json!([
        {"id": id, "vector": [1e15, -1e15, 1e-15], "metadata": large},
        {"id": "deep", "vector": [0, 0, 1e-14], "metadata": nested(METADATA_DEPTH_MAX)},
    ]));
    assert_eq!(index.document(&id)["metadata"], large);
    assert_eq!(index.document("deep")["metadata"], nested(METADATA_DEPTH_MAX));
}

#[test]
fn a_merge_that_grows_too_large_is_refused_and_changes_nothing() {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean"}));
    index.store(&json!([{"id": "a", "vector": [1], "metadata": {"a": "x".repeat(METADATA_BYTES_MAX / 2)}}]));
    let growth = json!({"documents": [{"id": "a", "metadata": {"b": "x".repeat(METADATA_BYTES_MAX / 2)}}]});
    index.untouched(|index| {
        let says = "document `a`: metadata has 65551 bytes as compact JSON, the limit is 65536";
        index.post("update", &growth).refused(ErrorCode::InvalidMetadata, says);
    });
}
