//! Filters, as the documentation defines them, with an evaluation of their own.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// A filter.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    /// `{"field": {…}}`: all of the tests.
    Field(&'static str, Vec<Test>),
    /// `{"field": value}`
    Plain(&'static str, Value),
    /// `{"$and": […]}`
    All(Vec<Condition>),
    /// `{"$or": […]}`
    Any(Vec<Condition>),
    /// `{"$not": {…}}`
    Not(Box<Condition>),
}

/// What a field is held against.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// `$eq`
    Equal(Value),
    /// `$ne`, or its other name.
    NotEqual(&'static str, Value),
    /// `$gt`, `$gte`, `$lt`, `$lte`
    Order(&'static str, Value),
    /// `$in`
    In(Vec<Value>),
    /// `$nin`
    NotIn(Vec<Value>),
    /// `$exists`
    Exists(bool),
    /// `$not`
    Not(Vec<Test>),
}

/// Fields that documents may have, but for the last, which none has.
const FIELDS: [&str; 7] = ["color", "size", "tags", "flag", "origin.country", "note", "unknown"];

impl Condition {
    /// Some filter, nested at most `depth` levels.
    pub(crate) fn draw(random: &mut StdRng, depth: u32) -> Self {
        let several = |random: &mut StdRng| {
            let number = random.random_range(1..=3);
            (0..number).map(|_| Self::draw(random, depth - 1)).collect()
        };
        match random.random_range(0..if depth == 0 { 6 } else { 10 }) {
            0..2 => Self::Plain(pick(random, &FIELDS), value(random)),
            2..6 => {
                let tests = random.random_range(1..=2);
                Self::Field(pick(random, &FIELDS), (0..tests).map(|_| Test::draw(random, 1)).collect())
            }
            6 => Self::All(several(random)),
            7 | 8 => Self::Any(several(random)),
            _ => Self::Not(Box::new(Self::draw(random, depth - 1))),
        }
    }

    /// The filter as the API takes it.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Field(field, tests) => json!({ *field: tests_json(tests) }),
            Self::Plain(field, value) => json!({ *field: value }),
            Self::All(conditions) => json!({"$and": conditions.iter().map(Self::to_json).collect::<Vec<_>>()}),
            Self::Any(conditions) => json!({"$or": conditions.iter().map(Self::to_json).collect::<Vec<_>>()}),
            Self::Not(condition) => json!({"$not": condition.to_json()}),
        }
    }

    /// Whether a document of this metadata meets it.
    pub(crate) fn matches(&self, metadata: &Map<String, Value>) -> bool {
        match self {
            // Of several tests with one operator JSON keeps the last.
            Self::Field(field, tests) => last_of_each(tests).iter().all(|test| test.holds(&reach(metadata, field))),
            Self::Plain(field, value) => equals(&reach(metadata, field), value),
            Self::All(conditions) => conditions.iter().all(|condition| condition.matches(metadata)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.matches(metadata)),
            Self::Not(condition) => !condition.matches(metadata),
        }
    }
}

impl Test {
    fn draw(random: &mut StdRng, depth: u32) -> Self {
        match random.random_range(0..if depth == 0 { 9 } else { 10 }) {
            0 => Self::Equal(value(random)),
            1 | 2 => Self::NotEqual(pick(random, &["$ne", "$neq"]), value(random)),
            3..6 => {
                let bound = if random.random_bool(0.8) { size(random) } else { json!("blue") };
                Self::Order(pick(random, &["$gt", "$gte", "$lt", "$lte"]), bound)
            }
            6 => Self::In(values(random)),
            7 => Self::NotIn(values(random)),
            8 => Self::Exists(random.random_bool(0.5)),
            _ => Self::Not(vec![Self::draw(random, depth - 1)]),
        }
    }

    fn operator(&self) -> &'static str {
        match self {
            Self::Equal(_) => "$eq",
            Self::NotEqual(operator, _) | Self::Order(operator, _) => operator,
            Self::In(_) => "$in",
            Self::NotIn(_) => "$nin",
            Self::Exists(_) => "$exists",
            Self::Not(_) => "$not",
        }
    }

    fn operand(&self) -> Value {
        match self {
            Self::Equal(value) | Self::NotEqual(_, value) | Self::Order(_, value) => value.clone(),
            Self::In(values) | Self::NotIn(values) => json!(values),
            Self::Exists(wanted) => json!(wanted),
            Self::Not(tests) => tests_json(tests),
        }
    }

    /// Whether it holds for what a path has reached.
    fn holds(&self, reached: &[&Value]) -> bool {
        match self {
            Self::Equal(value) => equals(reached, value),
            Self::NotEqual(_, value) => !equals(reached, value),
            Self::Order(operator, bound) => reached.iter().any(|value| {
                compare(value, bound).is_some_and(|order| match *operator {
                    "$gt" => order == Ordering::Greater,
                    "$gte" => order != Ordering::Less,
                    "$lt" => order == Ordering::Less,
                    _ => order != Ordering::Greater,
                })
            }),
            Self::In(values) => values.iter().any(|value| equals(reached, value)),
            Self::NotIn(values) => !values.iter().any(|value| equals(reached, value)),
            Self::Exists(wanted) => exists(reached) == *wanted,
            Self::Not(tests) => !last_of_each(tests).iter().all(|test| test.holds(reached)),
        }
    }
}

fn tests_json(tests: &[Test]) -> Value {
    tests.iter().map(|test| (test.operator().to_owned(), test.operand())).collect::<Map<_, _>>().into()
}

fn last_of_each(tests: &[Test]) -> Vec<&Test> {
    let is_last = |at: usize| tests[at + 1..].iter().all(|later| later.operator() != tests[at].operator());
    (0..tests.len()).filter(|&at| is_last(at)).map(|at| &tests[at]).collect()
}

fn exists(reached: &[&Value]) -> bool {
    reached.iter().any(|value| !value.is_null())
}

fn equals(reached: &[&Value], wanted: &Value) -> bool {
    // What is missing is null.
    reached.iter().any(|value| compare(value, wanted) == Some(Ordering::Equal))
        || (wanted.is_null() && !exists(reached))
}

/// Texts and numbers never compare; 1 and 1.0 are equal.
fn compare(value: &Value, other: &Value) -> Option<Ordering> {
    match (value, other) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// The values that a path reaches, elements of lists included.
fn reach<'a>(metadata: &'a Map<String, Value>, path: &str) -> Vec<&'a Value> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let Some(value) = metadata.get(name) else { return Vec::new() };
    let Some(rest) = rest else { return with_elements(value) };
    with_elements(value).into_iter().filter_map(Value::as_object).flat_map(|object| reach(object, rest)).collect()
}

fn with_elements(value: &Value) -> Vec<&Value> {
    let elements = value.as_array().into_iter().flatten().flat_map(with_elements);
    std::iter::once(value).chain(elements).collect()
}

/// Some metadata.
pub(crate) fn metadata(random: &mut StdRng) -> Map<String, Value> {
    let mut metadata = Map::new();
    for field in ["color", "size", "tags", "flag", "origin", "note"] {
        if random.random_bool(0.6) {
            metadata.insert(field.to_owned(), field_value(random, field));
        }
    }
    metadata
}

/// Something to merge into metadata: new values, and nulls that remove.
pub(crate) fn patch(random: &mut StdRng) -> Map<String, Value> {
    let mut patch = metadata(random);
    for (field, value) in &mut patch {
        if random.random_bool(0.3) {
            *value = Value::Null;
        } else if field == "origin" && random.random_bool(0.5) {
            *value = json!({"country": null, "city": color(random)});
        }
    }
    patch
}

/// Merges as RFC 7396 says.
pub(crate) fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            Value::Object(inner) => {
                let mut merged = target.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
                merge(&mut merged, inner);
                target.insert(name.clone(), merged.into());
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

fn field_value(random: &mut StdRng, field: &str) -> Value {
    match field {
        "color" => color(random),
        "size" => size(random),
        "tags" => json!((0..random.random_range(0..4)).map(|_| value(random)).collect::<Vec<_>>()),
        "flag" => json!(random.random_bool(0.5)),
        "origin" => json!({"country": color(random), "zip": size(random)}),
        _ => value(random),
    }
}

fn values(random: &mut StdRng) -> Vec<Value> {
    (0..random.random_range(0..4)).map(|_| value(random)).collect()
}

fn value(random: &mut StdRng) -> Value {
    match random.random_range(0..10) {
        0 => Value::Null,
        1 | 2 => json!(random.random_bool(0.5)),
        3..6 => size(random),
        _ => color(random),
    }
}

fn color(random: &mut StdRng) -> Value {
    json!(pick(random, &["red", "green", "blue", "", "5", "ä"]))
}

fn size(random: &mut StdRng) -> Value {
    let whole = random.random_range(-3..6);
    match random.random_range(0..4) {
        0 => json!(f64::from(whole)),
        1 => json!(f64::from(whole) + 0.5),
        _ => json!(whole),
    }
}

fn pick(random: &mut StdRng, among: &[&'static str]) -> &'static str {
    among.choose(random).expect("there is something to pick")
}
