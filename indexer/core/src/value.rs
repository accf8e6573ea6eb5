//! Values of metadata: what JSON can say, compared as filters compare it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// null, which filters treat as absent.
    Null,
    /// true or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Box<str>),
    /// A list; a filter's test holds for it when it holds for any element.
    Array(Vec<Value>),
    /// Named values.
    Object(Object),
}

/// Named values, in the order of their names.
pub type Object = BTreeMap<Box<str>, Value>;

impl Value {
    /// Levels of nesting: 1 for a scalar, one more for each array or object around it.
    pub fn depth(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => 1,
            Self::Array(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(object) => 1 + object.values().map(Self::depth).max().unwrap_or(0),
        }
    }
}

/// A JSON number. Integers keep all their digits; 1 and 1.0 are equal.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// A whole number, as far as 64 bits reach with or without a sign.
    Integer(i128),
    /// Any other; finite.
    Float(f64),
}

impl Number {
    /// A number from a float.
    ///
    /// # Panics
    /// On NaN and infinities, which JSON cannot say.
    pub fn from_float(float: f64) -> Self {
        assert!(float.is_finite(), "JSON numbers are finite");
        Self::Float(float)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (*self, *other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(&b),
            (Self::Float(a), Self::Float(b)) => compare_floats(a, b),
            (Self::Integer(a), Self::Float(b)) => compare_integer_with_float(a, b),
            (Self::Float(a), Self::Integer(b)) => compare_integer_with_float(b, a).reverse(),
        }
    }
}

fn compare_floats(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).expect("JSON numbers are finite")
}

/// Exact: turning the integer into a float would make 2^53 and 2^53 + 1 equal.
fn compare_integer_with_float(integer: i128, float: f64) -> Ordering {
    /// Every 64-bit integer is smaller in magnitude.
    const BEYOND_ALL: f64 = 1e20;
    if float.abs() >= BEYOND_ALL {
        return compare_floats(0.0, float);
    }
    let floor = float.floor();
    #[allow(clippy::cast_possible_truncation, reason = "whole and below 1e20, which an i128 holds")]
    let whole = floor as i128;
    integer.cmp(&whole).then(compare_floats(floor, float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(integer: i128, float: f64, want: Ordering) {
        assert_eq!(Number::Integer(integer).cmp(&Number::Float(float)), want, "{integer} and {float}");
        assert_eq!(Number::Float(float).cmp(&Number::Integer(integer)), want.reverse(), "{float} and {integer}");
    }

    #[test]
    fn integers_and_floats_compare_by_their_exact_values() {
        check(1, 1.0, Ordering::Equal);
        check(0, -0.0, Ordering::Equal);
        check(1, 1.5, Ordering::Less);
        check(-1, -1.5, Ordering::Greater);
        check(-2, -1.5, Ordering::Less);
        check((1 << 53) + 1, 9_007_199_254_740_992.0, Ordering::Greater);
        check(i128::from(u64::MAX), 18_446_744_073_709_551_616.0, Ordering::Less);
        check(i128::from(i64::MIN), -9_223_372_036_854_775_808.0, Ordering::Equal);
        check(5, 1e300, Ordering::Less);
        check(5, -1e300, Ordering::Greater);
    }

    #[test]
    fn depth_counts_levels() {
        let scalar = Value::Bool(true);
        let nested = Value::Array(vec![Value::Object(Object::from([("a".into(), scalar.clone())]))]);
        assert_eq!((scalar.depth(), nested.depth(), Value::Array(vec![]).depth()), (1, 3, 1));
    }
}
