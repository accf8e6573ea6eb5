//! Bodies whose few bytes stand for much memory: each is refused, and what the server takes meanwhile has a bound. And
//! bodies that are as large as they may be, and are taken.

use annuli_api::{ErrorCode, Format};
use annuli_core::limits::{
    BATCH_DOCUMENTS_MAX, BODY_BYTES_MAX, BODY_MEMORY_FACTOR_MAX, DIM_MAX, FILTER_TERMS_MAX, METADATA_BYTES_MAX,
    QUERIES_MAX,
};
use annuli_tests::memory::peak_bytes;
use annuli_tests::raw_http::RawConnection;
use annuli_tests::{Answer, Index, Server};
use serde_json::json;

/// What a server may take for one request: what the body becomes, the body itself, what it was received in, and the
/// process without any.
const PEAK_BYTES_MAX: u64 = (BODY_BYTES_MAX * (BODY_MEMORY_FACTOR_MAX + 4)) as u64;

/// What it may take where the body stops to be read at an early bound.
const SMALL_PEAK_BYTES_MAX: u64 = 3 * BODY_BYTES_MAX as u64;

/// Repeats `piece` between the two others, up to the largest body.
fn filled(before: &str, piece: &str, after: &str) -> Vec<u8> {
    let pieces = (BODY_BYTES_MAX - before.len() - after.len()) / piece.len();
    let last = piece.trim_end_matches(',');
    [before, &piece.repeat(pieces - 1), last, after].concat().into_bytes()
}

fn send(index: &Index, server: &Server, endpoint: &str, format: Format, body: &[u8]) -> Answer {
    let path = index.path(&format!("/{endpoint}"));
    let (content_type, length) = (format.content_type(), body.len());
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    RawConnection::open(server.address()).send(head).send(body).answer()
}

/// Sends a body to a server of its own; returns its answer and the most memory that the server took.
fn sent(endpoint: &str, format: Format, body: &[u8]) -> (Answer, u64) {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "index", &json!({"dim": DIM_MAX, "metric": "euclidean"}));
    let answer = send(&index, &server, endpoint, format, body);
    (answer, peak_bytes(server.pid()))
}

#[track_caller]
fn check(endpoint: &str, body: &[u8], peak_bytes_max: u64, code: ErrorCode, says: &str) {
    check_as(Format::Json, endpoint, body, peak_bytes_max, code, says);
}

#[track_caller]
fn check_as(format: Format, endpoint: &str, body: &[u8], peak_bytes_max: u64, code: ErrorCode, says: &str) {
    let (answer, peak) = sent(endpoint, format, body);
    answer.refused(code, says);
    assert!(peak <= peak_bytes_max, "it took {} MiB for: {says}", peak >> 20);
}

#[test]
fn a_million_documents_ids_or_queries_are_counted_and_not_kept() {
    let documents = filled(r#"{"documents":["#, r#"{"id":"a","vector":[1]},"#, "]}");
    let says = "the number of documents or ids in the batch is 1398100, the limit is 10000";
    check("index", &documents, SMALL_PEAK_BYTES_MAX, ErrorCode::LimitExceeded, says);
    let updates = filled(r#"{"documents":["#, r#"{"id":"a"},"#, "]}");
    check("update", &updates, SMALL_PEAK_BYTES_MAX, ErrorCode::LimitExceeded, "the limit is 10000");
    for endpoint in ["delete", "documents"] {
        let ids = filled(r#"{"ids":["#, r#""a","#, "]}");
        check(endpoint, &ids, SMALL_PEAK_BYTES_MAX, ErrorCode::LimitExceeded, "the limit is 10000");
    }
    let queries = filled(r#"{"vectors":["#, "[],", "]}");
    check("search", &queries, SMALL_PEAK_BYTES_MAX, ErrorCode::LimitExceeded, "the number of `vectors` is 11184806,");
}

#[test]
fn a_vector_of_millions_of_components_is_counted_and_not_kept() {
    let says = "vector of document `a` has 16777197 components, a vector has 1 to 4096";
    let vector = filled(r#"{"documents":[{"id":"a","vector":["#, "0,", "]}]}");
    check("index", &vector, SMALL_PEAK_BYTES_MAX, ErrorCode::InvalidVector, says);
    let query = filled(r#"{"vector":["#, "0,", "]}");
    check("search", &query, SMALL_PEAK_BYTES_MAX, ErrorCode::InvalidVector, "components, a vector has 1 to 4096");
}

#[test]
fn metadata_of_millions_of_values_is_refused_when_it_is_surely_too_large() {
    let (before, after) = (r#"{"documents":[{"id":"a","vector":[1],"metadata":{"a":["#, "]}}]}");
    let says = "metadata has more than 65536 bytes as compact JSON, which is the limit";
    for piece in ["0,", "[],", "[[]],", r#"{"":0},"#] {
        let metadata = filled(before, piece, after);
        check("index", &metadata, SMALL_PEAK_BYTES_MAX, ErrorCode::InvalidMetadata, says);
    }
}

#[test]
fn filters_of_millions_of_values_are_refused_when_they_surely_have_too_many_terms() {
    let says = "filter: more than 1024 terms; objects, operators and values count";
    for piece in ["0,", "[],", r#"{"":0},"#] {
        let filter = filled(r#"{"vector":[1],"filter":{"$or":["#, piece, "]}}");
        check("search", &filter, SMALL_PEAK_BYTES_MAX, ErrorCode::InvalidFilter, says);
    }
    let filter = filled(r#"{"filter":{"a":{"$in":["#, "1,", "]}}}");
    check("delete", &filter, SMALL_PEAK_BYTES_MAX, ErrorCode::InvalidFilter, says);
    check("count", &filter, SMALL_PEAK_BYTES_MAX, ErrorCode::InvalidFilter, says);
}

/// Each document is within its limits; all together would take some gigabytes.
#[test]
fn a_batch_that_becomes_too_much_memory_is_refused() {
    let objects = vec![r#"{"":0}"#; METADATA_BYTES_MAX / 8].join(",");
    let document = format!(r#"{{"id":"a","vector":[1],"metadata":{{"a":[{objects}]}}}},"#);
    let body = filled(r#"{"documents":["#, &document, "]}");
    let says = "the body becomes more than 268435456 bytes in memory: send it in several smaller ones";
    check("index", &body, PEAK_BYTES_MAX, ErrorCode::BodyTooLarge, says);
}

#[test]
fn the_same_in_message_pack_is_refused() {
    let packed = |before: &[u8], piece: &[u8]| {
        // The list says its length in four bytes.
        let pieces = u32::try_from((BODY_BYTES_MAX - before.len() - 5) / piece.len()).expect("in 32 bits");
        [before, &[0xdd], &pieces.to_be_bytes(), &piece.repeat(pieces as usize)].concat()
    };
    let check =
        |endpoint, body: &[u8], peak, code, says| check_as(Format::MessagePack, endpoint, body, peak, code, says);
    let small = SMALL_PEAK_BYTES_MAX;
    let documents = packed(b"\x81\xa9documents", b"\x82\xa2id\xa1a\xa6vector\x91\x01");
    check("index", &documents, small, ErrorCode::LimitExceeded, "the limit is 10000");
    let vector = packed(b"\x81\xa6vector", b"\x01");
    check("search", &vector, small, ErrorCode::InvalidVector, "components, a vector has 1 to 4096");
    let metadata = packed(b"\x81\xa9documents\x91\x82\xa2id\xa1a\xa8metadata\x81\xa1a", b"\x81\xa0\x01");
    check("update", &metadata, small, ErrorCode::InvalidMetadata, "which is the limit");
    let filter = packed(b"\x81\xa6filter\x81\xa3$or", b"\x81\xa0\x01");
    check("count", &filter, small, ErrorCode::InvalidFilter, "more than 1024 terms");
}

#[test]
fn a_body_that_is_no_utf8_is_not_kept_either() {
    let mut body = filled(r#"{"documents":[{"id":"a","vector":[1],"metadata":{"a":["#, "[],", "]}}]}");
    let last = body.len() - 1;
    body[last] = 0xff;
    check("index", &body, SMALL_PEAK_BYTES_MAX, ErrorCode::InvalidMetadata, "which is the limit");
}

#[test]
fn a_batch_that_is_as_large_as_it_may_be_is_taken() {
    let server = Server::start();
    let client = server.client();
    let small = Index::create_named(&client, "small", &json!({"dim": 1, "metric": "euclidean"}));
    let documents: Vec<_> = (0..BATCH_DOCUMENTS_MAX).map(|n| json!({"id": format!("{n}"), "vector": [n]})).collect();
    assert_eq!(small.post("index", &json!({"documents": documents})).ok()["indexed"], BATCH_DOCUMENTS_MAX);
    let answer = small.post("search", &json!({"vectors": vec![[1]; QUERIES_MAX], "limit": 1})).ok();
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(QUERIES_MAX));
    let terms: Vec<_> = (0..FILTER_TERMS_MAX - 2).collect();
    assert_eq!(small.post("count", &json!({"filter": {"a": {"$in": terms}}})).ok()["count"], 0);

    let large = Index::create_named(&client, "large", &json!({"dim": DIM_MAX, "metric": "euclidean"}));
    let zeros = vec!["0"; DIM_MAX].join(",");
    let values = vec!["0"; (METADATA_BYTES_MAX - 8) / 2].join(",");
    let document = |n| format!(r#"{{"id":"{n}","vector":[{zeros}],"metadata":{{"a":[{values}]}}}}"#);
    let few: Vec<_> = (0..200).map(document).collect();
    let body = format!(r#"{{"documents":[{}]}}"#, few.join(","));
    assert_eq!(send(&large, &server, "index", Format::Json, body.as_bytes()).ok()["indexed"], 200);
    // Numbers alone, as short as they can be: the most of them that fit into a body.
    let document = |n| {
        [&[0x82, 0xa2][..], b"id\xa4", format!("{n:04}").as_bytes(), b"\xa6vector\xdc\x10\x00", &[0; DIM_MAX]].concat()
    };
    let most = (BODY_BYTES_MAX - 64) / document(0).len();
    let mut body = [&b"\x81\xa9documents\xdd"[..], &u32::try_from(most).expect("in 32 bits").to_be_bytes()].concat();
    (0..most).for_each(|n| body.extend(document(n)));
    assert_eq!(send(&large, &server, "index", Format::MessagePack, &body).ok()["indexed"], most);
}
