//! Messages with something in every field.

use annuli_api::Position;
use annuli_api::shard_api::{
    BuildStatus, Changed, Changes, ChangesAsked, ConditionalWrite, Consistency, Counted, Deleted, Document, Got,
    Include, Listed, Outcome, Read, SearchMode, SegmentsStatus, ShardHit, ShardHits, ShardList, ShardSearch,
    ShardStatus, TailStatus, Write, Written,
};
use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::{DocId, Filter, HistoryId, Metadata, Number, Seq, ShardCount, ShardId, Value, Vector};
use annuli_wire::codec::encode;
use annuli_wire::message::{
    ChangesAnswer, ChangesRequest, CountAnswer, CountRequest, DeleteAnswer, DeleteRequest, GetAnswer, GetRequest,
    ListAnswer, ListRequest, SearchAnswer, SearchRequest, StatusAnswer, StatusRequest, WriteAnswer, WriteRequest,
};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

pub(crate) fn id(text: &str) -> DocId {
    DocId::new(text).unwrap()
}

pub(crate) fn position() -> Position {
    Position { history: HistoryId(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10)), seq: Seq(300) }
}

fn read() -> Read {
    Read {
        include: Include { metadata: true, vector: false },
        after: Some(position()),
        consistency: Consistency::Replica,
    }
}

fn vector() -> Vector {
    Vector::new(vec![1.0, -0.5]).unwrap()
}

fn metadata() -> Metadata {
    Metadata::new([("n".into(), Value::Number(Number::Integer(7)))].into()).unwrap()
}

fn filter() -> Filter {
    let number = |n| Scalar::Number(Number::Integer(n));
    let field = |path: &str, test| Filter::Field(FieldPath::new(path), test);
    let order = |side, operand| field("o", Test::Order(side, operand));
    Filter::All(vec![
        Filter::Any(vec![field("a.b", Test::Equal(Scalar::Null)), field("c", Test::Equal(Scalar::Bool(true)))]),
        Filter::Not(Box::new(field("d", Test::In(vec![number(-1), Scalar::Text("x".into())])))),
        field("e", Test::Equal(Scalar::Number(Number::from_float(0.5)))),
        order(Side::Above, Operand::Number(Number::Integer(300))),
        order(Side::AtLeast, Operand::Number(Number::from_float(0.25))),
        order(Side::Below, Operand::Text("y".into())),
        order(Side::AtMost, Operand::Text("".into())),
        field("f", Test::Exists(false)),
    ])
}

fn writes() -> Vec<ConditionalWrite> {
    let put = Write::Put { id: id("a"), vector: vector(), metadata: metadata() };
    let patch = Write::Patch { id: id("b"), vector: None, metadata: Some(Metadata::default()) };
    vec![
        ConditionalWrite { write: put, if_seq: Some(Seq(0)) },
        ConditionalWrite { write: patch, if_seq: None },
        ConditionalWrite { write: Write::Delete { id: id("ä") }, if_seq: None },
    ]
}

fn document() -> Document {
    Document { id: id("a"), seq: Seq(5), vector: Some(vector()), metadata: Some(metadata()) }
}

fn search() -> ShardSearch {
    ShardSearch {
        queries: [vector(), vector()].into(),
        k: 10,
        mode: SearchMode::Approximate { ef: 64 },
        filter: Some(Arc::new(filter())),
        except: Some(id("a")),
        read: read(),
    }
}

fn hits() -> ShardHits {
    let hit = ShardHit { id: id("a"), distance: 0.25, metadata: Some(metadata()), vector: Some(vector()) };
    ShardHits { results: vec![vec![hit], vec![]], position: position() }
}

pub(crate) fn status() -> ShardStatus {
    ShardStatus {
        shard: ShardId(0),
        position: position(),
        documents: 7,
        pending: 1,
        queued: 2,
        store_bytes: 3_000,
        segments: SegmentsStatus { count: 1, live: 4, dead: 5, bytes: 600 },
        tail: TailStatus { documents: 3, in_head: 2 },
        seal: Some(BuildStatus {
            id: Uuid::from_u128(9),
            documents: 3,
            done: 1,
            waits: false,
            since: Duration::from_millis(8),
        }),
        merge: None,
    }
}

/// Every message of version 1 by name.
pub(crate) fn every_message() -> Vec<(&'static str, Vec<u8>)> {
    let outcomes = vec![Outcome::Written, Outcome::Missing, Outcome::Conflict(Seq(9))];
    let list = ShardList { behind: Some(id("a")), limit: 20, filter: None };
    let got = Got { documents: vec![Some(document()), None], position: position() };
    let listed = Listed { documents: vec![document()], position: position() };
    let asked = ChangesAsked {
        after: position(),
        owner: ShardId(2),
        shards: ShardCount::new(3).expect("a number of shards"),
        limit: 20,
    };
    let is = Changed::Is { id: id("a"), seq: Seq(7), vector: vector(), metadata: metadata() };
    let documents = vec![is, Changed::Gone { id: id("b") }];
    let changes = Changes { documents, through: Seq(299), position: position() };
    vec![
        ("write request", encode(&WriteRequest::try_from(writes().as_slice()).unwrap()).unwrap()),
        ("write answer", encode(&WriteAnswer::from(&Written { outcomes, position: position() })).unwrap()),
        ("delete request", encode(&DeleteRequest::from(&filter())).unwrap()),
        ("delete answer", encode(&DeleteAnswer::from(Deleted { deleted: 3, position: position() })).unwrap()),
        ("search request", encode(&SearchRequest::from(&search())).unwrap()),
        ("search answer", encode(&SearchAnswer::try_from(&hits()).unwrap()).unwrap()),
        ("get request", encode(&GetRequest::new(&[id("a"), id("b")], read())).unwrap()),
        ("get answer", encode(&GetAnswer::try_from(&got).unwrap()).unwrap()),
        ("list request", encode(&ListRequest::new(&list, read())).unwrap()),
        ("list answer", encode(&ListAnswer::try_from(&listed).unwrap()).unwrap()),
        ("count request", encode(&CountRequest::new(Some(&filter()), read())).unwrap()),
        ("count answer", encode(&CountAnswer::from(Counted { count: 7, position: position() })).unwrap()),
        ("changes request", encode(&ChangesRequest::from(asked)).unwrap()),
        ("changes answer", encode(&ChangesAnswer::try_from(&changes).unwrap()).unwrap()),
        ("status request", encode(&StatusRequest).unwrap()),
        ("status answer", encode(&StatusAnswer::from(status())).unwrap()),
    ]
}
