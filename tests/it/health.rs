//! Whether the process runs, whether it can serve, and what an index says about itself.

use annuli_tests::{Index, Server};
use serde_json::{Value, json};

#[test]
fn an_empty_server_lives_and_is_ready() {
    let server = Server::shared();
    for path in ["/livez", "/healthz", "/readyz"] {
        let answer = server.client().get(path);
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok\n"), "{path}");
    }
}

#[test]
fn a_shard_without_documents_is_ready() {
    let index = Index::fresh(&json!({"dim": 4096, "metric": "cosine", "shards": 5}));
    assert_eq!(index.client.get("/readyz").status, 200);
    assert_eq!(index.info()["status"], "ready");
}

#[test]
fn an_index_describes_itself() {
    let schema = json!({"dim": 3, "metric": "inner_product", "shards": 2, "hnsw": {"m": 24}, "quantization": "none"});
    let index = Index::fresh(&schema);
    index.store(
        &json!([{"id": "a", "vector": [1, 2, 3]}, {"id": "b", "vector": [3, 2, 1]}, {"id": "c", "vector": [0, 0, 0]}]),
    );
    index.post("delete", &json!({"ids": ["c"]})).ok();
    let mut info = index.info();
    assert!(uuid::Uuid::parse_str(info["uuid"].take().as_str().expect("a uuid")).is_ok());
    let shards = info["shard_status"].take();
    assert_eq!(
        info,
        json!({
            "name": index.name,
            "uuid": null,
            "dim": 3,
            "metric": "inner_product",
            "shards": 2,
            "hnsw": {"m": 24, "ef_construction": 200},
            "quantization": "none",
            "status": "ready",
            "documents": 2,
            "aliases": [],
            "shard_status": null,
        })
    );
    let sum = |name: &str| -> u64 { (0..2).filter_map(|shard| shards[shard][name].as_u64()).sum() };
    assert_eq!((sum("shard"), sum("seq"), sum("documents"), sum("pending")), (1, 4, 2, 0));
}

#[test]
fn creating_an_index_answers_with_its_description() {
    let server = Server::shared();
    let index = Index::named(&server.client(), "described");
    let answer = index.client.put(&index.path(""), &json!({"dim": 3, "metric": "cosine"}));
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json, index.info());
    assert_eq!((&answer.json["shards"], &answer.json["documents"]), (&json!(1), &json!(0)));
    let answer = index.client.delete(&index.path(""));
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
}

#[test]
fn an_index_has_the_shards_of_the_configuration_unless_it_names_its_own() {
    let server = annuli_tests::Launch::new().argument("--shards").argument("3").start();
    let shards = |name: &str, schema: Value| Index::create_named(&server.client(), name, &schema).seqs().len();
    assert_eq!(shards("default", json!({"dim": 3, "metric": "cosine"})), 3);
    assert_eq!(shards("own", json!({"dim": 3, "metric": "cosine", "shards": 2})), 2);
}

#[test]
fn indexes_are_listed_by_name() {
    let server = Server::start();
    for name in ["b", "c", "a"] {
        Index::create_named(&server.client(), name, &json!({"dim": 1, "metric": "euclidean"}));
    }
    let list = server.client().get("/v1/indexes").ok();
    let names: Vec<_> = list["indexes"].as_array().expect("a list").iter().map(|index| index["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(list.get("unavailable"), None);
    assert_eq!(list["indexes"][0], Index::named(&server.client(), "a").info());
}
