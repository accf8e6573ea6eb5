//! `annuli search`

use crate::cli::run_with;
use crate::server::{Answer, Server};
use serde_json::{Value, json};
use std::fs;

fn reply() -> Value {
    let hit = |id: &str, score: f32| json!({"id": id, "score": score, "distance": 1.0 - score, "metadata": {"n": id}});
    let shards = json!({"total": 2, "successful": 2, "failed": [], "seqs": {"0": 3, "1": 4}});
    let results = json!([{"hits": [hit("nginx", 0.75), hit("apache2", 0.5)]}]);
    json!({"results": results, "shards": shards, "as_of": "token", "took_ms": 1.5})
}

fn server() -> Server {
    Server::start(|_, _| Answer::ok(&reply()))
}

/// Runs a search of the index `faces` and gives the body that the server got.
#[track_caller]
fn body_of(flags: &[&str]) -> Value {
    let server = server();
    run_with(&server, &[&["search", "--index", "faces"], flags].concat()).done();
    assert_eq!(server.calls(), ["POST /v1/indexes/faces/search"]);
    server.seen()[0].body.clone()
}

#[test]
fn hits_are_a_table_or_the_apis_json() {
    let expected = "\
rank  id          score  distance  metadata
   1  nginx    0.750000  0.250000  {\"n\":\"nginx\"}
   2  apache2  0.500000  0.500000  {\"n\":\"apache2\"}

2 hits in 1.5 ms, 2 of 2 shards
";
    let arguments = ["search", "--index", "faces", "--id", "x"];
    assert_eq!(run_with(&server(), &arguments).done(), expected);
    assert_eq!(run_with(&server(), &[&arguments[..], &["--output", "json"]].concat()).json(), reply());
}

#[test]
fn the_request_is_what_the_flags_say() {
    assert_eq!(body_of(&["--id", "a"]), json!({"id": "a"}));
    assert_eq!(body_of(&["--vector", "[-1, 2.5]"]), json!({"vector": [-1.0, 2.5]}));
    let filter = r#"{"size": {"$gt": 1}}"#;
    let some = ["--id", "a", "--limit", "5", "--ef", "70", "--offset", "2", "--filter", filter];
    let expected = json!({"id": "a", "limit": 5, "ef": 70, "offset": 2, "filter": {"size": {"$gt": 1}}});
    assert_eq!(body_of(&some), expected);
    let others = ["--id", "a", "--exact", "--score-threshold", "-0.5", "--include", "vector,metadata"];
    let expected = json!({"id": "a", "exact": true, "score_threshold": -0.5, "include": ["vector", "metadata"]});
    assert_eq!(body_of(&others), expected);
}

#[test]
fn a_query_may_be_a_row_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("q.npy");
    let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2), }";
    let numbers = [0x3c00_u16, 0x4000, 0x4200, 0x4400].map(u16::to_le_bytes).concat();
    let length = [u8::try_from(header.len()).unwrap(), 0];
    fs::write(&path, [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &numbers].concat()).unwrap();
    let path = path.to_str().unwrap();
    // The base64 of 3.0 and 4.0.
    assert_eq!(body_of(&["--vectors", path, "--row", "1"]), json!({"vector": "AABAQAAAgEA="}));
    let beyond = run_with(&server(), &["search", "--index", "faces", "--vectors", path, "--row", "2"]);
    assert_eq!(beyond.code, 1);
    assert!(beyond.stderr.ends_with("has 2 rows, from 0: there is no row 2\n"), "{}", beyond.stderr);
}

#[test]
fn json_that_cannot_be_read_is_named_before_anybody_is_asked() {
    let server = server();
    let wrong = run_with(&server, &["search", "--index", "faces", "--id", "a", "--filter", "{size: 1}"]);
    assert_eq!(wrong.code, 1);
    let message = "error: --filter is not the JSON that it should be: key must be a string at line 1 column 2\n";
    assert_eq!(wrong.stderr, message);
    assert_eq!(server.seen(), []);
}
