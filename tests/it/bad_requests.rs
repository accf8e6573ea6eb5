//! Requests that are wrong before anybody looks at what they ask for: their body, its type, its size, their path.

use annuli_api::ErrorCode;
use annuli_core::limits::BODY_BYTES_MAX;
use annuli_tests::raw_http::RawConnection;
use annuli_tests::{Answer, Index, Server, Sharing};
use serde_json::json;
use std::sync::Arc;

/// One document. The tests use one index together: what is refused does not touch it.
fn index() -> Arc<Index> {
    static SHARED: Sharing<Index> = Sharing::new();
    SHARED.get(fresh_index)
}

fn fresh_index() -> Index {
    let index = Index::fresh(&json!({"dim": 1, "metric": "euclidean"}));
    index.store(&json!([{"id": "a", "vector": [1]}]));
    index
}

/// Posts to the index's endpoint with these header lines.
fn posted(index: &Index, endpoint: &str, headers: &str, body: &str) -> Answer {
    let path = index.path(&format!("/{endpoint}"));
    RawConnection::open(Server::shared().address()).request("POST", &path, headers, body).answer()
}

#[test]
fn a_body_that_does_not_say_that_it_is_json_is_not_read() {
    let document = r#"{"documents": [{"id": "b", "vector": [1]}]}"#;
    index().untouched(|index| {
        let refused = |headers, says: &str| {
            posted(index, "index", headers, document).refused(ErrorCode::UnsupportedMediaType, says);
        };
        let cure = "send it with the header `content-type: application/json`";
        refused("", &format!("the body has no content type: {cure}"));
        refused("content-type: text/plain\r\n", &format!("the body has `text/plain`: {cure}"));
        refused("content-type: application/x-www-form-urlencoded\r\n", cure);
        refused("content-type: application/jsonp\r\n", cure);
    });
}

#[test]
fn a_content_type_may_have_parameters_and_any_case() {
    let index = index();
    for content_type in ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=UTF-8"] {
        let headers = format!("content-type: {content_type}\r\n");
        let answer = posted(&index, "search", &headers, r#"{"vector": [1]}"#);
        assert_eq!(answer.status, 200, "{content_type}: {}", answer.text);
    }
}

#[test]
fn a_count_needs_no_body_but_if_there_is_one_it_says_its_type() {
    let index = index();
    let answer = posted(&index, "count", "", "");
    assert_eq!((answer.status, &answer.json["count"]), (200, &json!(1)), "{}", answer.text);
    posted(&index, "count", "", "{}").refused(ErrorCode::UnsupportedMediaType, "no content type");
}

#[test]
fn a_body_that_is_not_utf8_is_malformed() {
    let index = index();
    let head = format!("POST {} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n", index.path("/index"));
    let body = b"{\"documents\": [{\"id\": \"\xff\", \"vector\": [1]}]}";
    index.untouched(|_| {
        let head = format!("{head}content-length: {}\r\n\r\n", body.len());
        let answer = RawConnection::open(Server::shared().address()).send(head).send(body).answer();
        answer.refused(ErrorCode::MalformedJson, "the body is not JSON: invalid unicode code point");
    });
}

const TOO_LARGE: &str = "the body is larger than 33554432 bytes: send smaller batches, or vectors as base64";

#[test]
fn a_body_that_announces_more_than_the_limit_is_refused_before_it_is_sent() {
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        index().path("/index"),
        BODY_BYTES_MAX + 1
    );
    let answer = RawConnection::open(Server::shared().address()).send(head).answer();
    answer.refused(ErrorCode::BodyTooLarge, TOO_LARGE);
    assert_eq!(answer.json["error"]["details"], json!({"limit": BODY_BYTES_MAX}));
}

#[test]
fn a_body_in_chunks_is_refused_when_it_passes_the_limit() {
    let index = index();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        index.path("/index")
    );
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let chunks = BODY_BYTES_MAX / 0x10_0000;
    index.untouched(|_| {
        let connection = RawConnection::open(Server::shared().address()).send(head);
        let mut connection = (0..chunks).fold(connection, |connection, _| connection.send(&chunk)).send("1\r\n \r\n");
        connection.answer().refused(ErrorCode::BodyTooLarge, TOO_LARGE);
    });
}

#[test]
fn an_ordinary_client_that_sends_too_much_reads_the_refusal() {
    let index = index();
    let body = " ".repeat(BODY_BYTES_MAX + 1);
    index.client.post_text(&index.path("/index"), &body).refused(ErrorCode::BodyTooLarge, TOO_LARGE);
}

#[test]
fn a_body_exactly_at_the_limit_is_read() {
    let index = fresh_index();
    let request = r#"{"documents": [{"id": "b", "vector": [1]}]}"#;
    let body = format!("{request}{}", " ".repeat(BODY_BYTES_MAX - request.len()));
    assert_eq!(index.client.post_text(&index.path("/index"), &body).ok()["indexed"], 1);
}

#[test]
fn an_unknown_path_is_named() {
    let server = Server::shared();
    for path in ["/", "/v1", "/v1/index", "/v2/indexes", "/v1/indexes/faces/nothing", "/v1/indexes/faces/documents/a/b"]
    {
        server.client().get(path).refused(ErrorCode::NotFound, &format!("there is no path `{path}`"));
    }
}

#[test]
fn a_method_that_a_path_does_not_take_is_named() {
    let server = Server::shared();
    let refused = |answer: Answer, says| answer.refused(ErrorCode::MethodNotAllowed, says);
    refused(server.client().delete("/v1/indexes"), "the path `/v1/indexes` takes no DELETE");
    refused(server.client().get("/v1/indexes/faces/search"), "the path `/v1/indexes/faces/search` takes no GET");
    refused(server.client().post("/v1/indexes/faces", &json!({})), "the path `/v1/indexes/faces` takes no POST");
    refused(server.client().put("/livez", &json!({})), "the path `/livez` takes no PUT");
}

#[test]
fn a_path_that_is_not_utf8_is_refused_as_everything_else_is() {
    let index = index();
    for path in ["/v1/indexes/%FF".to_owned(), index.path("/documents/%FF"), "/v1/aliases/%FF".to_owned()] {
        let answer = index.client.delete(&path);
        let answer = if answer.status == 405 { index.client.get(&path) } else { answer };
        answer.refused(ErrorCode::InvalidRequest, "UTF-8");
    }
}

#[test]
fn a_query_string_that_cannot_be_read_is_refused() {
    let index = index();
    let refused =
        |query: &str, code, says| index.client.get(&index.path(&format!("/documents?{query}"))).refused(code, says);
    refused("limit=0", ErrorCode::LimitExceeded, "`limit` is 0, it has to be at least 1");
    refused("limit=1001", ErrorCode::LimitExceeded, "`limit` is 1001, the limit is 1000");
    refused("limit=many", ErrorCode::InvalidRequest, "invalid digit found in string");
    refused("limit=-1", ErrorCode::InvalidRequest, "invalid digit found in string");
    refused("limit=1&limit=2", ErrorCode::InvalidRequest, "duplicate field `limit`");
    refused("page=2", ErrorCode::InvalidRequest, "unknown field `page`, expected one of `cursor`, `limit`, `filter`");
    refused(
        "include=text",
        ErrorCode::InvalidRequest,
        "`include` takes metadata and vector, joined by a comma, not `text`",
    );
    refused("cursor=", ErrorCode::InvalidId, "a document id is empty");
    refused("after=now", ErrorCode::InvalidRequest, "`after` is no token of this server");
    refused("timeout_ms=0", ErrorCode::LimitExceeded, "`timeout_ms` is 0, it has to be at least 1");
    refused("timeout_ms=600001", ErrorCode::LimitExceeded, "`timeout_ms` is 600001, the limit is 600000");
}

#[test]
fn the_query_string_of_one_document_is_read_too() {
    let index = index();
    let refused =
        |query: &str, code, says| index.client.get(&index.path(&format!("/documents/a?{query}"))).refused(code, says);
    refused("after=now", ErrorCode::InvalidRequest, "`after` is no token of this server");
    refused("timeout_ms=0", ErrorCode::LimitExceeded, "`timeout_ms` is 0, it has to be at least 1");
    refused(
        "include=vector",
        ErrorCode::InvalidRequest,
        "unknown field `include`, expected one of `after`, `consistency`",
    );
}

#[test]
fn a_delete_takes_either_ids_or_a_filter() {
    index().untouched(|index| {
        let refused = |body, code, says| index.post("delete", &body).refused(code, says);
        let either = "a delete takes either `ids` or `filter`";
        refused(json!({}), ErrorCode::InvalidRequest, either);
        refused(json!({"ids": ["a"], "filter": {"x": 1}}), ErrorCode::InvalidRequest, either);
        refused(json!({"ids": []}), ErrorCode::EmptyBatch, "the batch is empty: it needs at least one document or id");
        refused(json!({"ids": ["a", ""]}), ErrorCode::InvalidId, "a document id is empty");
        refused(json!({"ids": "a"}), ErrorCode::InvalidRequest, "expected a sequence");
        refused(json!({"id": "a"}), ErrorCode::InvalidRequest, "unknown field `id`, expected one of `ids`");
        refused(json!({"ids": vec!["a"; 10_001]}), ErrorCode::LimitExceeded, "the batch is 10001, the limit is 10000");
        let single = "`if_seq` goes with a single id: seqs of several documents differ";
        refused(json!({"ids": ["a", "b"], "if_seq": 1}), ErrorCode::InvalidRequest, single);
        let not_filter = "`if_seq` goes with a single id, not with `filter`";
        refused(json!({"filter": {"x": 1}, "if_seq": 1}), ErrorCode::InvalidRequest, not_filter);
    });
}

#[test]
fn a_read_of_documents_is_bounded_as_a_write_is() {
    let index = index();
    let refused = |body, code, says| index.post("documents", &body).refused(code, says);
    refused(json!({"ids": []}), ErrorCode::EmptyBatch, "the batch is empty: it needs at least one document or id");
    refused(json!({"ids": vec!["a"; 10_001]}), ErrorCode::LimitExceeded, "the batch is 10001, the limit is 10000");
    refused(json!({"ids": [""]}), ErrorCode::InvalidId, "a document id is empty");
    refused(json!({}), ErrorCode::InvalidRequest, "missing field `ids`");
    refused(json!({"ids": ["a"], "include": ["score"]}), ErrorCode::InvalidRequest, "unknown variant `score`");
}

#[test]
fn a_dump_takes_an_empty_object() {
    let index = index();
    let says = "unknown field `name`";
    index.post("dumps", &json!({"name": "x"})).refused(ErrorCode::InvalidRequest, says);
    posted(&index, "dumps", "", "{}").refused(ErrorCode::UnsupportedMediaType, "no content type");
    assert_eq!(index.client.get(&index.path("/dumps")).ok(), json!({"dumps": []}));
}

#[test]
fn an_unknown_task_or_dump_is_named() {
    let index = index();
    let uuid = "01890a5d-ac96-774b-bcce-b302099a8057";
    for id in [uuid, "newest"] {
        let answer = index.client.get(&format!("/v1/tasks/{id}"));
        answer.refused(ErrorCode::TaskNotFound, id);
        let dump = index.path(&format!("/dumps/{id}"));
        for answer in [index.client.get(&dump), index.client.delete(&dump)] {
            answer.refused(ErrorCode::DumpNotFound, id);
        }
    }
}
