//! The client, against servers of every kind.

use crate::server::{Answer, Server, index};
use annuli::client::{Client, ClientError};
use annuli_api::ErrorCode;
use annuli_api::v1::document::IndexRequest;
use annuli_api::v1::index::CreateIndex;
use annuli_api::v1::search::SearchRequest;
use annuli_core::IndexName;
use serde_json::{Value, json};
use std::io::Read;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;
use uuid::Uuid;

fn client(server: &Server) -> Client {
    Client::new(&server.url, 1).unwrap()
}

fn faces() -> IndexName {
    IndexName::new("faces").unwrap()
}

#[test]
fn every_call_has_its_method_path_and_body() {
    let server = Server::start(|seen, _| {
        Answer::ok(&match seen.call.as_str() {
            "GET /v1/indexes" => json!({"indexes": []}),
            "POST /v1/indexes/faces/index" => json!({"indexed": 0, "duplicates": [], "shards": {}, "as_of": ""}),
            "POST /v1/indexes/faces/search" => {
                let shards = json!({"total": 1, "successful": 1, "failed": [], "seqs": {}});
                json!({"results": [], "shards": shards, "as_of": "", "took_ms": 0.0})
            }
            "POST /v1/indexes/faces/dumps" => json!({"task": Uuid::nil()}),
            call if call.starts_with("GET /v1/tasks/") => {
                let progress = json!({"shards_done": 0, "shards_total": 1});
                json!({"id": Uuid::nil(), "kind": "dump", "status": "queued", "progress": progress})
            }
            _ => index("faces", 2),
        })
    });
    let client = client(&server);
    let schema = CreateIndex { dim: 2, metric: "cosine".to_owned(), shards: None, hnsw: None, quantization: None };
    client.indexes().unwrap();
    assert_eq!(client.index(&faces()).unwrap().documents, 7);
    client.create_index(&faces(), &schema).unwrap();
    client.delete_index(&faces()).unwrap();
    client.index_documents(&faces(), &IndexRequest { documents: vec![], timeout_ms: None }).unwrap();
    client.search(&faces(), &SearchRequest { id: Some("a".to_owned()), ..SearchRequest::default() }).unwrap();
    client.start_dump(&faces()).unwrap();
    client.task(Uuid::nil()).unwrap();
    let calls: Vec<(String, Value)> = server.seen().into_iter().map(|seen| (seen.call, seen.body)).collect();
    let expected = [
        ("GET /v1/indexes", Value::Null),
        ("GET /v1/indexes/faces", Value::Null),
        ("PUT /v1/indexes/faces", json!({"dim": 2, "metric": "cosine"})),
        ("DELETE /v1/indexes/faces", Value::Null),
        ("POST /v1/indexes/faces/index", json!({"documents": []})),
        ("POST /v1/indexes/faces/search", json!({"id": "a"})),
        ("POST /v1/indexes/faces/dumps", json!({})),
        ("GET /v1/tasks/00000000-0000-0000-0000-000000000000", Value::Null),
    ];
    assert_eq!(calls, expected.map(|(call, body)| (call.to_owned(), body)));
}

#[test]
fn a_refusal_carries_code_message_and_wait() {
    let server =
        Server::start(|_, _| Answer::refusal(429, "overloaded", "the queue is full").with_header("retry-after: 7"));
    let error = client(&server).indexes().unwrap_err();
    assert_eq!(error.to_string(), "the queue is full (overloaded, HTTP 429)");
    assert_eq!((error.code(), error.retry_after()), (Some(ErrorCode::Overloaded), Some(Duration::from_secs(7))));
    assert!(error.is_transient());
}

#[test]
fn only_what_may_pass_is_transient() {
    let cases = [
        (Answer::refusal(503, "shutting_down", ""), true),
        (Answer::refusal(503, "index_unavailable", ""), false),
        (Answer::refusal(422, "invalid_vector", ""), false),
        (Answer::refusal(504, "deadline_exceeded", ""), false),
        (Answer::text(503, "<html>upstream is away"), true),
        (Answer::text(502, "<html>bad gateway"), false),
    ];
    for (position, (answer, transient)) in cases.into_iter().enumerate() {
        let answer = std::sync::Mutex::new(Some(answer));
        let server = Server::start(move |_, _| answer.lock().unwrap().take().unwrap());
        let error = client(&server).indexes().unwrap_err();
        assert_eq!(error.is_transient(), transient, "{position}: {error}");
    }
}

#[test]
fn an_answer_that_is_not_annulis_is_shown() {
    let server = Server::start(|_, before| match before {
        0 => Answer::text(200, "<html>It works!"),
        1 => Answer::text(502, "<html>bad gateway"),
        _ => Answer::refusal(418, "is_a_teapot", "newer than this client"),
    });
    let client = client(&server);
    let url = &server.url;
    let next = || client.indexes().unwrap_err().to_string();
    let problem = "expected value at line 1 column 1";
    let message = format!("unexpected answer from {url}/v1/indexes, HTTP 200: \"<html>It works!\" ({problem})");
    assert_eq!(next(), message);
    assert_eq!(next(), format!("unexpected answer from {url}/v1/indexes, HTTP 502: \"<html>bad gateway\""));
    assert!(next().contains("newer than this client"));
}

#[test]
fn a_server_that_is_not_there_is_named_with_what_to_do() {
    // The port was free a moment ago, and is closed again.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Client::new(&format!("http://{address}"), 1).unwrap().indexes().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("no server at http://{address}/v1/indexes: ")), "{text}");
    assert!(text.ends_with("(start one with `annuli serve`, or name another with --url or ANNULI_URL)"), "{text}");
}

#[test]
fn a_server_that_hangs_up_has_not_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The request is read, so that closing is a plain end and no reset.
        let _ = stream.read(&mut [0; 4096]).unwrap();
    });
    let error = Client::new(&url, 1).unwrap().indexes().unwrap_err();
    assert!(matches!(error, ClientError::NoAnswer(_)), "{error:?}");
}

#[test]
fn a_server_behind_a_path_is_reached() {
    let server = Server::start(|_, _| Answer::ok(&json!({"indexes": []})));
    Client::new(&format!("{}/annuli/", server.url), 1).unwrap().indexes().unwrap();
    assert_eq!(server.calls(), ["GET /annuli/v1/indexes"]);
}
