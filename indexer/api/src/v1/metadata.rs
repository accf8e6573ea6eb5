//! Metadata in JSON, read straight into the domain's values.

use crate::body::bounds;
use crate::error::{ErrorCode, Failure};
use annuli_core::limits::METADATA_BYTES_MAX;
use annuli_core::metadata::MetadataTooDeep;
use annuli_core::value::Object;
use annuli_core::{Metadata, Number, Value};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::Cell;
use std::marker::PhantomData;
use std::{fmt, io};

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
        let mut written = Counted { bytes: 0, kept: Vec::new(), keep_max: 0 };
        written.write(&metadata)?;
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
    let mut written = Counted { bytes: 0, kept: Vec::new(), keep_max: METADATA_BYTES_MAX };
    written.write(metadata)?;
    Ok(written.kept)
}

/// Counts all that is written and keeps the start of it: what is refused for its size takes no memory for it.
struct Counted {
    bytes: usize,
    kept: Vec<u8>,
    keep_max: usize,
}

impl Counted {
    fn write(&mut self, metadata: &Metadata) -> Result<(), UnfitMetadata> {
        serde_json::to_writer(&mut *self, &ObjectRef(metadata.object()))
            .expect("an object of texts and finite numbers");
        if self.bytes > METADATA_BYTES_MAX { Err(UnfitMetadata::TooLarge { bytes: self.bytes }) } else { Ok(()) }
    }
}

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        let room = self.keep_max - self.kept.len();
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
    /// About how many bytes it has when it is written.
    pub(crate) fn bytes_about(&self) -> usize {
        object_bytes_about(&self.0)
    }
}

/// About how many bytes metadata has when it is written.
pub fn bytes_about(metadata: &Metadata) -> usize {
    object_bytes_about(metadata.object())
}

fn object_bytes_about(object: &Object) -> usize {
    2 + object.iter().map(|(name, value)| name.len() + 4 + value_bytes_about(value)).sum::<usize>()
}

fn value_bytes_about(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(_) => 12,
        Value::Text(text) => text.len() + 2,
        Value::Array(elements) => 2 + elements.iter().map(|element| 1 + value_bytes_about(element)).sum::<usize>(),
        Value::Object(object) => object_bytes_about(object),
    }
}

impl Serialize for WireMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ObjectRef(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WireMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(&Cell::new(VALUES_MAX))).map(Self)
    }
}

/// A JSON value as it came, bounded as metadata is.
#[derive(Debug, Clone, PartialEq)]
pub struct WireValue(pub Value);

impl Serialize for WireValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        ValueRef(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueVisitor(&Cell::new(VALUES_MAX)).deserialize(deserializer).map(Self)
    }
}

/// Values that metadata within its limit can have: each takes at least a digit and what parts it from the next.
const VALUES_MAX: usize = METADATA_BYTES_MAX / 2;

/// Memory of an entry of an object: its nodes have room for eleven, and may be half full.
const ENTRY_BYTES: usize = 2 * size_of::<(Box<str>, Value)>();

/// Memory of an object's first node.
const FIRST_NODE_BYTES: usize = 12 * size_of::<(Box<str>, Value)>();

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

/// With the number of values that may still come.
struct ObjectVisitor<'a>(&'a Cell<usize>);

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metadata: a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut object = Object::new();
        while let Some((name, value)) = map.next_entry_seed(PhantomData::<Box<str>>, ValueVisitor(self.0))? {
            bounds::take(name.len() + if object.is_empty() { FIRST_NODE_BYTES } else { ENTRY_BYTES })?;
            object.insert(name, value);
        }
        Ok(object)
    }
}

/// Any JSON value, with the number of values that may still come.
#[derive(Clone, Copy)]
struct ValueVisitor<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for ValueVisitor<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            let message =
                format!("metadata has more than {METADATA_BYTES_MAX} bytes as compact JSON, which is the limit");
            return Err(bounds::refuse(Failure::new(ErrorCode::InvalidMetadata, message)));
        };
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

/// What is said of a number that is none.
pub(crate) const NOT_FINITE: &str = "a number is NaN or infinite";

impl<'de> Visitor<'de> for ValueVisitor<'_> {
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

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        bounds::take(text.len())?;
        Ok(Value::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element_seed(self)? {
            bounds::take(size_of::<Value>())?;
            elements.push(element);
        }
        elements.shrink_to_fit();
        Ok(Value::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        ObjectVisitor(self.0).visit_map(map).map(Value::Object)
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
    fn more_values_than_fit_into_the_limit_are_not_kept() {
        let read = |values: usize| from_bytes(format!("{{\"a\":[{}0]}}", "0,".repeat(values - 2)).as_bytes());
        // The list is a value too.
        assert!(read(VALUES_MAX).is_ok());
        let error = read(VALUES_MAX + 1).unwrap_err().to_string();
        assert!(error.contains("metadata has more than 65536 bytes as compact JSON"), "{error}");
    }

    #[test]
    fn the_estimate_of_a_size_sees_texts_and_what_is_nested() {
        let text = "x".repeat(10_000);
        let nested = format!(r#"{{"a":[{{"b":"{text}"}},"{text}"],"{text}":[{}0]}}"#, "[0],".repeat(1_000));
        for json in [nested, r#"{"a":null,"b":[1,2.5,true]}"#.to_owned()] {
            let about = bytes_about(&from_bytes(json.as_bytes()).unwrap());
            assert!((json.len()..json.len() * 4).contains(&about), "{about} of {}", json.len());
        }
    }

    #[test]
    fn what_is_refused_for_its_size_is_not_kept() {
        let text = Value::Text("x".repeat(METADATA_BYTES_MAX * 2).into());
        let metadata = Metadata::new([("a".into(), text)].into()).unwrap();
        let mut written = Counted { bytes: 0, kept: Vec::new(), keep_max: METADATA_BYTES_MAX };
        assert_eq!(written.write(&metadata), Err(UnfitMetadata::TooLarge { bytes: METADATA_BYTES_MAX * 2 + 8 }));
        assert_eq!(written.kept.len(), METADATA_BYTES_MAX);
    }

    #[test]
    fn metadata_is_an_object() {
        assert!(from_bytes(b"[1]").unwrap_err().to_string().contains("expected metadata: a JSON object"));
    }
}
