//! Filters in JSON: MongoDB's operators.
//!
//! `{"section": "web", "size": {"$gt": 10, "$lt": 20}, "$or": [...]}`: the fields of an object must all hold.

use annuli_core::filter::{FieldPath, Operand, Scalar, Side, Test};
use annuli_core::limits::{FIELD_PATH_BYTES_MAX, FIELD_PATH_NAMES_MAX, FILTER_DEPTH_MAX, FILTER_TERMS_MAX};
use annuli_core::{Filter, Number};
use serde_json::{Map, Value};

/// Why a filter cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableFilter {
    /// Not an object where one is needed.
    #[error("filter: {place} takes an object, not {got}")]
    NotAnObject {
        /// Where in the filter.
        place: String,
        /// What was there.
        got: &'static str,
    },
    /// Not a list where one is needed.
    #[error("filter: {place} takes a list, not {got}")]
    NotAList {
        /// Where in the filter.
        place: String,
        /// What was there.
        got: &'static str,
    },
    /// A combination of nothing.
    #[error("filter: {place} needs at least one condition")]
    Empty {
        /// Where in the filter.
        place: String,
    },
    /// A word that starts with `$` and is no operator, or not one that may stand there.
    #[error("filter: `{operator}` is no operator {place}; there are {known}")]
    UnknownOperator {
        /// The word.
        operator: String,
        /// Where in the filter.
        place: String,
        /// What may stand there.
        known: &'static str,
    },
    /// An operand of a type that the operator does not compare.
    #[error("filter: {place} takes {wanted}, not {got}")]
    Operand {
        /// Where in the filter.
        place: String,
        /// What it takes.
        wanted: &'static str,
        /// What was there.
        got: &'static str,
    },
    /// Nested deeper than evaluation may recurse.
    #[error("filter: nested deeper than the limit of {FILTER_DEPTH_MAX} levels")]
    TooDeep,
    /// A path that is too costly to follow.
    #[error(
        "filter: the path `{start}...` is too long: a path has at most {FIELD_PATH_BYTES_MAX} bytes and \
         {FIELD_PATH_NAMES_MAX} names"
    )]
    PathTooLong {
        /// Its first characters.
        start: String,
    },
    /// More comparisons than a search should make for every document.
    #[error(
        "filter: more than {FILTER_TERMS_MAX} terms; objects, operators and values count, those of $in and $nin too"
    )]
    TooManyTerms,
}

const COMBINING: &str = "$and, $or, $not";
const TESTING: &str = "$eq, $ne ($neq), $gt, $gte, $lt, $lte, $in, $nin, $exists, $not";

/// Reads a filter.
pub fn parse(filter: &Value) -> Result<Filter, UnreadableFilter> {
    Parser { terms: 0 }.conditions(filter, "the filter", 1)
}

struct Parser {
    terms: usize,
}

impl Parser {
    /// An object of fields and combining operators, all of which must hold.
    fn conditions(&mut self, value: &Value, place: &str, depth: usize) -> Result<Filter, UnreadableFilter> {
        let object = object(value, place)?;
        if depth > FILTER_DEPTH_MAX {
            return Err(UnreadableFilter::TooDeep);
        }
        if depth > 1 && object.is_empty() {
            return Err(UnreadableFilter::Empty { place: place.to_owned() });
        }
        self.count_term()?;
        let mut all = Vec::with_capacity(object.len());
        for (name, value) in object {
            all.push(match name.as_str() {
                "$and" => Filter::All(self.list_of_conditions(value, "$and", depth)?),
                "$or" => Filter::Any(self.list_of_conditions(value, "$or", depth)?),
                "$not" => Filter::Not(Box::new(self.conditions(value, "$not", depth + 1)?)),
                _ if name.starts_with('$') => return Err(unknown(name, "here".to_owned(), COMBINING)),
                _ => self.field(name, value, depth)?,
            });
        }
        Ok(single_or_all(all))
    }

    fn list_of_conditions(
        &mut self,
        value: &Value,
        operator: &str,
        depth: usize,
    ) -> Result<Vec<Filter>, UnreadableFilter> {
        let list = list(value, operator)?;
        if list.is_empty() {
            return Err(UnreadableFilter::Empty { place: operator.to_owned() });
        }
        list.iter().map(|value| self.conditions(value, operator, depth + 1)).collect()
    }

    /// A field with a plain value, or with an object of tests.
    fn field(&mut self, name: &str, value: &Value, depth: usize) -> Result<Filter, UnreadableFilter> {
        if name.len() > FIELD_PATH_BYTES_MAX || name.split('.').count() > FIELD_PATH_NAMES_MAX {
            return Err(UnreadableFilter::PathTooLong { start: name.chars().take(64).collect() });
        }
        match value {
            Value::Object(tests) => self.tests(name, tests, depth + 1),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let place = format!("field `{name}`");
                Ok(Filter::Field(FieldPath::new(name), Test::Equal(self.scalar(value, &place)?)))
            }
        }
    }

    /// Tests on one field, all of which must hold.
    fn tests(&mut self, name: &str, tests: &Map<String, Value>, depth: usize) -> Result<Filter, UnreadableFilter> {
        if depth > FILTER_DEPTH_MAX {
            return Err(UnreadableFilter::TooDeep);
        }
        if tests.is_empty() {
            return Err(UnreadableFilter::Empty { place: format!("field `{name}`") });
        }
        let all: Result<Vec<_>, _> =
            tests.iter().map(|(operator, operand)| self.test(name, operator, operand, depth)).collect();
        Ok(single_or_all(all?))
    }

    fn test(&mut self, name: &str, operator: &str, operand: &Value, depth: usize) -> Result<Filter, UnreadableFilter> {
        let place = format!("{operator} of field `{name}`");
        self.count_term()?;
        let order = |parser: &mut Self, side| Ok(Test::Order(side, parser.operand(operand, &place)?));
        let (test, negated) = match operator {
            "$eq" => (Test::Equal(self.scalar(operand, &place)?), false),
            "$ne" | "$neq" => (Test::Equal(self.scalar(operand, &place)?), true),
            "$gt" => (order(self, Side::Above)?, false),
            "$gte" => (order(self, Side::AtLeast)?, false),
            "$lt" => (order(self, Side::Below)?, false),
            "$lte" => (order(self, Side::AtMost)?, false),
            "$in" => (Test::In(self.scalars(operand, &place)?), false),
            "$nin" => (Test::In(self.scalars(operand, &place)?), true),
            "$exists" => (Self::exists(operand, &place)?, false),
            "$not" => return Ok(Filter::Not(Box::new(self.tests(name, object(operand, &place)?, depth + 1)?))),
            _ if operator.starts_with('$') => return Err(unknown(operator, format!("of field `{name}`"), TESTING)),
            _ => {
                let place = format!("of field `{name}` (to reach into an object, write `{name}.{operator}`)");
                return Err(unknown(operator, place, TESTING));
            }
        };
        let field = Filter::Field(FieldPath::new(name), test);
        Ok(if negated { Filter::Not(Box::new(field)) } else { field })
    }

    fn exists(operand: &Value, place: &str) -> Result<Test, UnreadableFilter> {
        operand.as_bool().map(Test::Exists).ok_or_else(|| wrong(place, "true or false", operand))
    }

    fn scalars(&mut self, operand: &Value, place: &str) -> Result<Vec<Scalar>, UnreadableFilter> {
        list(operand, place)?.iter().map(|value| self.scalar(value, place)).collect()
    }

    fn scalar(&mut self, value: &Value, place: &str) -> Result<Scalar, UnreadableFilter> {
        self.count_term()?;
        match value {
            Value::Null => Ok(Scalar::Null),
            Value::Bool(value) => Ok(Scalar::Bool(*value)),
            Value::Number(number) => Ok(Scalar::Number(to_number(number))),
            Value::String(text) => Ok(Scalar::Text(text.as_str().into())),
            Value::Array(_) | Value::Object(_) => Err(wrong(place, "a text, a number, true, false or null", value)),
        }
    }

    fn operand(&mut self, value: &Value, place: &str) -> Result<Operand, UnreadableFilter> {
        self.count_term()?;
        match value {
            Value::Number(number) => Ok(Operand::Number(to_number(number))),
            Value::String(text) => Ok(Operand::Text(text.as_str().into())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                Err(wrong(place, "a number or a text", value))
            }
        }
    }

    fn count_term(&mut self) -> Result<(), UnreadableFilter> {
        self.terms += 1;
        if self.terms > FILTER_TERMS_MAX { Err(UnreadableFilter::TooManyTerms) } else { Ok(()) }
    }
}

fn single_or_all(mut filters: Vec<Filter>) -> Filter {
    match filters.len() {
        1 => filters.remove(0),
        _ => Filter::All(filters),
    }
}

fn to_number(number: &serde_json::Number) -> Number {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), _, _) => Number::Integer(i128::from(integer)),
        (None, Some(integer), _) => Number::Integer(i128::from(integer)),
        (None, None, float) => Number::from_float(float.expect("serde_json's numbers are integers or finite floats")),
    }
}

fn object<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, UnreadableFilter> {
    value.as_object().ok_or_else(|| UnreadableFilter::NotAnObject { place: place.to_owned(), got: type_name(value) })
}

fn list<'a>(value: &'a Value, place: &str) -> Result<&'a [Value], UnreadableFilter> {
    match value {
        Value::Array(list) => Ok(list),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(UnreadableFilter::NotAList { place: place.to_owned(), got: type_name(value) })
        }
    }
}

fn unknown(operator: &str, place: String, known: &'static str) -> UnreadableFilter {
    UnreadableFilter::UnknownOperator { operator: operator.chars().take(64).collect(), place, known }
}

fn wrong(place: &str, wanted: &'static str, got: &Value) -> UnreadableFilter {
    UnreadableFilter::Operand { place: place.to_owned(), wanted, got: type_name(got) }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
