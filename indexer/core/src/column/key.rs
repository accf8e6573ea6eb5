//! Values as bytes whose order is the order of the values.
//!
//! A key is a tag and then the value. Compared byte by byte, keys of one tag stand as filters compare their values:
//! numbers by their exact amounts, whether they were written as integers or floats, and texts by their bytes. So one
//! sorted dictionary answers equality and ranges alike, and a range never leaves its tag: texts and numbers never
//! compare.

use crate::filter::{Operand, Scalar};
use crate::value::Number;

/// Bytes of a text that are in its key. What is longer is known by its first bytes only, and a row where that is not
/// enough is looked at itself. Long enough for names, tags, paths and most addresses.
const TEXT_BYTES_MAX: usize = 128;

/// Stands behind the first bytes of a longer text, so that it comes after the text that ends there.
const CUT: u8 = 1;

/// The tags, persisted, keep stable. Values come first, what is no value of its own behind them.
const BOOL: u8 = 1;
const NUMBER: u8 = 2;
const TEXT: u8 = 3;
const NULL: u8 = 4;
const PRESENT: u8 = 5;

/// The bytes of a value.
pub(super) type Key = Vec<u8>;

/// The key of the rows where the path reaches null.
pub(super) fn null() -> Key {
    vec![NULL]
}

/// The key of the rows where the path reaches anything but null: a scalar, an array, an object.
pub(super) fn present() -> Key {
    vec![PRESENT]
}

/// The key of true or false.
pub(super) fn bool(value: bool) -> Key {
    vec![BOOL, u8::from(value)]
}

/// The key of a number; `None` for what JSON's numbers of 64 bits cannot say.
///
/// First the nearest float, its bits arranged so that they ascend with it, then what an integer has beyond it.
/// Rounding never changes an order but into equality, and there the rest decides; a float has none.
pub(super) fn number(number: Number) -> Option<Key> {
    let (float, beyond) = match number {
        Number::Integer(integer) => {
            if !(i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&integer) {
                return None;
            }
            let float = integer as f64;
            #[allow(clippy::cast_possible_truncation, reason = "whole and at most 2^64, which an i128 holds")]
            let beyond = integer - float as i128;
            (float, i16::try_from(beyond).expect("floats of 64-bit integers are at most 2,048 apart"))
        }
        Number::Float(float) if float.is_finite() => (float, 0),
        Number::Float(_) => return None,
    };
    const SIGN: u64 = 1 << 63;
    // -0.0 + 0.0 is 0.0, and the two are equal.
    let bits = (float + 0.0).to_bits();
    let ascending = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    let mut key = vec![NUMBER];
    key.extend(ascending.to_be_bytes());
    key.extend((beyond.cast_unsigned() ^ 0x8000).to_be_bytes());
    Some(key)
}

/// The key of a text.
pub(super) fn text(text: &str) -> Key {
    let mut key = vec![TEXT];
    match text.as_bytes().get(..TEXT_BYTES_MAX) {
        Some(start) if text.len() > TEXT_BYTES_MAX => {
            key.extend(start);
            key.push(CUT);
        }
        _ => key.extend(text.as_bytes()),
    }
    key
}

/// Returns whether this is the key of a bool, a number or a text.
pub(super) fn is_value(key: &[u8]) -> bool {
    key.first().is_some_and(|tag| *tag < NULL)
}

/// Returns whether several texts may have this key.
pub(super) fn is_cut(key: &[u8]) -> bool {
    key.len() > 1 + TEXT_BYTES_MAX
}

/// The key of what an equality asks for.
pub(super) fn of_scalar(scalar: &Scalar) -> Option<Key> {
    match scalar {
        Scalar::Null => Some(null()),
        Scalar::Bool(value) => Some(bool(*value)),
        Scalar::Number(value) => number(*value),
        Scalar::Text(value) => Some(text(value)),
    }
}

/// The key of what an order asks for.
pub(super) fn of_operand(operand: &Operand) -> Option<Key> {
    match operand {
        Operand::Number(value) => number(*value),
        Operand::Text(value) => Some(text(value)),
    }
}

/// Two keys that enclose every key of the same tag: none is below the first, each is below the second.
pub(super) fn bounds_of_tag(key: &[u8]) -> ([u8; 1], [u8; 1]) {
    let tag = key.first().copied().unwrap_or(NULL);
    ([tag], [tag + 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers() -> impl Strategy<Value = Number> {
        let integers = prop_oneof![
            any::<i64>().prop_map(i128::from),
            any::<u64>().prop_map(i128::from),
            (52_u32..64, -3_i128..=3).prop_map(|(power, near)| (1_i128 << power) + near),
            (52_u32..63, -3_i128..=3).prop_map(|(power, near)| near - (1_i128 << power)),
            -5_i128..=5,
        ];
        let in_64_bits = |integer: i128| integer.clamp(i128::from(i64::MIN), i128::from(u64::MAX));
        prop_oneof![
            integers.clone().prop_map(move |integer| Number::Integer(in_64_bits(integer))),
            integers.prop_map(|integer| Number::Float(integer as f64)),
            any::<f64>().prop_filter("finite", |float| float.is_finite()).prop_map(Number::Float),
            (-20_i32..=20).prop_map(|halves| Number::Float(f64::from(halves) / 2.0)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn keys_of_numbers_are_ordered_as_the_numbers(a in numbers(), b in numbers()) {
            prop_assert_eq!(number(a).unwrap().cmp(&number(b).unwrap()), a.cmp(&b));
        }

        #[test]
        fn keys_of_texts_are_ordered_as_the_texts(
            start in prop_oneof![Just(0), 126_usize..130],
            a in "[a-c\u{1}]{0,4}",
            b in "[a-c\u{1}]{0,4}",
        ) {
            let [a, b] = [a, b].map(|end| "b".repeat(start) + &end);
            let [key_a, key_b] = [&a, &b].map(|value| text(value));
            if key_a == key_b {
                prop_assert!(a == b || is_cut(&key_a));
            } else {
                prop_assert_eq!(key_a.cmp(&key_b), a.cmp(&b));
            }
        }
    }

    #[test]
    fn integers_that_round_up_come_before_the_float() {
        let big = i128::from(u64::MAX);
        let ascending = [Number::Integer(big - 1), Number::Integer(big), Number::Float(18_446_744_073_709_551_616.0)];
        assert!(ascending.map(number).is_sorted());
        assert!(ascending.is_sorted());
    }

    #[test]
    fn numbers_beyond_json_have_no_key() {
        for integer in [i128::from(u64::MAX) + 1, i128::from(i64::MIN) - 1] {
            assert_eq!(number(Number::Integer(integer)), None);
        }
        assert_eq!(number(Number::Float(f64::INFINITY)), None);
        assert_eq!(number(Number::Float(f64::NAN)), None);
    }

    #[test]
    fn a_text_is_cut_only_beyond_the_limit() {
        assert!(!is_cut(&text(&"x".repeat(TEXT_BYTES_MAX))));
        assert!(is_cut(&text(&"x".repeat(TEXT_BYTES_MAX + 1))));
    }
}
