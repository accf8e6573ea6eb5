//! Filters as JSON: the operators in every combination against a plain evaluator, and the refusals.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "the evaluator is meant to be plain, not robust"
)]

use annuli_api::v1::filter::parse;
use annuli_api::v1::metadata::from_bytes;
use annuli_core::Metadata;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The filter language once more, as plainly as it can be said: straight over JSON, without paths of its own.
mod plain {
    use serde_json::Value;

    pub(super) fn matches(filter: &Value, document: &Value) -> bool {
        filter.as_object().unwrap().iter().all(|(name, operand)| match name.as_str() {
            "$and" => operand.as_array().unwrap().iter().all(|filter| matches(filter, document)),
            "$or" => operand.as_array().unwrap().iter().any(|filter| matches(filter, document)),
            "$not" => !matches(operand, document),
            _ => field(&reached(document, name), operand),
        })
    }

    fn field(values: &[&Value], operand: &Value) -> bool {
        let Some(tests) = operand.as_object() else { return test(values, "$eq", operand) };
        tests.iter().all(|(operator, operand)| test(values, operator, operand))
    }

    fn test(values: &[&Value], operator: &str, operand: &Value) -> bool {
        let exists = values.iter().any(|value| !value.is_null());
        let equal = |operand: &Value| values.iter().any(|value| same(value, operand)) || (operand.is_null() && !exists);
        let ordered = |holds: fn(std::cmp::Ordering) -> bool| {
            values.iter().any(|value| compare(value, operand).is_some_and(holds))
        };
        match operator {
            "$eq" => equal(operand),
            "$ne" | "$neq" => !equal(operand),
            "$in" => operand.as_array().unwrap().iter().any(equal),
            "$nin" => !operand.as_array().unwrap().iter().any(equal),
            "$gt" => ordered(|order| order.is_gt()),
            "$gte" => ordered(|order| order.is_ge()),
            "$lt" => ordered(|order| order.is_lt()),
            "$lte" => ordered(|order| order.is_le()),
            "$exists" => exists == operand.as_bool().unwrap(),
            "$not" => !field(values, operand),
            _ => unreachable!("{operator}"),
        }
    }

    /// Every value that a path reaches, the elements of arrays included.
    fn reached<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
        let mut found = Vec::new();
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| found.extend(reached(element, path))),
            Value::Object(object) => {
                for (name, value) in object {
                    if name == path {
                        flatten(value, &mut found);
                    } else if let Some(rest) = path.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('.'))
                    {
                        found.extend(reached(value, rest));
                    }
                }
            }
            _ => {}
        }
        found
    }

    fn flatten<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        found.push(value);
        if let Value::Array(elements) = value {
            elements.iter().for_each(|element| flatten(element, found));
        }
    }

    fn same(a: &Value, b: &Value) -> bool {
        if a.is_number() { compare(a, b) == Some(std::cmp::Ordering::Equal) } else { a == b }
    }

    fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => a.as_f64().unwrap().partial_cmp(&b.as_f64().unwrap()),
            (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3i64..4).prop_map(Value::from),
        prop::sample::select(vec![-1.0, 0.5, 1.0, 2.0]).prop_map(Value::from),
        prop::sample::select(vec!["", "a", "b", "1"]).prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..3)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "y", "x.y", "z"]).prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(name(), value(), 0..4).prop_map(|object| Value::Object(object.into_iter().collect()))
}

fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["x", "y", "z", "x.y", "x.x", "y.z", "x.y.z", "unknown"]).prop_map(str::to_owned)
}

fn test() -> impl Strategy<Value = Value> {
    let ordering = (
        prop::sample::select(vec!["$gt", "$gte", "$lt", "$lte"]),
        scalar().prop_filter("ordered by number or text", |value| value.is_number() || value.is_string()),
    )
        .prop_map(|(operator, operand)| json!({operator: operand}));
    let membership = (prop::sample::select(vec!["$in", "$nin"]), prop::collection::vec(scalar(), 0..3))
        .prop_map(|(operator, operands)| json!({operator: operands}));
    let equality = (prop::sample::select(vec!["$eq", "$ne", "$neq"]), scalar())
        .prop_map(|(operator, operand)| json!({operator: operand}));
    let existence = any::<bool>().prop_map(|wanted| json!({"$exists": wanted}));
    let leaf = prop_oneof![ordering, membership, equality, existence];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|test| json!({"$not": test})),
            (inner.clone(), inner).prop_map(|(mut a, b)| {
                a.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
                a
            }),
        ]
    })
}

fn filter() -> impl Strategy<Value = Value> {
    let field = (path(), prop_oneof![scalar(), test()]).prop_map(|(path, test)| json!({path: test}));
    field.prop_recursive(3, 16, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (prop::sample::select(vec!["$and", "$or"]), several).prop_map(|(name, list)| json!({name: list})),
            inner.clone().prop_map(|filter| json!({"$not": filter})),
            (inner.clone(), inner).prop_map(|(mut a, b)| {
                a.as_object_mut().unwrap().extend(b.as_object().unwrap().clone());
                a
            }),
        ]
    })
}

fn metadata(document: &Value) -> Metadata {
    from_bytes(&serde_json::to_vec(document).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_filter_agrees_with_a_plain_evaluator(filter in filter(), document in document()) {
        let parsed = parse(&filter).unwrap();
        prop_assert_eq!(parsed.matches(&metadata(&document)), plain::matches(&filter, &document));
    }
}

#[track_caller]
fn check_refused(filter: &Value, reason: &str) {
    let error = parse(filter).expect_err("a refusal").to_string();
    assert!(error.contains(reason), "{filter}: {error}");
}

#[test]
fn what_cannot_be_read_is_named() {
    check_refused(&json!([]), "the filter takes an object, not a list");
    check_refused(&json!("x"), "the filter takes an object, not a text");
    check_refused(&json!({"$xor": []}), "`$xor` is no operator here; there are $and, $or, $not");
    check_refused(&json!({"x": {"$like": "a"}}), "`$like` is no operator of field `x`");
    check_refused(&json!({"x": {"y": 1}}), "write `x.y`");
    check_refused(&json!({"x": {}}), "field `x` needs at least one condition");
    check_refused(&json!({"$or": []}), "$or needs at least one condition");
    check_refused(&json!({"$and": {}}), "$and takes a list, not an object");
    check_refused(&json!({"$not": []}), "$not takes an object, not a list");
    check_refused(&json!({"x": [1]}), "field `x` takes a text, a number, true, false or null, not a list");
    check_refused(&json!({"x": {"$in": 1}}), "$in of field `x` takes a list, not a number");
    check_refused(&json!({"x": {"$gt": true}}), "$gt of field `x` takes a number or a text, not a boolean");
    check_refused(&json!({"x": {"$exists": 1}}), "$exists of field `x` takes true or false, not a number");
}

#[test]
fn depth_is_bounded() {
    let nested = |levels| (1..levels).fold(json!({"x": 1}), |inner, _| json!({"$not": inner}));
    assert!(parse(&nested(32)).is_ok());
    check_refused(&nested(33), "deeper than the limit of 32");
    let nested_tests = (0..32).fold(json!({"$eq": 1}), |inner, _| json!({"$not": inner}));
    check_refused(&json!({"x": nested_tests}), "deeper than the limit of 32");
}

#[test]
fn terms_are_bounded() {
    let values = |count: usize| json!({"x": {"$in": vec![1; count]}});
    // The object and the operator are terms too.
    assert!(parse(&values(1022)).is_ok());
    check_refused(&values(1023), "more than 1024 terms");
    let empty_lists = vec![json!({"x": {"$in": []}}); 1024];
    check_refused(&json!({"$and": empty_lists}), "more than 1024 terms");
}

/// A path of a million dots once was a million places to look, for every document.
#[test]
fn paths_are_bounded() {
    let dots = |count: usize| json!({"a.".repeat(count): 1});
    assert!(parse(&dots(31)).is_ok());
    check_refused(&dots(32), "the path `a.a.");
    check_refused(&json!({"a".repeat(513): 1}), "at most 512 bytes");
}

/// `{"$and": [{}]}` once got past the check that refuses to delete everything.
#[test]
fn only_the_whole_filter_may_be_empty() {
    for filter in [json!({"$and": [{}]}), json!({"$or": [{"x": 1}, {}]}), json!({"$not": {}})] {
        check_refused(&filter, "needs at least one condition");
    }
}

#[test]
fn an_empty_filter_matches_everything() {
    assert!(parse(&json!({})).unwrap().matches(&Metadata::default()));
}
