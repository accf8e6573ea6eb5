//! Metadata in JSON, read straight into the domain's values.

use annuli_core::limits::METADATA_BYTES_MAX;
use annuli_core::metadata::MetadataTooDeep;
use annuli_core::value::Object;
use annuli_core::{Metadata, Number, Value};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A JSON object as it came, unchecked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WireMetadata(pub Object);

/// Why metadata cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnfitMetadata {
    /// Nested too deep.
    #[error(transparent)]
    TooDeep(#[from] MetadataTooDeep),
    /// Too large.
    #[error("metadata has {bytes} bytes as compact JSON, the limit is {METADATA_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl TryFrom<WireMetadata> for Metadata {
    type Error = UnfitMetadata;

    fn try_from(wire: WireMetadata) -> Result<Self, UnfitMetadata> {
        let metadata = Self::new(wire.0)?;
        to_bytes(&metadata)?;
        Ok(metadata)
    }
}

impl From<&Metadata> for WireMetadata {
    fn from(metadata: &Metadata) -> Self {
        Self(metadata.object().clone())
    }
}

/// The metadata as compact JSON, as it is stored; nothing for empty metadata.
pub fn to_bytes(metadata: &Metadata) -> Result<Vec<u8>, UnfitMetadata> {
    if metadata.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = serde_json::to_vec(&ObjectRef(metadata.object())).expect("an object of texts and finite numbers");
    if bytes.len() > METADATA_BYTES_MAX {
        return Err(UnfitMetadata::TooLarge { bytes: bytes.len() });
    }
    Ok(bytes)
}

/// Stored bytes that are no metadata.
#[derive(Debug, thiserror::Error)]
pub enum CorruptMetadata {
    /// Not a JSON object.
    #[error("stored metadata is not a JSON object: {0}")]
    Json(#[from] serde_json::Error),
    /// Nested deeper than anything that was accepted.
    #[error(transparent)]
    TooDeep(#[from] MetadataTooDeep),
}

/// The metadata of stored bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<Metadata, CorruptMetadata> {
    if bytes.is_empty() {
        return Ok(Metadata::default());
    }
    Ok(Metadata::new(serde_json::from_slice::<WireMetadata>(bytes)?.0)?)
}

impl WireMetadata {
    /// About how many bytes it has when it is written: fields are short more often than not.
    pub(crate) fn bytes_about(&self) -> usize {
        2 + self.0.len() * 32
    }
}

impl Serialize for WireMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ObjectRef(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WireMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor).map(Self)
    }
}

struct ObjectRef<'a>(&'a Object);

impl Serialize for ObjectRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, &ValueRef(value))?;
        }
        map.end()
    }
}

struct ValueRef<'a>(&'a Value);

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(Number::Integer(integer)) => match (i64::try_from(*integer), u64::try_from(*integer)) {
                (Ok(signed), _) => serializer.serialize_i64(signed),
                (Err(_), Ok(unsigned)) => serializer.serialize_u64(unsigned),
                (Err(_), Err(_)) => serializer.serialize_i128(*integer),
            },
            Value::Number(Number::Float(float)) => serializer.serialize_f64(*float),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Array(elements) => {
                let mut sequence = serializer.serialize_seq(Some(elements.len()))?;
                for element in elements {
                    sequence.serialize_element(&ValueRef(element))?;
                }
                sequence.end()
            }
            Value::Object(object) => ObjectRef(object).serialize(serializer),
        }
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metadata: a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut object = Object::new();
        while let Some((name, WireValue(value))) = map.next_entry::<Box<str>, WireValue>()? {
            object.insert(name, value);
        }
        Ok(object)
    }
}

/// Any JSON value.
pub(crate) struct WireValue(pub(crate) Value);

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

/// What is said of a number that is none.
pub(crate) const NOT_FINITE: &str = "a number is NaN or infinite";

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(Number::Integer(i128::from(value))))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(Number::Integer(i128::from(value))))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // JSON cannot say it, MessagePack can.
        if value.is_finite() { Ok(Value::Number(Number::from_float(value))) } else { Err(E::custom(NOT_FINITE)) }
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(WireValue(element)) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        ObjectVisitor.visit_map(map).map(Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_round_trip(json: &str) {
        let metadata = from_bytes(json.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(to_bytes(&metadata).unwrap()).unwrap(), json);
    }

    #[test]
    fn metadata_comes_back_as_it_was_sent() {
        check_round_trip(r#"{"a":null,"b":[true,1,-1,1.5,"ä",[],{}],"c":{"d":{"e":""}}}"#);
        check_round_trip(r#"{"max":18446744073709551615,"min":-9223372036854775808}"#);
        check_round_trip(r#"{"float":1.0,"tiny":5e-324}"#);
    }

    #[test]
    fn size_is_bounded() {
        let wire = |length: usize| WireMetadata([("a".into(), Value::Text("x".repeat(length).into()))].into());
        assert!(Metadata::try_from(wire(METADATA_BYTES_MAX - 8)).is_ok());
        assert_eq!(
            Metadata::try_from(wire(METADATA_BYTES_MAX - 7)).unwrap_err(),
            UnfitMetadata::TooLarge { bytes: METADATA_BYTES_MAX + 1 }
        );
    }

    #[test]
    fn metadata_is_an_object() {
        assert!(from_bytes(b"[1]").unwrap_err().to_string().contains("expected metadata: a JSON object"));
    }
}
