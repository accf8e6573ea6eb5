//! Many clients, slow clients, and more of them than the server takes.

use annuli_api::ErrorCode;
use annuli_tests::open_files::allow_open_files;
use annuli_tests::raw_http::RawConnection;
use annuli_tests::{Index, Launch, Server};
use serde_json::json;
use std::thread;

fn create(server: &Server) -> Index {
    let index = Index::create_named(&server.client(), "served", &json!({"dim": 1, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1]}]));
    index
}

#[test]
fn clients_that_send_half_a_request_do_not_hold_up_others() {
    let server = Server::start();
    let index = create(&server);
    let slow = |n: usize| {
        let connection = RawConnection::open(server.address());
        match n % 3 {
            0 => connection,
            1 => connection.send("POST /v1/indexes/served/search HT"),
            _ => connection.send(
                "POST /v1/indexes/served/search HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
                 content-length: 1000\r\n\r\n{\"vector\": [",
            ),
        }
    };
    let slow: Vec<_> = (0..300).map(slow).collect();
    for n in 0..20 {
        index.store(&json!([{"id": format!("{n}"), "vector": [n]}]));
        assert_eq!(index.found(&json!({"vector": [n], "limit": 1})), [format!("{n}")]);
    }
    drop(slow);
    assert_eq!(index.count(), 21);
}

/// Connections that say nothing, or half of a head, take no place among requests, however many there are.
#[test]
fn two_thousand_slow_connections_do_not_keep_healthy_clients_from_their_answers() {
    // Here and in the server, beside what other tests have open.
    allow_open_files(4_096);
    let server = Server::start();
    let index = create(&server);
    let slow = |n: usize| {
        let connection = RawConnection::open(server.address());
        match n % 4 {
            0 => connection,
            1 => connection.send("POST /v1/indexes/served/search HT"),
            2 => connection.send("GET /v1/indexes HTTP/1.1\r\nhost: te"),
            // Those that have sent a whole head and keep their body do take one: fewer than there are.
            _ if n < 1_600 => connection.send(
                "POST /v1/indexes/served/search HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
                 content-length: 1000\r\n\r\n{\"vector\": [",
            ),
            _ => connection.send("G"),
        }
    };
    let slow: Vec<_> = (0..2_000).map(slow).collect();
    for n in 0..50 {
        index.store(&json!([{"id": format!("{n}"), "vector": [n]}]));
        assert_eq!(index.found(&json!({"vector": [n], "limit": 1})), [format!("{n}")]);
    }
    drop(slow);
    assert_eq!(index.count(), 51);
}

#[test]
fn a_request_that_comes_byte_by_byte_is_answered() {
    let server = Server::start();
    create(&server);
    let body = r#"{"vector": [1]}"#;
    let request = format!(
        "POST /v1/indexes/served/search HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let connection = RawConnection::open(server.address());
    let mut connection = request.as_bytes().chunks(1).fold(connection, |connection, byte| connection.send(byte));
    assert_eq!(connection.answer().ok()["results"][0]["hits"][0]["id"], "a");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_body_writes_nothing() {
    let server = Server::start();
    let index = create(&server);
    index.untouched(|_| {
        let whole = r#"{"documents": [{"id": "b", "vector": [1]}]}"#;
        let connection = RawConnection::open(server.address()).send(format!(
            "POST /v1/indexes/served/index HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{whole}",
            whole.len() + 1
        ));
        drop(connection);
        // Another request of another client has been answered since.
        assert_eq!(server.client().get("/readyz").status, 200);
    });
}

#[test]
fn one_connection_serves_many_requests() {
    let server = Server::start();
    create(&server);
    let mut connection = RawConnection::open(server.address());
    for _ in 0..50 {
        connection = connection.request("GET", "/v1/indexes/served/documents/a", "", "");
        assert_eq!(connection.answer().ok()["id"], "a");
        // What is refused does not end the connection either.
        connection = connection.request("GET", "/v1/indexes/nowhere", "", "");
        assert_eq!(connection.answer().status, 404);
    }
}

/// Sends a request whose answer does not wait for its body, then the body, then another request.
#[track_caller]
fn check_next_request(method: &str, path: &str, headers: &str) {
    let server = Server::shared();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n{headers}\r\n");
    let mut connection = RawConnection::open(server.address()).send(head);
    let answer = connection.answer();
    if answer.connection.as_deref() != Some("close") {
        let mut connection = connection.send("{}").request("GET", "/livez", "", "");
        assert_eq!(connection.answer().text, "ok\n", "after a {} for {path}", answer.status);
    }
}

#[test]
fn a_connection_goes_on_after_an_answer_unless_that_says_otherwise() {
    check_next_request("POST", "/v1/nothing", "");
    check_next_request("DELETE", "/v1/indexes", "");
    check_next_request("POST", "/v1/indexes/nowhere/dumps", "");
    check_next_request("POST", "/v1/indexes/nowhere/search", "content-type: text/plain\r\n");
    check_next_request("GET", "/v1/indexes", "");
}

#[test]
fn many_clients_at_once_are_all_answered() {
    let server = Server::start();
    let index = create(&server);
    thread::scope(|scope| {
        for client in 0..40 {
            let index = Index::named(&server.client(), "served");
            scope.spawn(move || {
                for n in 0..10 {
                    let id = format!("{client}-{n}");
                    index.store(&json!([{"id": id, "vector": [client * 10 + n]}]));
                    assert_eq!(index.document(&id)["id"], json!(id));
                    assert_eq!(index.hits(&json!({"vector": [0], "limit": 1})).len(), 1);
                }
            });
        }
    });
    assert_eq!(index.count(), 401);
}

/// Begins a request, and returns once it has its place among those at once: its handler asks for the body.
fn occupy(server: &Server) -> RawConnection {
    let mut connection = RawConnection::open(server.address()).send(
        "POST /v1/indexes/served/count HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: 2\r\n\r\n",
    );
    assert_eq!(connection.answer().status, 100);
    connection
}

#[test]
fn more_requests_at_once_than_the_limit_are_told_to_wait() {
    let server = Launch::new().variable("ANNULI_LIMITS__CONCURRENT_REQUESTS_MAX", "3").start();
    let index = create(&server);
    let occupied: Vec<_> = (0..3).map(|_| occupy(&server)).collect();
    let answer = index.post("search", &json!({"vector": [1]}));
    answer.refused(ErrorCode::Overloaded, "too many requests at once: wait a moment, or raise");
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    for path in ["/livez", "/healthz", "/readyz"] {
        assert_eq!(server.client().get(path).text, "ok\n", "health is answered nevertheless");
    }
    for connection in occupied {
        assert_eq!(connection.send("{}").answer().ok()["count"], 1);
    }
    index.post("search", &json!({"vector": [1]})).ok();
}

#[test]
fn a_client_that_leaves_gives_its_place_back() {
    let server = Launch::new().variable("ANNULI_LIMITS__CONCURRENT_REQUESTS_MAX", "1").start();
    let index = Index::named(&server.client(), "served");
    drop(occupy_absent(&server));
    annuli_tests::wait_until("a place", || index.client.get("/v1/indexes").is_success());
}

/// The same, of an index that is not there: the body is read first.
fn occupy_absent(server: &Server) -> RawConnection {
    let connection = occupy(server);
    server.client().get("/v1/indexes").refused(ErrorCode::Overloaded, "too many requests at once");
    connection
}
