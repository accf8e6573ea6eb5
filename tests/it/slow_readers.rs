//! Clients that ask for much and take little.

use annuli_api::ErrorCode;
use annuli_api::v1::vector::to_base64;
use annuli_tests::{Index, Launch, wait_until};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer takes memory until its client has it.
#[test]
fn a_request_holds_its_place_until_its_answer_was_taken() {
    let server = Launch::new().variable("ANNULI_LIMITS__CONCURRENT_REQUESTS_MAX", "1").start();
    let index = Index::create_named(&server.client(), "wide", &json!({"dim": 4096, "metric": "euclidean"}));
    let vector = to_base64(&[0.123_456_79; 4096]);
    let documents: Vec<_> = (0..1_000).map(|n| json!({"id": n.to_string(), "vector": vector})).collect();
    index.store(&json!(documents));

    // Some 50 MB: more than the sockets between them hold.
    let mut slow = TcpStream::connect(server.address()).unwrap();
    let path = index.path("/documents?limit=1000&include=vector");
    slow.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).unwrap();
    let mut start = [0; 100];
    slow.read_exact(&mut start).unwrap();
    assert!(start.starts_with(b"HTTP/1.1 200 OK"));
    let answer = index.client.get("/v1/indexes");
    answer.refused(ErrorCode::Overloaded, "too many requests at once");
    assert_eq!(server.client().get("/readyz").text, "ok\n", "health is answered nevertheless");

    let mut part = vec![0; 1024 * 1024];
    while !part.ends_with(b"}\n") {
        let bytes = slow.read(&mut part).unwrap();
        assert!(bytes > 0, "the answer is whole");
        part.truncate(bytes);
        if !part.ends_with(b"}\n") {
            part.resize(1024 * 1024, 0);
        }
    }
    wait_until("a place", || index.client.get("/v1/indexes").is_success());
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_answer_gives_its_place_back() {
    let server = Launch::new().variable("ANNULI_LIMITS__CONCURRENT_REQUESTS_MAX", "1").start();
    let index = Index::create_named(&server.client(), "wide", &json!({"dim": 4096, "metric": "euclidean"}));
    let documents: Vec<_> =
        (0..500).map(|n| json!({"id": n.to_string(), "vector": to_base64(&[0.123_456_79; 4096])})).collect();
    index.store(&json!(documents));
    let mut slow = TcpStream::connect(server.address()).unwrap();
    let path = index.path("/documents?limit=500&include=vector");
    slow.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).unwrap();
    slow.read_exact(&mut [0; 100]).unwrap();
    drop(slow);
    wait_until("a place", || index.client.get("/v1/indexes").is_success());
}
