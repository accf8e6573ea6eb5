//! Filters: which documents a search, a count or a delete is about.
//!
//! The truths, in one place. A test on a path holds when it holds for any value that the path reaches; a path reaches
//! through objects by its dots and through every element of an array. What is missing or null matches only
//! `Equal(Null)`, `Exists(false)` and what is under a `Not`. 1 equals 1.0; texts and numbers never compare.

use crate::metadata::Metadata;
use crate::value::{Number, Object, Value};
use std::cmp::Ordering;

/// A condition on a document's metadata.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of these; true when there is none.
    All(Vec<Filter>),
    /// At least one of these; false when there is none.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A test on what a path reaches.
    Field(FieldPath, Test),
}

/// Names joined by dots. At each object the path first takes a field by the whole rest of the path, so that a field
/// whose own name holds a dot can be reached too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath(Box<str>);

/// A test on one value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Equal to this.
    Equal(Scalar),
    /// Equal to any of these.
    In(Vec<Scalar>),
    /// Of the operand's type and on that side of it.
    Order(Side, Operand),
    /// Present and not null, or the opposite.
    Exists(bool),
}

/// A value that others are compared with for equality.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Missing or null.
    Null,
    /// true or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Box<str>),
}

/// A value that others are ordered by.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A number; only numbers match.
    Number(Number),
    /// A text, by its bytes; only texts match.
    Text(Box<str>),
}

/// Which side of the operand matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `$gt`
    Above,
    /// `$gte`
    AtLeast,
    /// `$lt`
    Below,
    /// `$lte`
    AtMost,
}

impl FieldPath {
    /// A path from its text.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether `test` holds for any value that the path reaches.
    fn any(&self, metadata: &Metadata, test: &dyn Fn(&Value) -> bool) -> bool {
        any_in_object(metadata.object(), &self.0, test)
    }
}

impl Filter {
    /// Returns whether a document of this metadata meets the condition.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(metadata)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(metadata)),
            Self::Not(filter) => !filter.matches(metadata),
            Self::Field(path, test) => test.matches(path, metadata),
        }
    }
}

impl Test {
    fn matches(&self, path: &FieldPath, metadata: &Metadata) -> bool {
        match self {
            Self::Equal(scalar) => equals(path, metadata, scalar),
            Self::In(scalars) => scalars.iter().any(|scalar| equals(path, metadata, scalar)),
            Self::Order(side, operand) => path.any(metadata, &|value| side.holds(value, operand)),
            Self::Exists(wanted) => exists(path, metadata) == *wanted,
        }
    }
}

fn exists(path: &FieldPath, metadata: &Metadata) -> bool {
    // An array is a value of its own, whatever its elements are.
    path.any(metadata, &|value| !matches!(value, Value::Null))
}

fn equals(path: &FieldPath, metadata: &Metadata, scalar: &Scalar) -> bool {
    let test = |value: &Value| match (value, scalar) {
        (Value::Null, Scalar::Null) => true,
        (Value::Bool(a), Scalar::Bool(b)) => a == b,
        (Value::Number(a), Scalar::Number(b)) => a == b,
        (Value::Text(a), Scalar::Text(b)) => a == b,
        _ => false,
    };
    path.any(metadata, &test) || (*scalar == Scalar::Null && !exists(path, metadata))
}

impl Side {
    fn holds(self, value: &Value, operand: &Operand) -> bool {
        let order = match (value, operand) {
            (Value::Number(value), Operand::Number(operand)) => value.cmp(operand),
            (Value::Text(value), Operand::Text(operand)) => value.cmp(operand),
            _ => return false,
        };
        match self {
            Self::Above => order == Ordering::Greater,
            Self::AtLeast => order != Ordering::Less,
            Self::Below => order == Ordering::Less,
            Self::AtMost => order != Ordering::Greater,
        }
    }
}

fn any_in_object(object: &Object, path: &str, test: &dyn Fn(&Value) -> bool) -> bool {
    if object.get(path).is_some_and(|value| any_in_value(value, test)) {
        return true;
    }
    path.match_indices('.').any(|(dot, _)| {
        let (name, rest) = (&path[..dot], &path[dot + 1..]);
        object.get(name).is_some_and(|value| any_below(value, rest, test))
    })
}

/// Goes on with the rest of a path, through every element of an array.
fn any_below(value: &Value, rest: &str, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Object(object) => any_in_object(object, rest, test),
        Value::Array(elements) => elements.iter().any(|element| any_below(element, rest, test)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
    }
}

/// Tests a value that the path has reached, and the elements if it is an array.
fn any_in_value(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    if test(value) {
        return true;
    }
    match value {
        Value::Array(elements) => elements.iter().any(|element| any_in_value(element, test)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: i64) -> Value {
        Value::Number(Number::Integer(i128::from(number)))
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn object<const N: usize>(fields: [(&str, Value); N]) -> Object {
        fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }

    fn document() -> Metadata {
        Metadata::new(object([
            ("size", number(5)),
            ("section", text("web")),
            ("nothing", Value::Null),
            ("tags", Value::Array(vec![text("a"), number(7), Value::Array(vec![text("deep")])])),
            ("empty", Value::Array(vec![])),
            ("author", Value::Object(object([("name", text("ann"))]))),
            ("a.b", number(1)),
            ("a", Value::Object(object([("b", number(2)), ("c.d", number(3))]))),
            ("parts", Value::Array(vec![Value::Object(object([("kind", text("lid"))])), number(1)])),
        ]))
        .unwrap()
    }

    fn field(path: &str, test: Test) -> Filter {
        Filter::Field(FieldPath::new(path), test)
    }

    fn equal_text(value: &str) -> Test {
        Test::Equal(Scalar::Text(value.into()))
    }

    fn equal_number(value: f64) -> Test {
        Test::Equal(Scalar::Number(Number::from_float(value)))
    }

    fn order(side: Side, value: i128) -> Test {
        Test::Order(side, Operand::Number(Number::Integer(value)))
    }

    #[track_caller]
    fn check(path: &str, test: Test, want: bool) {
        let filter = field(path, test);
        assert_eq!(filter.matches(&document()), want, "{filter:?}");
        let opposite = Filter::Not(Box::new(filter));
        assert_eq!(opposite.matches(&document()), !want, "{opposite:?}");
    }

    #[test]
    fn one_equals_one_point_zero() {
        check("size", equal_number(5.0), true);
        check("size", equal_number(5.5), false);
    }

    #[test]
    fn texts_and_numbers_never_compare() {
        check("size", equal_text("5"), false);
        check("section", order(Side::Above, 0), false);
        check("size", Test::Order(Side::Above, Operand::Text("".into())), false);
    }

    #[test]
    fn sides_include_their_bound_or_not() {
        check("size", order(Side::Above, 5), false);
        check("size", order(Side::AtLeast, 5), true);
        check("size", order(Side::Below, 5), false);
        check("size", order(Side::AtMost, 5), true);
        check("size", order(Side::Above, 4), true);
        check("size", order(Side::Below, 6), true);
    }

    #[test]
    fn missing_and_null_are_the_same() {
        for path in ["nothing", "unknown", "author.unknown", "section.below"] {
            check(path, Test::Exists(true), false);
            check(path, Test::Exists(false), true);
            check(path, Test::Equal(Scalar::Null), true);
            check(path, Test::In(vec![Scalar::Null]), true);
            check(path, Test::In(vec![Scalar::Bool(false)]), false);
            check(path, order(Side::AtMost, i128::MAX), false);
        }
        check("size", Test::Equal(Scalar::Null), false);
    }

    #[test]
    fn an_array_matches_when_any_element_does() {
        check("tags", equal_text("a"), true);
        check("tags", equal_text("deep"), true);
        check("tags", order(Side::Above, 6), true);
        check("tags", order(Side::Above, 7), false);
        check("empty", Test::Exists(true), true);
        check("empty", Test::Equal(Scalar::Null), false);
    }

    #[test]
    fn paths_reach_through_objects_and_arrays_and_names_with_dots() {
        check("author.name", equal_text("ann"), true);
        check("author", Test::Exists(true), true);
        check("parts.kind", equal_text("lid"), true);
        check("a.b", equal_number(1.0), true);
        check("a.b", equal_number(2.0), true);
        check("a.c.d", equal_number(3.0), true);
    }

    #[test]
    fn empty_combinations_are_the_neutral_elements() {
        assert!(Filter::All(vec![]).matches(&document()));
        assert!(!Filter::Any(vec![]).matches(&document()));
        assert!(!field("size", Test::In(vec![])).matches(&document()));
    }
}
