//! Values of the domain, whatever they may be.

use crate::samples::position;
use annuli_api::Position;
use annuli_api::shard_api::{
    ConditionalWrite, Consistency, Document, Include, Outcome, Read, SearchMode, ShardHit, ShardHits, ShardSearch,
    Write, Written,
};
use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::{DocId, Filter, HistoryId, Metadata, Number, Seq, Value, Vector};
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

pub(crate) fn any_read() -> Read {
    Read { include: Include { metadata: false, vector: true }, after: None, consistency: Consistency::Replica }
}

pub(crate) fn id() -> impl Strategy<Value = DocId> {
    ".{1,100}".prop_map(|text| DocId::new(&text).unwrap())
}

fn vector() -> impl Strategy<Value = Vector> {
    prop::collection::vec(-1e15f32..1e15, 1..40).prop_map(|components| Vector::new(components).unwrap())
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(|integer| Number::Integer(i128::from(integer))),
        any::<u64>().prop_map(|integer| Number::Integer(i128::from(integer))),
        (-1e300..1e300).prop_map(Number::from_float),
    ]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        ".{0,9}".prop_map(|text| Value::Text(text.into())),
    ];
    let value = scalar.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(".{0,5}".prop_map(Into::into), inner, 0..4).prop_map(Value::Object),
        ]
    });
    prop::collection::btree_map(".{0,5}".prop_map(Into::into), value, 0..4)
        .prop_map(|object| Metadata::new(object).unwrap())
}

fn test() -> impl Strategy<Value = Test> {
    let text = || ".{0,9}".prop_map(|text| text.into_boxed_str());
    let scalar = || {
        prop_oneof![
            Just(Scalar::Null),
            any::<bool>().prop_map(Scalar::Bool),
            number().prop_map(Scalar::Number),
            text().prop_map(Scalar::Text),
        ]
    };
    let operand = prop_oneof![number().prop_map(Operand::Number), text().prop_map(Operand::Text)];
    let side = prop::sample::select(vec![Side::Above, Side::AtLeast, Side::Below, Side::AtMost]);
    prop_oneof![
        scalar().prop_map(Test::Equal),
        prop::collection::vec(scalar(), 0..5).prop_map(Test::In),
        (side, operand).prop_map(|(side, operand)| Test::Order(side, operand)),
        any::<bool>().prop_map(Test::Exists),
    ]
}

pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    let field = (".{0,20}", test()).prop_map(|(path, test)| Filter::Field(FieldPath::new(&path), test));
    field.prop_recursive(6, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

pub(crate) fn read() -> impl Strategy<Value = Read> {
    let position = (any::<u128>(), any::<u64>())
        .prop_map(|(history, seq)| Position { history: HistoryId(Uuid::from_u128(history)), seq: Seq(seq) });
    (any::<bool>(), any::<bool>(), prop::option::of(position)).prop_map(|(metadata, vector, after)| Read {
        include: Include { metadata, vector },
        after,
        consistency: Consistency::Replica,
    })
}

pub(crate) fn conditional_write() -> impl Strategy<Value = ConditionalWrite> {
    let write = prop_oneof![
        (id(), vector(), metadata()).prop_map(|(id, vector, metadata)| Write::Put { id, vector, metadata }),
        (id(), prop::option::of(vector()), prop::option::of(metadata()))
            .prop_map(|(id, vector, metadata)| Write::Patch { id, vector, metadata }),
        id().prop_map(|id| Write::Delete { id }),
    ];
    (write, prop::option::of(any::<u64>().prop_map(Seq))).prop_map(|(write, if_seq)| ConditionalWrite { write, if_seq })
}

pub(crate) fn written() -> impl Strategy<Value = Written> {
    let outcome = prop_oneof![
        Just(Outcome::Written),
        Just(Outcome::Missing),
        any::<u64>().prop_map(|seq| Outcome::Conflict(Seq(seq))),
    ];
    prop::collection::vec(outcome, 0..20).prop_map(|outcomes| Written { outcomes, position: position() })
}

pub(crate) fn search() -> impl Strategy<Value = ShardSearch> {
    let mode =
        prop_oneof![Just(SearchMode::Exact), (0..1_000_000_usize).prop_map(|ef| SearchMode::Approximate { ef }),];
    let queries = prop::collection::vec(vector(), 0..5);
    (queries, 0..1_000_000_usize, mode, prop::option::of(filter()), prop::option::of(id()), read()).prop_map(
        |(queries, k, mode, filter, except, read)| ShardSearch {
            queries: queries.into(),
            k,
            mode,
            filter: filter.map(Arc::new),
            except,
            read,
        },
    )
}

pub(crate) fn hits() -> impl Strategy<Value = ShardHits> {
    let hit = (id(), -1e30f32..1e30, prop::option::of(metadata()), prop::option::of(vector()))
        .prop_map(|(id, distance, metadata, vector)| ShardHit { id, distance, metadata, vector });
    prop::collection::vec(prop::collection::vec(hit, 0..4), 0..4)
        .prop_map(|results| ShardHits { results, position: position() })
}

pub(crate) fn document() -> impl Strategy<Value = Document> {
    (id(), any::<u64>(), prop::option::of(vector()), prop::option::of(metadata()))
        .prop_map(|(id, seq, vector, metadata)| Document { id, seq: Seq(seq), vector, metadata })
}
