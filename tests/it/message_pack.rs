//! MessagePack as an equal citizen: the same requests, answers, limits and refusals as in JSON.

use annuli_api::ErrorCode;
use annuli_tests::{Index, Sharing};
use serde_json::{Value, json};
use std::sync::Arc;
use ureq::Agent;
use ureq::http::Request;

const JSON: &str = "application/json";
const MESSAGE_PACK: &str = "application/msgpack";

/// Two documents on two shards. The tests use one index together and change nothing.
fn index() -> Arc<Index> {
    static SHARED: Sharing<Index> = Sharing::new();
    SHARED.get(fresh_index)
}

fn fresh_index() -> Index {
    let index = Index::fresh(&json!({"dim": 3, "metric": "euclidean", "shards": 2}));
    index.store(&json!([
        {"id": "a", "vector": [1, 2, 3], "metadata": {"n": 1, "tags": ["x", null, true, 1.5]}},
        {"id": "b", "vector": [3, 2, 1]},
    ]));
    index
}

struct Answer {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Answer {
    /// The body, read as what it says it is.
    #[track_caller]
    fn value(&self) -> Value {
        match self.content_type.as_str() {
            JSON => serde_json::from_slice(&self.body).unwrap(),
            MESSAGE_PACK => rmp_serde::from_slice(&self.body).unwrap(),
            other => panic!("an answer of type {other}"),
        }
    }

    #[track_caller]
    fn ok(&self) -> Value {
        let value = self.value();
        assert!((200..300).contains(&self.status), "{}: {value}", self.status);
        value
    }

    #[track_caller]
    fn refused(&self, code: ErrorCode, says: &str) {
        let value = self.value();
        assert_eq!(
            (self.status, value["error"]["code"].as_str()),
            (code.status(), Some(&*code.to_string())),
            "{value}"
        );
        assert!(value["error"]["message"].as_str().unwrap().contains(says), "{value}");
    }
}

fn send(path: &str, content_type: &str, accept: &str, body: &[u8]) -> Answer {
    let server = annuli_tests::Server::shared();
    let config = Agent::config_builder().http_status_as_error(false).proxy(None).build();
    let request = Request::post(format!("http://{}{path}", server.address()))
        .header("content-type", content_type)
        .header("accept", accept)
        .body(body.to_vec())
        .unwrap();
    let mut response = config.new_agent().run(request).unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body = response.body_mut().read_to_vec().unwrap();
    Answer { status: response.status().as_u16(), content_type, body }
}

fn packed(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap()
}

/// Sends and asks for MessagePack.
fn exchange(index: &Index, endpoint: &str, body: &[u8]) -> Answer {
    send(&index.path(&format!("/{endpoint}")), MESSAGE_PACK, MESSAGE_PACK, body)
}

/// A document, its vector as bytes.
fn with_bytes(id: &str, vector: &[u8]) -> Vec<u8> {
    let (id_length, length) = (u8::try_from(id.len()).unwrap(), u8::try_from(vector.len()).unwrap());
    [
        b"\x81\xa9documents\x91\x82\xa2id",
        [0xa0 | id_length].as_slice(),
        id.as_bytes(),
        b"\xa6vector\xc4",
        &[length],
        vector,
    ]
    .concat()
}

fn little_endian(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|component| component.to_le_bytes()).collect()
}

/// What differs from one answer to the next, taken out.
fn without_time(mut reply: Value) -> Value {
    reply["took_ms"].take();
    reply
}

#[test]
fn a_search_says_the_same_in_every_pair_of_formats() {
    let index = index();
    // A distance of 1 and a score of 0.5: floats that every format writes alike.
    let search = json!({"vector": [1, 2, 4], "limit": 2, "include": ["metadata", "vector"], "filter": {"n": 1}});
    let path = index.path("/search");
    let expected = without_time(index.post("search", &search).ok());
    assert_eq!(expected["results"][0]["hits"][0]["id"], "a");
    for (content_type, body) in [(JSON, search.to_string().into_bytes()), (MESSAGE_PACK, packed(&search))] {
        for accept in [JSON, MESSAGE_PACK] {
            let answer = send(&path, content_type, accept, &body);
            assert_eq!(answer.content_type, accept);
            assert_eq!(without_time(answer.ok()), expected, "{content_type} {accept}");
        }
    }
}

#[test]
fn documents_come_in_and_go_out() {
    let index = fresh_index();
    let reply = exchange(&index, "index", &with_bytes("c", &little_endian(&[0.1, -2.5, 1e-7]))).ok();
    assert_eq!(reply["indexed"], 1);
    let documents = json!({"documents": [{"id": "c", "metadata": {"kept": [1, {"x": null}]}}]});
    assert_eq!(exchange(&index, "update", &packed(&documents)).ok()["updated"], 1);
    let get = json!({"ids": ["c"]});
    let document = &exchange(&index, "documents", &packed(&get)).ok()["documents"][0];
    assert_eq!(document["metadata"], json!({"kept": [1, {"x": null}]}));
    let vector: Vec<f32> = serde_json::from_value(document["vector"].clone()).unwrap();
    assert_eq!(vector, [0.1, -2.5, 1e-7]);
    assert_eq!(index.document("c")["vector"], json!([0.1, -2.5, 1e-7]));
    assert_eq!(exchange(&index, "count", b"").ok()["count"], 3);
    assert_eq!(exchange(&index, "delete", &packed(&json!({"filter": {"kept": 1}}))).ok()["deleted"], 1);
}

#[test]
fn a_vector_comes_back_as_bytes_when_asked() {
    let index = index();
    let search = json!({"id": "b", "limit": 1, "include": ["vector"], "vector_encoding": "base64"});
    let body = exchange(&index, "search", &packed(&search)).body;
    let bytes = [b"\xc4\x0c".as_slice(), &little_endian(&[1.0, 2.0, 3.0])].concat();
    assert!(body.windows(bytes.len()).any(|window| window == bytes), "{body:x?}");
}

#[test]
fn a_refusal_says_the_same_in_both_formats() {
    let index = index();
    let bodies = [
        ("search", json!({"vector": [1, 2]})),
        ("search", json!({"vector": [1, null, 3]})),
        ("search", json!({"vectr": [1, 2, 3]})),
        ("search", json!({"vector": [1, 2, 3], "limit": 20_000})),
        ("search", json!({"vector": [1, 2, 3], "filter": {"$nor": []}})),
        ("search", json!({"id": 7})),
        ("index", json!({"documents": []})),
        ("index", json!({"documents": [{"id": "c", "vector": [1, 2, 1e39]}]})),
        ("index", json!({"documents": [{"id": "", "vector": [1, 2, 3]}]})),
        ("nothing", json!({})),
    ];
    index.untouched(|index| {
        for (endpoint, body) in bodies {
            let (in_json, in_bytes) = (index.post(endpoint, &body), exchange(index, endpoint, &packed(&body)));
            assert_eq!(in_json.status, in_bytes.status, "{body}");
            assert!(in_json.status >= 400, "{body}: {}", in_json.text);
            // JSON adds where in its text the mistake is.
            let message = in_json.message().split(" at line ").next().unwrap_or_default();
            assert_eq!(in_bytes.value()["error"]["message"], message, "{body}");
            assert_eq!(in_bytes.value()["error"]["code"], in_json.code(), "{body}");
            assert_eq!(in_bytes.value()["error"]["details"], in_json.json["error"]["details"], "{body}");
        }
    });
}

#[test]
fn bytes_that_are_no_vector_are_refused_with_the_document() {
    index().untouched(|index| {
        let refused = |vector: &[u8], says: &str| {
            exchange(index, "index", &with_bytes("c", vector)).refused(ErrorCode::InvalidVector, says);
        };
        refused(&[0; 11], "vector of document `c` has 11 bytes, which are no whole 32-bit floats");
        refused(&[], "vector of document `c` has 0 components");
        let nan = little_endian(&[1.0, f32::NAN, 3.0]);
        refused(&nan, "vector of document `c` component 1 is not a finite number");
    });
}

#[test]
fn what_is_not_message_pack_is_malformed() {
    index().untouched(|index| {
        let whole = packed(&json!({"documents": [{"id": "c", "vector": [1, 2, 3]}]}));
        for cut in 0..whole.len() {
            let answer = exchange(index, "index", &whole[..cut]);
            answer.refused(ErrorCode::MalformedMessagePack, "the body is not MessagePack: it ends too early");
        }
        let longer = [whole.as_slice(), b"\xc0"].concat();
        exchange(index, "index", &longer).refused(ErrorCode::MalformedMessagePack, "there are bytes behind its end");
        // An opening brace is the number 123.
        exchange(index, "index", b"{}").refused(ErrorCode::InvalidRequest, "invalid type: integer `123`");
    });
}

/// Each says that four thousand million of something follow.
#[test]
fn a_length_that_is_a_lie_costs_nothing() {
    index().untouched(|index| {
        for marker in [0xdb_u8, 0xc6, 0xdd, 0xdf] {
            for start in [b"\x81\xa9documents".as_slice(), b"\x81\xa9documents\x91\x82\xa2id\xa1c\xa6vector"] {
                let body = [start, &[marker], &[0xff; 4]].concat();
                let answer = exchange(index, "index", &body);
                assert!([400, 422].contains(&answer.status), "{marker:x}: {}", answer.value());
            }
        }
        let deep = [b"\x81\xa6filter".as_slice(), &vec![0x91; 1_000_000]].concat();
        exchange(index, "count", &deep).refused(ErrorCode::InvalidRequest, "recursion limit exceeded");
    });
}

/// A request is refused before a handler sees it, and yet in the format that its client reads.
#[test]
fn whoever_refuses_writes_what_the_client_accepts() {
    let answer = send("/v1/nothing", MESSAGE_PACK, MESSAGE_PACK, b"");
    assert_eq!(answer.content_type, MESSAGE_PACK);
    answer.refused(ErrorCode::NotFound, "there is no path `/v1/nothing`");
    let answer = send("/v1/nothing", MESSAGE_PACK, "text/html, */*;q=0.8", b"");
    assert_eq!(answer.content_type, JSON);
    let answer = send(&index().path("/search"), "application/cbor", MESSAGE_PACK, b"\xa0");
    answer.refused(ErrorCode::UnsupportedMediaType, "`application/cbor`: send it with the header");
}
