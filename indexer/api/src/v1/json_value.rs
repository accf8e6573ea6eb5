//! A filter as it came: any value that JSON can say. Other formats can say more, and that is refused here.

use super::filter::UnreadableFilter;
use super::metadata::NOT_FINITE;
use crate::body::bounds;
use crate::error::{ErrorCode, Failure};
use annuli_core::limits::FILTER_TERMS_MAX;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

/// Reads an optional filter.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Ok(Option::<JsonValue>::deserialize(deserializer)?.map(|JsonValue(value)| value))
}

/// Values that a filter within its limit can have. Of what may be nested, only lists are no terms, and each list that
/// means something holds one at least.
const VALUES_MAX: usize = 4 * FILTER_TERMS_MAX;

struct JsonValue(Value);

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonVisitor(&Cell::new(VALUES_MAX)).deserialize(deserializer).map(Self)
    }
}

/// With the number of values that may still come.
#[derive(Clone, Copy)]
struct JsonVisitor<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for JsonVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            return Err(bounds::refuse(Failure::new(ErrorCode::InvalidFilter, UnreadableFilter::TooManyTerms)));
        };
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for JsonVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom(NOT_FINITE))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element_seed(self)? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = map.next_entry_seed(PhantomData::<String>, self)? {
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
