//! Messages, byte by byte: read back, pinned, cut, flipped and forged.

mod golden;
mod strategies;

use super::samples::{every_message, id, position};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Written,
};
use annuli_core::limits::METADATA_BYTES_MAX;
use annuli_core::{DocId, Filter};
use annuli_wire::codec::{decode, encode};
use annuli_wire::limits::{FILTER_LEVELS_MAX, FILTER_NODES_MAX, SOUGHT_MAX};
use annuli_wire::message::{
    ChangesAnswer, ChangesRequest, CountAnswer, CountRequest, DeleteAnswer, DeleteRequest, GetAnswer, GetRequest,
    Invalid, ListAnswer, ListRequest, SearchAnswer, SearchRequest, StatusAnswer, StatusRequest, WriteAnswer,
    WriteRequest,
};
use bincode::BorrowDecode;
use proptest::prelude::*;
use std::error::Error;
use std::sync::Arc;

/// A message from bytes to the domain and back.
type Again = fn(&[u8]) -> Result<Vec<u8>, Box<dyn Error>>;

fn value<'a, M, T>(bytes: &'a [u8]) -> Result<T, Box<dyn Error>>
where
    M: BorrowDecode<'a, ()>,
    T: TryFrom<M>,
    Invalid: From<T::Error>,
{
    Ok(T::try_from(decode::<M>(bytes)?).map_err(Invalid::from)?)
}

fn again(name: &str) -> Again {
    match name {
        "write request" => |bytes| {
            let writes: Vec<ConditionalWrite> = value::<WriteRequest<'_>, _>(bytes)?;
            Ok(encode(&WriteRequest::try_from(writes.as_slice())?)?)
        },
        "write answer" => |bytes| Ok(encode(&WriteAnswer::from(&value::<WriteAnswer, Written>(bytes)?))?),
        "delete request" => |bytes| Ok(encode(&DeleteRequest::from(&value::<DeleteRequest<'_>, Filter>(bytes)?))?),
        "delete answer" => |bytes| Ok(encode(&DeleteAnswer::from(value::<DeleteAnswer, Deleted>(bytes)?))?),
        "search request" => |bytes| Ok(encode(&SearchRequest::from(&value::<SearchRequest<'_>, ShardSearch>(bytes)?))?),
        "search answer" => |bytes| Ok(encode(&SearchAnswer::try_from(&value::<SearchAnswer<'_>, ShardHits>(bytes)?)?)?),
        "get request" => |bytes| {
            let (ids, read): (Vec<DocId>, Read) = value::<GetRequest<'_>, _>(bytes)?;
            Ok(encode(&GetRequest::new(&ids, read))?)
        },
        "get answer" => |bytes| Ok(encode(&GetAnswer::try_from(&value::<GetAnswer<'_>, Got>(bytes)?)?)?),
        "list request" => |bytes| {
            let (list, read): (ShardList, Read) = value::<ListRequest<'_>, _>(bytes)?;
            Ok(encode(&ListRequest::new(&list, read))?)
        },
        "list answer" => |bytes| Ok(encode(&ListAnswer::try_from(&value::<ListAnswer<'_>, Listed>(bytes)?)?)?),
        "count request" => |bytes| {
            let (filter, read): (Option<Arc<Filter>>, Read) = value::<CountRequest<'_>, _>(bytes)?;
            Ok(encode(&CountRequest::new(filter.as_deref(), read))?)
        },
        "count answer" => |bytes| Ok(encode(&CountAnswer::from(value::<CountAnswer, Counted>(bytes)?))?),
        "changes request" => |bytes| Ok(encode(&ChangesRequest::from(value::<ChangesRequest, ChangesAsked>(bytes)?))?),
        "changes answer" => {
            |bytes| Ok(encode(&ChangesAnswer::try_from(&value::<ChangesAnswer<'_>, Changes>(bytes)?)?)?)
        }
        "status request" => |bytes| Ok(encode(&value::<StatusRequest, StatusRequest>(bytes)?)?),
        "status answer" => |bytes| Ok(encode(&StatusAnswer::from(value::<StatusAnswer, ShardStatus>(bytes)?))?),
        _ => panic!("there is no message `{name}`"),
    }
}

#[test]
fn every_message_is_read_back() {
    for (name, bytes) in every_message() {
        assert_eq!(again(name)(&bytes).unwrap(), bytes, "{name}");
    }
}

#[test]
fn every_message_is_as_version_1_has_it() {
    let now: Vec<_> = every_message().into_iter().map(|(name, bytes)| (name, golden::hex(&bytes))).collect();
    let pinned: Vec<_> = golden::VERSION_1.iter().map(|(name, hex)| (*name, (*hex).to_owned())).collect();
    assert_eq!(now, pinned, "{now:#?}");
}

#[test]
fn every_cut_and_every_tail_of_a_message_is_refused() {
    for (name, bytes) in every_message() {
        for length in 0..bytes.len() {
            assert!(again(name)(&bytes[..length]).is_err(), "{name}: {length} of {} bytes", bytes.len());
        }
        assert!(again(name)(&[bytes.as_slice(), &[0]].concat()).is_err(), "{name}");
    }
}

#[test]
fn a_flipped_bit_is_refused_or_another_message() {
    for (name, bytes) in every_message() {
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = again(name)(&flipped) {
                assert_eq!(again(name)(&other).unwrap(), other, "{name}, bit {bit}");
            }
        }
    }
}

proptest! {
    #[test]
    fn writes_are_read_back(writes in prop::collection::vec(strategies::conditional_write(), 0..8)) {
        let bytes = encode(&WriteRequest::try_from(writes.as_slice()).unwrap()).unwrap();
        prop_assert_eq!(value::<WriteRequest<'_>, Vec<ConditionalWrite>>(&bytes).unwrap(), writes);
    }

    #[test]
    fn outcomes_are_read_back(written in strategies::written()) {
        let bytes = encode(&WriteAnswer::from(&written)).unwrap();
        prop_assert_eq!(value::<WriteAnswer, Written>(&bytes).unwrap(), written);
    }

    #[test]
    fn filters_are_read_back(filter in strategies::filter()) {
        let bytes = encode(&DeleteRequest::from(&filter)).unwrap();
        prop_assert_eq!(value::<DeleteRequest<'_>, Filter>(&bytes).unwrap(), filter);
    }

    #[test]
    fn searches_are_read_back(search in strategies::search()) {
        let bytes = encode(&SearchRequest::from(&search)).unwrap();
        let back: ShardSearch = value::<SearchRequest<'_>, _>(&bytes).unwrap();
        prop_assert_eq!(&back.queries, &search.queries);
        prop_assert_eq!((back.k, back.mode, back.read), (search.k, search.mode, search.read));
        prop_assert_eq!((back.filter, back.except), (search.filter, search.except));
    }

    #[test]
    fn hits_are_read_back(hits in strategies::hits()) {
        let bytes = encode(&SearchAnswer::try_from(&hits).unwrap()).unwrap();
        prop_assert_eq!(value::<SearchAnswer<'_>, ShardHits>(&bytes).unwrap(), hits);
    }

    #[test]
    fn documents_are_read_back(documents in prop::collection::vec(prop::option::of(strategies::document()), 0..8)) {
        let got = Got { documents: documents.clone(), position: position() };
        let bytes = encode(&GetAnswer::try_from(&got).unwrap()).unwrap();
        prop_assert_eq!(value::<GetAnswer<'_>, Got>(&bytes).unwrap(), got);
        let listed = Listed { documents: documents.into_iter().flatten().collect(), position: position() };
        let bytes = encode(&ListAnswer::try_from(&listed).unwrap()).unwrap();
        prop_assert_eq!(value::<ListAnswer<'_>, Listed>(&bytes).unwrap(), listed);
    }

    #[test]
    fn lists_are_read_back(behind in prop::option::of(strategies::id()), limit in 0..1_000_usize, read in strategies::read()) {
        let list = ShardList { behind: behind.clone(), limit, filter: None };
        let bytes = encode(&ListRequest::new(&list, read)).unwrap();
        let (back, back_read): (ShardList, Read) = value::<ListRequest<'_>, _>(&bytes).unwrap();
        prop_assert_eq!((back.behind, back.limit, back_read), (behind, limit, read));
    }

    #[test]
    fn any_bytes_are_refused_or_a_message(tail in prop::collection::vec(any::<u8>(), 0..200), versioned: bool) {
        let bytes = if versioned { [&[1], tail.as_slice()].concat() } else { tail };
        for (name, _) in every_message() {
            if let Ok(message) = again(name)(&bytes) {
                prop_assert_eq!(again(name)(&message).unwrap(), message);
            }
        }
    }

    /// What is said of lengths is overwritten with what a hostile peer would say.
    #[test]
    fn hostile_numbers_are_refused_or_a_message(which in 0..16_usize, at: prop::sample::Index, number: u64) {
        let (name, mut bytes) = every_message().remove(which);
        let at = 1 + at.index(bytes.len());
        // A number of eight bytes, as bincode writes it, in place of one of one byte.
        let replaced = at.min(bytes.len())..(at + 1).min(bytes.len());
        bytes.splice(replaced, [253].into_iter().chain(number.to_le_bytes()));
        if let Ok(message) = again(name)(&bytes) {
            prop_assert_eq!(again(name)(&message).unwrap(), message);
        }
    }
}

#[track_caller]
fn refused(name: &str, bytes: &[u8], expected: &str) {
    let error = again(name)(bytes).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_vector_that_no_client_may_send_is_refused() {
    let request = every_message().remove(4).1;
    let one = 1.0f32.to_le_bytes();
    let at = request.windows(4).position(|window| window == one).unwrap();
    for (component, expected) in [(f32::NAN, "component 0 is not a finite number"), (2e15, "beyond")] {
        let mut forged = request.clone();
        forged[at..at + 4].copy_from_slice(&component.to_le_bytes());
        refused("search request", &forged, expected);
    }
    refused("search request", &[1, 1, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], "a vector has 3 bytes, a component has 4");
}

#[test]
fn ids_out_of_bounds_are_refused() {
    refused("get request", &[1, 1, 0, 0, 0, 0], "a document id is empty");
    let long = [&[1, 1, 251, 1, 2], "x".repeat(513).as_bytes(), &[0, 0, 0]].concat();
    refused("get request", &long, "has 513 bytes, the limit is 512");
    let bytes = encode(&GetRequest::new(&[id("ab")], strategies::any_read())).unwrap();
    let at = bytes.windows(2).position(|window| window == b"ab").unwrap();
    let mut broken = bytes;
    broken[at] = 255;
    refused("get request", &broken, "Utf8");
}

#[test]
fn numbers_beyond_any_limit_are_refused() {
    let list = |limit| ShardList { behind: None, limit, filter: None };
    let bytes = |limit| encode(&ListRequest::new(&list(limit), strategies::any_read())).unwrap();
    assert!(again("list request")(&bytes(SOUGHT_MAX)).is_ok());
    refused("list request", &bytes(SOUGHT_MAX + 1), "`limit` is 1048577, the limit is 1048576");
    refused("list request", &bytes(usize::MAX), "the limit is 1048576");
}

/// A tree of messages would take stack for every level, until there is none left.
#[test]
fn a_filter_that_is_nested_too_deep_is_refused() {
    let nested = |levels: usize| {
        let exists = annuli_core::filter::Test::Exists(true);
        let mut filter = Filter::Field(annuli_core::filter::FieldPath::new("n"), exists);
        for _ in 1..levels {
            filter = Filter::Not(Box::new(filter));
        }
        encode(&DeleteRequest::from(&filter)).unwrap()
    };
    assert!(again("delete request")(&nested(FILTER_LEVELS_MAX)).is_ok());
    refused("delete request", &nested(FILTER_LEVELS_MAX + 1), "nested deeper than the limit");
    // A `Not` is the byte 2.
    let endless = [&[1, 253][..], &1_000_000_u64.to_le_bytes(), &[2; 1_000_000]].concat();
    refused("delete request", &endless, "conditions");
}

#[test]
fn a_filter_of_more_or_fewer_nodes_than_it_says_is_refused() {
    refused("delete request", &[1, 0], "more or fewer conditions than it says");
    refused("delete request", &[1, 1, 0, 2], "more or fewer conditions than it says");
    refused("delete request", &[1, 2, 0, 0, 0, 0], "more or fewer conditions than it says");
    let wide = Filter::Any(vec![Filter::All(vec![]); FILTER_NODES_MAX]);
    refused("delete request", &encode(&DeleteRequest::from(&wide)).unwrap(), "a filter has more than");
}

/// The deepest filters that a client may send in JSON, of every form.
#[test]
fn every_filter_of_the_public_api_can_be_sent() {
    use annuli_core::limits::{FILTER_DEPTH_MAX, FILTER_TERMS_MAX};
    use serde_json::json;
    let mut forms = vec![json!({"a": 1, "b": {"$ne": 1, "$gt": 0}}), json!({"a": {"$not": {"$exists": true}}})];
    forms.push(json!({"a": {"$in": (0..FILTER_TERMS_MAX - 2).collect::<Vec<_>>()}}));
    for wrap in [
        |inner: serde_json::Value| json!({"$or": [inner], "z": 1}),
        |inner| json!({"$not": inner, "z": 1}),
        |inner| json!({"$and": [inner, {"z": {"$nin": [1]}}]}),
    ] {
        let mut deep = json!({"a": {"$ne": 1, "$gt": 0}});
        for _ in 0..FILTER_DEPTH_MAX - 2 {
            deep = wrap(deep);
        }
        assert!(annuli_api::v1::filter::parse(&wrap(wrap(deep.clone()))).is_err(), "a level more is too deep");
        forms.push(deep);
    }
    forms.push(json!({"$or": vec![json!({"a": {"$ne": 1}}); FILTER_TERMS_MAX / 3]}));
    for form in forms {
        let filter = annuli_api::v1::filter::parse(&form).unwrap();
        let bytes = encode(&DeleteRequest::from(&filter)).unwrap();
        assert_eq!(value::<DeleteRequest<'_>, Filter>(&bytes).unwrap(), filter);
    }
}

#[test]
fn metadata_out_of_bounds_is_refused() {
    // One document `a` at seq 1, without a vector, with metadata.
    let listed = |json: &str| {
        let length = u32::try_from(json.len()).unwrap().to_le_bytes();
        [&[1, 1, 1, b'a', 1, 0, 1, 252], &length[..], json.as_bytes(), &[0; 17]].concat()
    };
    assert!(again("list answer")(&listed(r#"{"a":1}"#)).is_ok());
    refused("list answer", &listed("[1]"), "metadata is not a JSON object");
    refused("list answer", &listed(r#"{"a":"#), "metadata is not a JSON object");
    refused("list answer", &listed(&format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40))), "levels deep");
    refused("list answer", &listed(&"[".repeat(60_000)), "metadata is not a JSON object");
    // Not by way of `refused`: to write it again would be refused for the same reason.
    let large = listed(&format!("{{\"a\":\"{}\"}}", "x".repeat(METADATA_BYTES_MAX)));
    let error = value::<ListAnswer<'_>, Listed>(&large).unwrap_err().to_string();
    assert!(error.contains("the limit is 65536"), "{error}");
}
