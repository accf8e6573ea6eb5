//! SIGTERM: who is being served is served to the end, then the process ends with 0.

use annuli_api::ErrorCode;
use annuli_tests::raw_http::RawConnection;
use annuli_tests::{Index, Launch, Server, wait_until};
use serde_json::json;
use std::net::TcpStream;

const DOCUMENT: &str = r#"{"documents": [{"id": "late", "vector": [1]}]}"#;

fn create(server: &Server) -> Index {
    Index::create_named(&server.client(), "served", &json!({"dim": 1, "metric": "euclidean"}))
}

/// Sends a request but for its body, and returns once its handler waits for that.
fn begin_request(server: &Server) -> RawConnection {
    let mut connection = RawConnection::open(server.address()).send(format!(
        "POST /v1/indexes/served/index HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        DOCUMENT.len()
    ));
    // The server asks for the body when somebody is there to read it.
    assert_eq!(connection.answer().status, 100);
    connection
}

fn wait_until_told(server: &Server) {
    wait_until("a server that was told to end", || server.log().contains("told to end by SIGTERM"));
}

#[test]
fn an_idle_server_ends_with_0() {
    let mut server = Server::start();
    create(&server);
    assert_eq!(server.sigterm().code(), Some(0));
    assert!(server.log().contains("ended"), "{}", server.log());
}

#[test]
fn a_request_that_is_under_way_has_its_answer_and_its_effect() {
    let mut server = Server::start();
    create(&server);
    let connection = begin_request(&server);
    server.ask_to_end();
    wait_until_told(&server);
    assert_eq!(connection.send(DOCUMENT).answer().ok()["indexed"], 1);
    assert_eq!(server.wait().code(), Some(0));
    server.restart();
    assert_eq!(Index::named(&server.client(), "served").found(&json!({"vector": [1]})), ["late"]);
}

#[test]
fn who_comes_meanwhile_is_told_to_go_elsewhere() {
    let mut server = Server::start();
    create(&server);
    let connection = begin_request(&server);
    server.ask_to_end();
    wait_until_told(&server);
    let client = server.client();
    let answer = client.get("/readyz");
    assert_eq!((answer.status, answer.text.as_str()), (503, "not ready: the process is about to end\n"));
    assert_eq!(client.get("/livez").status, 200);
    let answer = client.post("/v1/indexes/served/search", &json!({"vector": [1]}));
    answer.refused(ErrorCode::ShuttingDown, "the server is about to end");
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    connection.send(DOCUMENT).answer().ok();
    assert_eq!(server.wait().code(), Some(0));
    assert!(TcpStream::connect(server.address()).is_err());
}

#[track_caller]
fn check_does_not_hold_up_the_end(bytes: &str) {
    let mut server = Server::start();
    let _connection = RawConnection::open(server.address()).send(bytes);
    // Connections are taken in their order: the one before is served by now.
    assert_eq!(server.client().get("/livez").status, 200);
    assert_eq!(server.sigterm().code(), Some(0), "{bytes:?}");
}

#[test]
fn connections_without_a_request_do_not_hold_up_the_end() {
    check_does_not_hold_up_the_end("");
    check_does_not_hold_up_the_end("GET /livez HTTP/1.1\r\nhost:");
}

#[test]
fn a_connection_that_is_kept_alive_is_closed_at_the_end() {
    let mut server = Server::start();
    let mut kept_alive = RawConnection::open(server.address()).request("GET", "/livez", "", "");
    assert_eq!(kept_alive.answer().status, 200);
    assert_eq!(server.sigterm().code(), Some(0));
    assert_eq!(kept_alive.until_closed(), "");
}

#[test]
fn a_request_that_never_ends_is_given_up_after_the_drain_time() {
    let mut server = Launch::new().argument("--drain-ms").argument("100").start();
    create(&server);
    let _connection = begin_request(&server);
    assert_eq!(server.sigterm().code(), Some(1));
    let says = "some requests were not finished within 100 ms (`drain_ms`)";
    assert!(server.log().contains(says), "{}", server.log());
    server.restart();
    assert_eq!(Index::named(&server.client(), "served").count(), 0);
}

#[test]
fn large_searches_that_are_under_way_are_answered() {
    let mut server = Server::start();
    let schema = json!({"dim": 64, "metric": "euclidean", "shards": 2});
    let index = Index::create_named(&server.client(), "large", &schema);
    let document = |n: u32| json!({"id": format!("{n}"), "vector": vec![n % 97; 64]});
    index.store(&json!((0..5_000).map(document).collect::<Vec<_>>()));
    let search = json!({"vectors": vec![vec![1; 64]; 500], "exact": true, "limit": 1}).to_string();
    let head = "content-type: application/json\r\nexpect: 100-continue\r\n";
    let begin = || {
        let connection = RawConnection::open(server.address());
        let length = search.len();
        let mut connection = connection.send(format!(
            "POST {} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{head}\r\n",
            index.path("/search")
        ));
        assert_eq!(connection.answer().status, 100);
        connection.send(&search)
    };
    let connections: Vec<_> = (0..4).map(|_| begin()).collect();
    server.ask_to_end();
    for mut connection in connections {
        assert_eq!(connection.answer().ok()["results"].as_array().map(Vec::len), Some(500));
    }
    assert_eq!(server.wait().code(), Some(0));
}
