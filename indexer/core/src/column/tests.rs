//! Columns against the plain evaluator, and against bytes that nobody wrote.

use super::builder::Caps;
use super::*;
use crate::filter::{FieldPath, Operand, Scalar, Side, Test};
use crate::value::{Number, Object, Value};
use crate::{Filter, Metadata};
use proptest::prelude::*;
use std::convert::Infallible;
use std::sync::LazyLock;

const NO_CAPS: Caps = Caps { paths: usize::MAX, bytes: usize::MAX };

fn build(documents: &[Metadata], caps: Caps) -> Vec<u8> {
    let mut builder = ColumnsBuilder::with_caps(rows_of(documents), caps);
    for (slot, metadata) in (0..).zip(documents) {
        builder.add(slot, metadata);
    }
    builder.finish()
}

fn rows_of(documents: &[Metadata]) -> u32 {
    u32::try_from(documents.len()).unwrap()
}

fn truth(documents: &[Metadata], filter: &Filter) -> Vec<u32> {
    (0..).zip(documents).filter(|(_, metadata)| filter.matches(metadata)).map(|(slot, _)| slot).collect()
}

#[track_caller]
fn check(documents: &[Metadata], bytes: &[u8], filter: &Filter) {
    let columns = Columns::from_bytes(bytes, rows_of(documents)).unwrap();
    let truth = truth(documents, filter);
    let Estimate { least, most } = columns.estimate(filter);
    assert!((least as usize..=most as usize).contains(&truth.len()), "{least} to {most}, not {}", truth.len());
    let selection = columns.select(filter);
    assert!(selection.sure().iter().all(|slot| truth.binary_search(&slot).is_ok()), "{selection:?} of {truth:?}");
    let matches = |slot: u32| Ok::<_, Infallible>(filter.matches(&documents[slot as usize]));
    let settled = selection.settle(matches).unwrap();
    assert_eq!(settled.iter().collect::<Vec<_>>(), truth);
}

fn names() -> impl Strategy<Value = Box<str>> {
    prop_oneof![4 => "[ab]", 2 => "[ab]\\.[ab]", 1 => "[ab]?\\.?"].prop_map(Into::into)
}

fn integers() -> impl Strategy<Value = Number> {
    prop_oneof![
        6 => (-2_i128..4).prop_map(Number::Integer),
        1 => ((1_i128 << 53)..(1 << 53) + 3).prop_map(Number::Integer),
        1 => (i128::from(u64::MAX) - 1..=i128::from(u64::MAX) + 1).prop_map(Number::Integer),
    ]
}

fn numbers() -> impl Strategy<Value = Number> {
    let floats = prop_oneof![
        4 => (-4_i32..8).prop_map(|halves| f64::from(halves) / 2.0),
        1 => Just(9_007_199_254_740_992.0),
        1 => Just(-0.0),
    ];
    prop_oneof![integers(), floats.prop_map(Number::Float)]
}

fn texts() -> impl Strategy<Value = Box<str>> {
    let long = (126_usize..131, "[xy]{0,2}").prop_map(|(len, end)| "x".repeat(len) + &end);
    prop_oneof![4 => "[xy]{0,2}", 1 => long].prop_map(Into::into)
}

fn values() -> impl Strategy<Value = Value> {
    let scalars = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        3 => numbers().prop_map(Value::Number),
        3 => texts().prop_map(Value::Text),
    ];
    scalars.prop_recursive(3, 12, 4, |inner| {
        let arrays = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array);
        let objects = prop::collection::btree_map(names(), inner, 0..3).prop_map(Value::Object);
        prop_oneof![arrays, objects]
    })
}

/// Some different rows, and each of them often enough for bitmaps and for runs in them.
fn segments() -> impl Strategy<Value = Vec<Metadata>> {
    let document = prop::collection::btree_map(names(), values(), 0..4);
    let pool = prop::collection::vec(document, 1..8);
    (pool, prop::collection::vec((any::<prop::sample::Index>(), 1_usize..90), 0..8)).prop_map(|(pool, runs)| {
        let pool: Vec<Metadata> = pool.into_iter().map(|object| Metadata::new(object).unwrap()).collect();
        let run = |(document, len): (prop::sample::Index, usize)| vec![document.get(&pool).clone(); len];
        pool.iter().cloned().chain(runs.into_iter().flat_map(run)).collect()
    })
}

fn tests() -> impl Strategy<Value = Test> {
    let scalars = prop_oneof![
        Just(Scalar::Null),
        any::<bool>().prop_map(Scalar::Bool),
        numbers().prop_map(Scalar::Number),
        texts().prop_map(Scalar::Text),
    ];
    let operands = prop_oneof![numbers().prop_map(Operand::Number), texts().prop_map(Operand::Text)];
    let sides = prop::sample::select(vec![Side::Above, Side::AtLeast, Side::Below, Side::AtMost]);
    prop_oneof![
        3 => scalars.clone().prop_map(Test::Equal),
        1 => prop::collection::vec(scalars, 0..4).prop_map(Test::In),
        4 => (sides, operands).prop_map(|(side, operand)| Test::Order(side, operand)),
        1 => any::<bool>().prop_map(Test::Exists),
    ]
}

fn filters() -> impl Strategy<Value = Filter> {
    let path = prop::collection::vec(names(), 1..4).prop_map(|names| FieldPath::new(&names.join(".")));
    // Several tests of one path meet most often: two bounds, or a bound and that the field exists.
    let fields = (path, prop::collection::vec(tests(), 1..4)).prop_map(|(path, tests)| {
        let mut fields: Vec<_> = tests.into_iter().map(|test| Filter::Field(path.clone(), test)).collect();
        if fields.len() == 1 { fields.remove(0) } else { Filter::All(fields) }
    });
    fields.prop_recursive(4, 16, 4, |inner| {
        let several = prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            several.clone().prop_map(Filter::All),
            several.prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn columns_answer_as_the_plain_evaluator(
        documents in segments(),
        filters in prop::collection::vec(filters(), 1..12),
    ) {
        let bytes = build(&documents, NO_CAPS);
        filters.iter().for_each(|filter| check(&documents, &bytes, filter));
    }

    #[test]
    fn what_is_beyond_the_caps_is_unsure_and_never_wrong(
        documents in segments(),
        filters in prop::collection::vec(filters(), 1..8),
        paths in 0_usize..4,
        bytes in 0_usize..20_000,
    ) {
        let section = build(&documents, Caps { paths, bytes });
        filters.iter().for_each(|filter| check(&documents, &section, filter));
    }

    #[test]
    fn a_flipped_bit_is_refused_or_does_no_harm(
        documents in segments(),
        filters in prop::collection::vec(filters(), 1..4),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 1..30),
    ) {
        let bytes = build(&documents, NO_CAPS);
        for (byte, bit) in flips {
            let mut bytes = bytes.clone();
            *byte.get_mut(&mut bytes) ^= 1_u8 << bit;
            read_all(&bytes, rows_of(&documents), &filters);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_do_no_harm(
        filters in prop::collection::vec(filters(), 1..4),
        head in prop::collection::vec(0_u8..3, 0..60),
        tail in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let start = *b"ACOL\x01\x00\x01\x00\x07\x00\x00\x00";
        read_all(&[&head[..], &tail].concat(), 7, &filters);
        read_all(&[&start[..], &head, &tail].concat(), 7, &filters);
    }
}

/// Reads whatever can be read of hostile bytes.
fn read_all(bytes: &[u8], rows: u32, filters: &[Filter]) {
    let Ok(columns) = Columns::from_bytes(bytes, rows) else { return };
    for filter in filters {
        let Estimate { least, most } = columns.estimate(filter);
        assert!(least <= most && most <= rows);
        let selection = columns.select(filter);
        let slots = [Some(selection.sure()), selection.unsure()];
        assert!(slots.into_iter().flatten().flat_map(Slots::iter).all(|slot| slot < rows));
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn number(number: u32) -> Value {
    Value::Number(Number::Integer(number.into()))
}

fn document<const N: usize>(fields: [(&str, Value); N]) -> Metadata {
    Metadata::new(object(fields)).unwrap()
}

fn order(path: &str, side: Side, operand: u32) -> Filter {
    Filter::Field(FieldPath::new(path), Test::Order(side, Operand::Number(Number::Integer(operand.into()))))
}

fn exists(path: &str) -> Filter {
    Filter::Field(FieldPath::new(path), Test::Exists(true))
}

fn equal(path: &str, number: u32) -> Filter {
    Filter::Field(FieldPath::new(path), Test::Equal(Scalar::Number(Number::Integer(number.into()))))
}

/// Rows numbered in `id`, each with a `size` of its own and one of three `kind`s.
fn numbered(rows: u32) -> Vec<Metadata> {
    let row = |at: u32| document([("id", number(at)), ("size", number(at * 7 % rows)), ("kind", number(at % 3))]);
    (0..rows).map(row).collect()
}

#[test]
fn every_truncation_is_refused() {
    let bytes = build(&numbered(100), NO_CAPS);
    for len in 0..bytes.len() {
        assert!(Columns::from_bytes(&bytes[..len], 100).is_err(), "{len} bytes");
    }
    assert!(Columns::from_bytes(&[&bytes[..], &[0]].concat(), 100).is_err());
}

#[test]
fn columns_of_another_segment_are_refused() {
    let bytes = build(&numbered(100), NO_CAPS);
    let refused = |bytes: &[u8], rows| Columns::from_bytes(bytes, rows).unwrap_err().to_string();
    assert_eq!(refused(&bytes, 99), "columns of 100 rows in a segment of 99");
    assert_eq!(refused(b"nothing", 99), "the section does not begin with `ACOL`");
    assert_eq!(refused(b"ACOL\x02\x00\x01\x00", 99), "columns of version 2, only 1 is known");
    assert_eq!(refused(b"ACOL", 0), "the lengths in the head of the columns do not add up to the section's 4 bytes");
}

#[test]
fn paths_out_of_order_are_refused() {
    let mut bytes = build(&numbered(100), NO_CAPS);
    let at = bytes.windows(10).position(|window| window == b"idkindsize").unwrap();
    bytes[at] = b'l';
    assert_eq!(Columns::from_bytes(&bytes, 100).unwrap_err(), InvalidColumns::Path { path: 1 });
}

#[test]
fn a_slot_beyond_the_rows_makes_the_rows_unsure() {
    let mut bytes = build(&numbered(10), NO_CAPS);
    let run = (0..10_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>();
    let at = bytes.windows(run.len()).position(|window| window == run).unwrap();
    bytes[at] = 10;
    let selection = Columns::from_bytes(&bytes, 10).unwrap().select(&order("id", Side::AtLeast, 0));
    assert_eq!(selection.unsure(), Some(&Slots::all(10)));
}

#[test]
fn a_path_that_no_row_has_is_known_to_be_absent() {
    let bytes = build(&numbered(10), NO_CAPS);
    let columns = Columns::from_bytes(&bytes, 10).unwrap();
    assert_eq!(columns.estimate(&exists("other")), Estimate { least: 0, most: 0 });
    assert_eq!(columns.select(&exists("other")).unsure(), None);
    assert_eq!(columns.select(&Filter::Not(exists("other").into())).sure().count(), 10);
}

#[test]
fn a_path_beyond_the_cap_is_unsure() {
    let bytes = build(&numbered(10), Caps { paths: 2, ..NO_CAPS });
    let columns = Columns::from_bytes(&bytes, 10).unwrap();
    assert_eq!(columns.select(&exists("id")).unsure(), None);
    assert_eq!(columns.select(&exists("size")).unsure(), Some(&Slots::all(10)));
    assert_eq!(columns.select(&exists("other")).unsure(), Some(&Slots::all(10)));
}

#[test]
fn the_largest_column_is_given_up_first() {
    let documents: Vec<_> = (0..10)
        .map(|at| document([("long", Value::Text(format!("{at:0>100}").into())), ("short", number(at))]))
        .collect();
    let bytes = build(&documents, Caps { bytes: 2000, ..NO_CAPS });
    let columns = Columns::from_bytes(&bytes, 10).unwrap();
    assert_eq!(columns.select(&exists("long")).unsure(), Some(&Slots::all(10)));
    assert_eq!(columns.select(&exists("short")).unsure(), None);
}

#[test]
fn a_path_longer_than_the_limit_is_unsure() {
    let name = |len: usize| "x".repeat(len);
    let documents = [document([(&name(PATH_BYTES_MAX), number(1)), (&name(PATH_BYTES_MAX + 1), number(1))])];
    let bytes = build(&documents, NO_CAPS);
    let columns = Columns::from_bytes(&bytes, 1).unwrap();
    assert_eq!(columns.select(&exists(&name(PATH_BYTES_MAX))).unsure(), None);
    assert_eq!(columns.select(&exists(&name(PATH_BYTES_MAX + 1))).unsure(), Some(&Slots::all(1)));
    assert!(bytes.len() < 2 * PATH_BYTES_MAX, "{} bytes", bytes.len());
}

#[test]
fn a_long_text_is_unsure_only_where_its_start_is_shared() {
    let long = |end: &str| "x".repeat(200) + end;
    let documents = ["a", "b", ""].map(|end| document([("t", Value::Text(long(end).into()))]));
    let short = document([("t", Value::Text("short".into()))]);
    let documents = [&documents[..], &[short]].concat();
    let bytes = build(&documents, NO_CAPS);
    let filter = Filter::Field(FieldPath::new("t"), Test::Equal(Scalar::Text(long("a").into())));
    check(&documents, &bytes, &filter);
    let selection = Columns::from_bytes(&bytes, 4).unwrap().select(&filter);
    assert_eq!(selection.unsure().map(|unsure| unsure.iter().collect()), Some(vec![0, 1, 2]));
}

#[test]
fn texts_before_and_behind_a_long_one_are_sure() {
    let long = "m".repeat(200);
    let documents = ["a", &long[..150], "z"].map(|text| document([("t", Value::Text(text.into()))]));
    let bytes = build(&documents, NO_CAPS);
    for (side, sure) in [(Side::Above, 2), (Side::AtLeast, 2), (Side::Below, 0), (Side::AtMost, 0)] {
        let filter = Filter::Field(FieldPath::new("t"), Test::Order(side, Operand::Text(long.as_str().into())));
        check(&documents, &bytes, &filter);
        let selection = Columns::from_bytes(&bytes, 3).unwrap().select(&filter);
        assert_eq!(selection.sure().iter().collect::<Vec<_>>(), [sure]);
        assert_eq!(selection.unsure().map(|unsure| unsure.iter().collect()), Some(vec![1]));
    }
}

#[test]
fn two_bounds_of_one_value_are_one_range() {
    let documents = numbered(1000);
    let bytes = build(&documents, NO_CAPS);
    let bounds = Filter::All(vec![order("size", Side::AtLeast, 500), order("size", Side::Below, 510)]);
    let nested = Filter::All(vec![equal("kind", 1), bounds.clone()]);
    let columns = Columns::from_bytes(&bytes, 1000).unwrap();
    assert_eq!(columns.estimate(&bounds), Estimate { least: 10, most: 10 });
    assert_eq!(columns.estimate(&nested).most, 10);
    let empty = Filter::All(vec![order("size", Side::Above, 500), order("size", Side::Below, 400)]);
    assert_eq!(columns.estimate(&empty), Estimate { least: 0, most: 0 });
    [bounds, nested, empty].iter().for_each(|filter| check(&documents, &bytes, filter));
}

#[test]
fn a_bound_that_is_a_long_text_keeps_its_unsure_rows() {
    let long = "m".repeat(200);
    let documents = ["a", &long[..150], "z"].map(|text| document([("t", Value::Text(text.into()))]));
    let bytes = build(&documents, NO_CAPS);
    let bound = |side, text: &str| Filter::Field(FieldPath::new("t"), Test::Order(side, Operand::Text(text.into())));
    let filter = Filter::All(vec![bound(Side::AtLeast, "b"), bound(Side::AtMost, &long)]);
    assert_eq!(truth(&documents, &filter), [1]);
    check(&documents, &bytes, &filter);
}

#[test]
fn two_values_of_a_row_may_meet_a_bound_each() {
    let documents = [document([("sizes", Value::Array(vec![number(1), number(9)]))])];
    let filter = Filter::All(vec![order("sizes", Side::Above, 5), order("sizes", Side::Below, 5)]);
    assert_eq!(truth(&documents, &filter), [0]);
    check(&documents, &build(&documents, NO_CAPS), &filter);
}

/// That a field exists was once intersected with a bound of it, as if it were another range of values.
#[test]
fn a_field_that_exists_may_have_a_bound() {
    let documents = [document([("size", number(5))]), document([("size", Value::Array(vec![]))])];
    let bytes = build(&documents, NO_CAPS);
    let filter = Filter::All(vec![exists("size"), order("size", Side::Above, 4)]);
    assert_eq!(truth(&documents, &filter), [0]);
    check(&documents, &bytes, &filter);
}

#[test]
fn few_rows_are_left_to_the_caller_rather_than_finding_many() {
    let row = |at: u32| document([("id", number(at)), ("sizes", Value::Array(vec![number(at), number(at * 7)]))]);
    let documents: Vec<_> = (0..3000).map(row).collect();
    let bytes = build(&documents, NO_CAPS);
    let columns = Columns::from_bytes(&bytes, 3000).unwrap();
    let broad = order("sizes", Side::AtLeast, 0);
    for (id, unsure) in [(vec![5], Some(vec![5])), (vec![5, 6], None)] {
        let ids = Filter::Any(id.into_iter().map(|id| equal("id", id)).collect());
        let filter = Filter::All(vec![broad.clone(), ids]);
        check(&documents, &bytes, &filter);
        assert_eq!(columns.select(&filter).unsure().map(|unsure| unsure.iter().collect()), unsure);
    }
}

#[test]
fn a_number_beyond_json_leaves_its_column_unable() {
    let beyond = Value::Number(Number::Integer(i128::from(u64::MAX) + 2));
    let documents = [document([("n", beyond), ("m", number(1))]), document([("n", number(7))])];
    let bytes = build(&documents, NO_CAPS);
    let columns = Columns::from_bytes(&bytes, 2).unwrap();
    assert_eq!(columns.select(&order("n", Side::Above, 5)).unsure(), Some(&Slots::all(2)));
    assert_eq!(columns.select(&order("m", Side::Above, 5)).unsure(), None);
    check(&documents, &bytes, &order("n", Side::Above, 5));
}

/// As many rows as it takes for steps, of values that are unique, of some, of few, and missing here and there.
fn stepped() -> Vec<Metadata> {
    let row = |at: u32| {
        let unique = if at.is_multiple_of(11) { Value::Null } else { number(at * 7919 % 30_011) };
        document([("unique", unique), ("some", number(at * 31 % 251)), ("few", number(at % 3))])
    };
    (0..30_000).map(row).collect()
}

#[test]
fn broad_ranges_are_found_by_steps() {
    let documents = stepped();
    let bytes = build(&documents, NO_CAPS);
    let columns = Columns::from_bytes(&bytes, rows_of(&documents)).unwrap();
    let all = order("unique", Side::AtLeast, 0);
    assert_eq!(columns.select(&all).unsure(), None);
    for (path, highest) in [("unique", 30_011), ("some", 251), ("few", 3)] {
        for share in 0..=24 {
            let bound = highest * share / 24;
            check(&documents, &bytes, &order(path, Side::Above, bound));
            check(&documents, &bytes, &order(path, Side::AtMost, bound));
            let from = order(path, Side::AtLeast, bound / 3);
            check(&documents, &bytes, &Filter::All(vec![from, order(path, Side::Below, bound)]));
        }
    }
}

#[test]
fn a_broad_range_costs_less_than_its_slots() {
    let documents = stepped();
    let bytes = build(&documents, NO_CAPS);
    let columns = Columns::from_bytes(&bytes, rows_of(&documents)).unwrap();
    for (share, most) in [(2, 2_500), (4, 2_500), (40, 1_000)] {
        let filter = order("unique", Side::Below, 30_011 / share);
        let cost = condition::resolve(&columns.0, &filter).cost();
        assert!(cost < most, "{cost} for 1/{share}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_flipped_bit_among_steps_is_refused_or_does_no_harm(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..8), 100),
        bounds in prop::collection::vec(0_u32..30_011, 1..10),
    ) {
        static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| build(&stepped(), NO_CAPS));
        let mut bytes = BYTES.clone();
        let filters: Vec<_> = bounds.into_iter().map(|bound| order("unique", Side::Below, bound)).collect();
        for (byte, bit) in flips {
            let at = byte.index(bytes.len());
            bytes[at] ^= 1 << bit;
            read_all(&bytes, 30_000, &filters);
            bytes[at] ^= 1 << bit;
        }
    }
}

#[test]
fn rows_that_are_not_kept_are_not_asked() {
    let bytes = build(&numbered(10), Caps { paths: 2, ..NO_CAPS });
    let columns = Columns::from_bytes(&bytes, 10).unwrap();
    let mut live = Slots::all(10);
    live.subtract(columns.select(&equal("id", 3)).sure());
    let mut selection = columns.select(&exists("size"));
    selection.keep(&live);
    let mut asked = Vec::new();
    let settled = selection.settle(|slot| {
        asked.push(slot);
        Ok::<_, Infallible>(slot < 5)
    });
    assert_eq!(asked, [0, 1, 2, 4, 5, 6, 7, 8, 9]);
    assert_eq!(settled.unwrap().iter().collect::<Vec<_>>(), [0, 1, 2, 4]);
}

#[test]
fn settling_ends_with_the_first_error() {
    let bytes = build(&numbered(10), Caps { paths: 0, ..NO_CAPS });
    let selection = Columns::from_bytes(&bytes, 10).unwrap().select(&exists("id"));
    assert_eq!(selection.settle(|slot| if slot < 4 { Ok(true) } else { Err(slot) }), Err(4));
}

#[test]
fn the_same_rows_give_the_same_bytes() {
    let documents = numbered(200);
    assert_eq!(build(&documents, NO_CAPS), build(&documents, NO_CAPS));
}
