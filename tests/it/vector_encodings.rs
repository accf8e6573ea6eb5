//! Vectors as numbers and as base64, in requests and in answers; small ones, and so many that a body is large.

use annuli_api::ErrorCode;
use annuli_api::v1::vector::to_base64;
use annuli_tests::Index;
use serde_json::{Value, json};

/// Hard to write in decimal: extremes, neighbours of round numbers, what is no multiple of anything.
const VECTOR: [f32; 6] = [0.1, -1.175_494_4e-38, 9.999_999e14, 16_777_217.0, -0.0, 1.0e-45];

fn index() -> Index {
    let index = Index::fresh(&json!({"dim": VECTOR.len(), "metric": "euclidean"}));
    index.store(&json!([{"id": "numbers", "vector": VECTOR}, {"id": "base64", "vector": to_base64(&VECTOR)}]));
    index
}

/// The same bits, whatever a comparison of floats says.
#[track_caller]
fn check_numbers(vector: &Value) {
    let numbers: Vec<f32> = serde_json::from_value(vector.clone()).unwrap();
    assert_eq!(numbers.map_bits(), VECTOR.map(f32::to_bits));
}

trait MapBits {
    fn map_bits(&self) -> Vec<u32>;
}

impl MapBits for Vec<f32> {
    fn map_bits(&self) -> Vec<u32> {
        self.iter().map(|number| number.to_bits()).collect()
    }
}

#[test]
fn a_vector_comes_back_bit_by_bit_in_either_encoding() {
    let index = index();
    for id in ["numbers", "base64"] {
        check_numbers(&index.document(id)["vector"]);
        let get = |encoding| index.post("documents", &json!({"ids": [id], "vector_encoding": encoding})).ok();
        check_numbers(&get("numbers")["documents"][0]["vector"]);
        assert_eq!(get("base64")["documents"][0]["vector"], to_base64(&VECTOR));
    }
}

#[test]
fn searches_and_listings_answer_in_the_encoding_that_is_asked_for() {
    let index = index();
    let search = json!({"vector": VECTOR, "limit": 2, "include": ["vector"], "vector_encoding": "base64"});
    for hit in index.post("search", &search).ok()["results"][0]["hits"].as_array().unwrap() {
        assert_eq!((&hit["distance"], &hit["vector"]), (&json!(0.0), &json!(to_base64(&VECTOR))));
    }
    let list = |query: &str| index.client.get(&index.path(&format!("/documents?include=vector{query}"))).ok();
    assert_eq!(list("&vector_encoding=base64")["documents"][1]["vector"], to_base64(&VECTOR));
    check_numbers(&list("")["documents"][1]["vector"]);
}

#[test]
fn an_unknown_encoding_is_named() {
    let index = index();
    let says = "unknown variant `float`, expected `numbers` or `base64`";
    let search = json!({"vector": VECTOR, "vector_encoding": "float"});
    index.post("search", &search).refused(ErrorCode::InvalidRequest, says);
    let list = index.client.get(&index.path("/documents?vector_encoding=float"));
    list.refused(ErrorCode::InvalidRequest, says);
}

/// However a client writes a number, it is the same number.
#[test]
fn numbers_may_be_written_in_any_way_that_json_has() {
    let index = Index::fresh(&json!({"dim": 4, "metric": "euclidean"}));
    let written = ["[ 1.5,\n -2e-3 , 0.1 ,16777217 ]", "[15E-1,-0.002,1.00000001490116119384765625e-1,1.6777217e7]"];
    for (n, vector) in written.iter().enumerate() {
        let body = format!(r#"{{"documents": [{{"id": "{n}", "vector": {vector}}}]}}"#);
        index.client.post_text(&index.path("/index"), &body).ok();
        assert_eq!(index.document(&n.to_string())["vector"], json!([1.5, -0.002, 0.1, 16_777_216.0]));
    }
}

/// Large bodies are read beside the connections' threads; what is wrong in them is said all the same.
#[test]
fn a_large_body_is_read_and_refused_as_a_small_one() {
    let dim = 256;
    let index = Index::fresh(&json!({"dim": dim, "metric": "euclidean", "shards": 2}));
    let vector = |n: u16| vec![f32::from(n) / 7.0; dim];
    let mut documents: Vec<_> = (0..2_000_u16).map(|n| json!({"id": n.to_string(), "vector": vector(n)})).collect();
    index.store(&json!(documents));
    let queries: Vec<_> = (0..1_000_u16).map(|n| json!(vector(n))).collect();
    let mut search = json!({"vectors": queries, "limit": 1, "include": ["vector"]});
    let reply = index.search(&search);
    let nearest: Vec<_> = reply.results.iter().map(|result| result.hits[0].id.clone()).collect();
    assert_eq!(nearest, (0..1_000).map(|n| n.to_string()).collect::<Vec<_>>());

    documents[1_999]["vector"][3] = Value::Null;
    index.untouched(|index| {
        let says = "vector of document `1999` component 3 is not a finite number";
        index.post("index", &json!({"documents": documents})).refused(ErrorCode::InvalidVector, says);
        documents[1_999]["vector"][3] = json!("3");
        let says = "invalid type: string \"3\"";
        index.post("index", &json!({"documents": documents})).refused(ErrorCode::InvalidRequest, says);
    });
    search["vectors"][999] = json!([1]);
    index.post("search", &search).refused(ErrorCode::DimensionMismatch, "query vector 999 has 1 dimensions");
}
