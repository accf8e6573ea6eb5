use super::*;
use crate::v1::document::{IndexReply, IndexRequest, StoredDocument};
use crate::v1::search::SearchRequest;
use crate::v1::vector::WireVector;
use annuli_core::Vector;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn packed(value: &Value) -> Vec<u8> {
    rmp_serde::to_vec(value).unwrap()
}

fn search(value: &Value) -> Result<SearchRequest, Failure> {
    read(&packed(value), ReadBounds::NONE)
}

#[test]
fn a_request_says_the_same_as_in_json() {
    let request = json!({
        "vector": [1, 2.5, null], "limit": 3, "include": ["metadata"], "exact": true,
        "filter": {"a": {"$in": [1, "x", 1.5, null, true]}}, "score_threshold": 0.5,
    });
    let from_json: SearchRequest = serde_json::from_value(request.clone()).unwrap();
    assert_eq!(format!("{:?}", search(&request).unwrap()), format!("{from_json:?}"));
    let documents =
        json!({"documents": [{"id": "a", "vector": [1], "metadata": {"x": {"y": [1, -1, 1.5, "ä"]}}, "if_seq": 7}]});
    let from_json: IndexRequest = serde_json::from_value(documents.clone()).unwrap();
    assert_eq!(read::<IndexRequest>(&packed(&documents), ReadBounds::NONE), Ok(from_json));
}

/// A map of one field, of bytes.
fn with_bytes(field: &str, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    let name = u8::try_from(field.len()).unwrap();
    [&[0x81, 0xa0 | name], field.as_bytes(), &[0xc4, length], bytes].concat()
}

#[test]
fn bytes_are_a_vector() {
    let floats = [1.5_f32, -2.0, 0.1];
    let bytes: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
    let request: SearchRequest = read(&with_bytes("vector", &bytes), ReadBounds::NONE).unwrap();
    let vector = Vector::try_from(request.vector.unwrap()).unwrap();
    assert_eq!(vector.as_slice(), floats);
    let request: SearchRequest = read(&with_bytes("vector", &bytes[1..]), ReadBounds::NONE).unwrap();
    let error = Vector::try_from(request.vector.unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "has 11 bytes, which are no whole 32-bit floats");
}

#[track_caller]
fn check_refused(bytes: &[u8], code: ErrorCode, says: &str) {
    let failure = read::<SearchRequest>(bytes, ReadBounds::NONE).unwrap_err();
    assert_eq!((failure.code, failure.message.as_str()), (code, says));
}

#[test]
fn what_is_not_message_pack_is_malformed() {
    let malformed = |bytes: &[u8], why| {
        check_refused(bytes, ErrorCode::MalformedMessagePack, &format!("the body is not MessagePack: {why}"));
    };
    malformed(b"", "it ends too early");
    malformed(&[0x81], "it ends too early");
    malformed(&[0x80, 0x80], "there are bytes behind its end");
    malformed(&[0x80, 0xc1], "there are bytes behind its end");
    // What follows ends too early itself.
    for behind in [&[0x91][..], &[0x81], &[0xdc, 0, 5], &[0x91, 0x91, 0x91], &[0xdc], &[0xa5]] {
        malformed(&[&[0x80], behind].concat(), "there are bytes behind its end");
    }
    malformed(b"\x81\xa2id\xa1\xff", "a text is not UTF-8");
}

#[test]
fn what_has_another_shape_is_named() {
    let invalid = |value: Value, says| check_refused(&packed(&value), ErrorCode::InvalidRequest, says);
    invalid(json!({"id": 7}), "invalid type: integer `7`, expected a string");
    invalid(
        json!({"vector": 7}),
        "invalid type: integer `7`, expected a vector: a list of numbers, or base64 of \
        little-endian 32-bit floats",
    );
    invalid(json!({"limit": "x"}), "invalid type: FixStr(1), expected a number");
    invalid(json!({"vector": ["x"]}), "invalid type: FixStr(1), expected a number");
    invalid(json!({"limit": -1}), "invalid value: integer `-1`, expected usize");
    let failure = search(&json!({"vectr": [1]})).unwrap_err();
    assert!(failure.message.starts_with("unknown field `vectr`, expected one of `vector`"), "{failure}");
}

#[test]
fn names_and_texts_are_neither_numbers_nor_bytes() {
    let invalid = |bytes: &[u8], says| check_refused(bytes, ErrorCode::InvalidRequest, says);
    invalid(b"\x81\x02\xa1a", "invalid type: integer `2`, expected field identifier");
    invalid(b"\x81\xc4\x02id\xa1a", "invalid type: byte array, expected field identifier");
    invalid(b"\x81\xa7include\x91\x00", "invalid type: integer `0`, expected variant identifier");
    invalid(b"\x81\xa7include\x91\xc4\x08metadata", "invalid type: byte array, expected variant identifier");
    invalid(&with_bytes("id", b"a"), "invalid type: byte array, expected a string");
    invalid(&with_bytes("include", b""), "invalid type: byte array, expected a sequence");
    let document = |name: &[u8]| {
        [b"\x81\xa9documents\x91\x83\xa2id\xa1a\xa6vector\x91\x01\xa8metadata\x81", name, b"\x01"].concat()
    };
    assert!(read::<IndexRequest>(&document(b"\xa1a"), ReadBounds::NONE).is_ok());
    let failure = read::<IndexRequest>(&document(b"\xc4\x01a"), ReadBounds::NONE).unwrap_err();
    assert_eq!(failure.message, "invalid type: byte array, expected a string");
}

#[test]
fn a_text_that_is_not_utf_8_is_no_vector() {
    let says = "the body is not MessagePack: a text is not UTF-8";
    for (length, head) in
        [(4, &[0xa4][..]), (4, &[0xd9, 4]), (4, &[0xda, 0, 4]), (4, &[0xdb, 0, 0, 0, 4]), (0xc4, &[0xd9, 0xc4])]
    {
        let body = [b"\x81\xa6vector", head, &vec![0xff; length]].concat();
        check_refused(&body, ErrorCode::MalformedMessagePack, says);
    }
    for head in [&[0xc4, 4][..], &[0xc5, 0, 4], &[0xc6, 0, 0, 0, 4]] {
        let body = [b"\x81\xa6vector", head, &1.5_f32.to_le_bytes()].concat();
        assert!(read::<SearchRequest>(&body, ReadBounds::NONE).is_ok(), "{head:x?}");
    }
}

#[test]
fn numbers_that_json_cannot_say_are_refused() {
    let nan = [&[0xcb][..], &f64::NAN.to_be_bytes()].concat();
    let filter = [b"\x81\xa6filter\x81\xa1x".as_slice(), &nan].concat();
    check_refused(&filter, ErrorCode::InvalidRequest, "a number is NaN or infinite");
    let document = [b"\x81\xa9documents\x91\x83\xa2id\xa1a\xa6vector\x91\x01\xa8metadata\x81\xa1x".as_slice(), &nan];
    let failure = read::<IndexRequest>(&document.concat(), ReadBounds::NONE).unwrap_err();
    assert_eq!(failure.message, "a number is NaN or infinite");
}

/// A length of four thousand millions in a body of a few bytes.
#[test]
fn a_length_is_believed_only_as_far_as_there_are_bytes() {
    let huge = 0xffff_ffff_u32.to_be_bytes();
    for marker in [0xdd, 0xdb, 0xc6, 0xdf] {
        for field in ["vector", "vectors", "filter", "id", "include"] {
            let name = u8::try_from(field.len()).unwrap();
            let body = [&[0x81, 0xa0 | name], field.as_bytes(), &[marker], &huge].concat();
            assert!(read::<SearchRequest>(&body, ReadBounds::NONE).is_err(), "{field} {marker:x}");
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = |depth: usize| [b"\x81\xa6filter".as_slice(), &vec![0x91; depth], &[1]].concat();
    read::<SearchRequest>(&deep(100), ReadBounds::NONE).unwrap();
    check_refused(&deep(200), ErrorCode::InvalidRequest, "recursion limit exceeded");
    check_refused(&deep(1_000_000), ErrorCode::InvalidRequest, "recursion limit exceeded");
}

/// A client in another language reads it without this crate's types.
#[test]
fn a_reply_has_the_names_of_the_json() {
    let reply = IndexReply {
        indexed: 1,
        duplicates: vec![],
        conflicts: vec![],
        shards: BTreeMap::from([(0, 7), (11, 8)]),
        as_of: "x".to_owned(),
    };
    let bytes = write(&reply, 0).unwrap();
    let value: Value = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(value, serde_json::to_value(&reply).unwrap());
    assert_eq!(read::<IndexReply>(&bytes, ReadBounds::NONE), Ok(reply));
}

#[test]
fn a_packed_vector_is_bytes() {
    let vector = Vector::new(vec![1.5, -2.0]).unwrap();
    let document =
        StoredDocument { id: "a".to_owned(), seq: 1, vector: Some(WireVector::packed(&vector)), metadata: None };
    let bytes = write(&document, 0).unwrap();
    let floats = [1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat();
    assert!(bytes.windows(10).any(|window| window == [&[0xc4, 8], floats.as_slice()].concat()), "{bytes:x?}");
    let read: StoredDocument = read(&bytes, ReadBounds::NONE).unwrap();
    assert_eq!(Vector::try_from(read.vector.unwrap()).unwrap(), vector);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = read::<SearchRequest>(&bytes, ReadBounds::NONE);
        let _ = read::<IndexRequest>(&bytes, ReadBounds::NONE);
    }

    #[test]
    fn no_damage_makes_it_panic(at in 0_usize..200, byte: u8) {
        let mut bytes = packed(&json!({"documents": [{"id": "a", "vector": [1, 2.5], "metadata": {"x": [{"y": "z"}]}}]}));
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read::<IndexRequest>(&bytes, ReadBounds::NONE);
    }
}
