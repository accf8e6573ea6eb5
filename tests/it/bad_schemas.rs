//! Indexes that cannot be made: nothing is there afterwards.

use annuli_api::ErrorCode;
use annuli_tests::{Client, Index, Server};
use serde_json::{Value, json};

#[track_caller]
fn names(client: &Client) -> Vec<String> {
    let list = client.get("/v1/indexes").ok();
    let names = list["indexes"].as_array().expect("a list").iter();
    names.map(|index| index["name"].as_str().expect("a name").to_owned()).collect()
}

#[track_caller]
fn check_schema(schema: &Value, code: ErrorCode, says: &str) {
    let server = Server::shared();
    server.client().put("/v1/indexes/not-made", schema).refused(code, says);
    assert!(!names(&server.client()).contains(&"not-made".to_owned()));
    assert!(!server.workspace().join("not-made").exists());
}

#[test]
fn a_dimension_has_a_floor_and_a_ceiling() {
    let refused =
        |dim: u64, says| check_schema(&json!({"dim": dim, "metric": "cosine"}), ErrorCode::InvalidSchema, says);
    refused(0, "an index cannot have dimension 0: it needs 1 to 4096");
    refused(4097, "an index cannot have dimension 4097: it needs 1 to 4096");
    refused(u64::MAX, "an index cannot have dimension 18446744073709551615: it needs 1 to 4096");
}

#[test]
fn an_unknown_metric_is_named_with_those_that_are_known() {
    let says = "`l2` is no metric: choose cosine, euclidean or inner_product";
    check_schema(&json!({"dim": 3, "metric": "l2"}), ErrorCode::InvalidSchema, says);
    check_schema(&json!({"dim": 3, "metric": "Cosine"}), ErrorCode::InvalidSchema, "`Cosine` is no metric");
}

#[test]
fn the_number_of_shards_has_a_floor_and_a_ceiling() {
    let refused = |shards, says| {
        check_schema(&json!({"dim": 3, "metric": "cosine", "shards": shards}), ErrorCode::InvalidSchema, says);
    };
    refused(0, "an index cannot have 0 shards: it needs 1 to 256");
    refused(257, "an index cannot have 257 shards: it needs 1 to 256");
}

#[test]
fn the_parameters_of_the_graph_have_floors_and_ceilings() {
    let refused = |hnsw, says| {
        check_schema(&json!({"dim": 3, "metric": "cosine", "hnsw": hnsw}), ErrorCode::InvalidSchema, says);
    };
    refused(json!({"m": 3}), "hnsw.m is 3: it needs 4 to 128");
    refused(json!({"m": 129}), "hnsw.m is 129: it needs 4 to 128");
    refused(json!({"m": 32, "ef_construction": 31}), "hnsw.ef_construction is 31: it needs 32 (hnsw.m) to 2000");
    refused(json!({"ef_construction": 2001}), "hnsw.ef_construction is 2001: it needs 16 (hnsw.m) to 2000");
}

#[test]
fn an_unknown_quantization_is_named_with_those_that_are_known() {
    let schema = |quantization| json!({"dim": 3, "metric": "cosine", "quantization": quantization});
    let says = "`int2` is no quantization: choose none, int8 or int4";
    check_schema(&schema("int2"), ErrorCode::InvalidSchema, says);
    check_schema(&schema(""), ErrorCode::InvalidSchema, "`` is no quantization");
}

#[test]
fn the_shape_of_a_schema_is_checked() {
    let refused = |schema, says| check_schema(&schema, ErrorCode::InvalidRequest, says);
    refused(json!({"metric": "cosine"}), "missing field `dim`");
    refused(json!({"dim": 3}), "missing field `metric`");
    refused(json!({"dim": -3, "metric": "cosine"}), "invalid value: integer `-3`, expected u64");
    refused(json!({"dim": "3", "metric": "cosine"}), r#"invalid type: string "3", expected u64"#);
    refused(json!({"dim": 3, "metric": 1}), "invalid type: integer `1`, expected a string");
    refused(json!({"dim": 3, "metric": "cosine", "replicas": 2}), "unknown field `replicas`, expected one of `dim`");
    refused(json!({"dim": 3, "metric": "cosine", "hnsw": {"M": 16}}), "unknown field `M`, expected `m` or");
}

#[test]
fn a_name_is_a_safe_folder_name() {
    let server = Server::shared();
    let schema = json!({"dim": 3, "metric": "cosine"});
    let long = "a".repeat(65);
    for name in ["Faces", "-a", "_a", "a.b", "%2E%2E", "a%2Fb", "..%2Fescaped", "%C3%A4", "a%20b", ".dumps", &long] {
        let answer = server.client().put(&format!("/v1/indexes/{name}"), &schema);
        answer
            .refused(ErrorCode::InvalidName, "cannot name an index: a name starts with a lower-case letter or a digit");
        answer.refused(ErrorCode::InvalidName, "and has at most 64 characters");
    }
    assert!(!server.workspace().join("../escaped").exists());
}

#[test]
fn an_existing_index_with_another_schema_stays_as_it_is() {
    let index = Index::fresh(&json!({"dim": 3, "metric": "cosine", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1, 2, 3]}]));
    let others = [
        json!({"dim": 4, "metric": "cosine", "shards": 2}),
        json!({"dim": 3, "metric": "euclidean", "shards": 2}),
        json!({"dim": 3, "metric": "cosine", "shards": 3}),
        json!({"dim": 3, "metric": "cosine", "shards": 2, "hnsw": {"m": 32}}),
        json!({"dim": 3, "metric": "cosine", "shards": 2, "quantization": "none"}),
    ];
    let before = index.info();
    let says = format!(
        "index `{}` exists with another schema: it has dim 3, metric cosine, shards 2, hnsw.m 16, \
         hnsw.ef_construction 200, quantization int8; asked for was dim ",
        index.name
    );
    for other in others {
        index.client.put(&index.path(""), &other).refused(ErrorCode::IndexExists, &says);
    }
    assert_eq!(index.info(), before);
}

#[test]
fn an_equal_schema_is_no_error_and_changes_nothing() {
    let index = Index::fresh(&json!({"dim": 3, "metric": "cosine", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1, 2, 3]}]));
    let before = index.info();
    let spelled_out = json!({
        "dim": 3, "metric": "cosine", "shards": 2, "hnsw": {"m": 16, "ef_construction": 200}, "quantization": "int8",
    });
    for equal in [json!({"dim": 3, "metric": "cosine", "shards": 2}), spelled_out] {
        let answer = index.client.put(&index.path(""), &equal);
        assert_eq!((answer.status, answer.json), (200, before.clone()));
    }
}

#[test]
fn an_unknown_index_is_named_on_every_endpoint() {
    let server = Server::shared();
    let index = Index::named(&server.client(), "nowhere");
    let bodies = [
        ("index", json!({"documents": [{"id": "a", "vector": [1]}]})),
        ("update", json!({"documents": [{"id": "a", "metadata": {}}]})),
        ("delete", json!({"ids": ["a"]})),
        ("search", json!({"vector": [1]})),
        ("documents", json!({"ids": ["a"]})),
        ("count", json!({})),
        ("dumps", json!({})),
    ];
    let mut answers: Vec<_> = bodies.iter().map(|(endpoint, body)| index.post(endpoint, body)).collect();
    answers.extend(["", "/documents", "/documents/a", "/dumps"].map(|path| server.client().get(&index.path(path))));
    answers.push(server.client().delete(&index.path("")));
    for answer in answers {
        answer.refused(ErrorCode::IndexNotFound, "there is no index `nowhere`");
        assert_eq!(answer.json["error"]["details"], json!({"index": "nowhere"}));
    }
}
