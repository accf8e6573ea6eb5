//! Vectors on the wire: a list of numbers, or little-endian f32, which are several times faster to read: as base64 in
//! JSON, as bytes in MessagePack.

use crate::body::bounds;
use annuli_core::Vector;
use annuli_core::limits::DIM_MAX;
use annuli_core::vector::InvalidVector;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A vector as it came, unchecked.
#[derive(Debug, Clone, PartialEq)]
pub enum WireVector {
    /// A list of numbers. A null stands as NaN, which is refused later, where the document is known.
    Numbers(Vec<f32>),
    /// Base64 of little-endian f32.
    Base64(String),
    /// Little-endian f32, as they are in MessagePack and as JSON's numbers are read; written to JSON as base64.
    Packed(Vec<u8>),
    /// A list of more numbers than any vector has. They were counted, and not kept.
    TooLong {
        /// How many.
        components: usize,
    },
}

/// How a reply writes vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VectorEncoding {
    /// As lists of numbers.
    #[default]
    Numbers,
    /// As little-endian f32: base64 in JSON, bytes in MessagePack.
    Base64,
}

/// The name under which a vector is asked for. A reader that knows it may turn a list of numbers straight into bytes of
/// components; to any other it means nothing.
pub const VECTOR_STRUCT: &str = "annuli::vector";

/// Why a vector cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum UnreadableVector {
    /// A text that is not base64 of whole floats.
    #[error("is a text that is not the base64 of little-endian 32-bit floats")]
    Base64,
    /// Bytes that are not whole floats.
    #[error("has {bytes} bytes, which are no whole 32-bit floats")]
    Packed {
        /// How many.
        bytes: usize,
    },
    /// Numbers that are no vector.
    #[error(transparent)]
    Invalid(#[from] InvalidVector),
}

impl TryFrom<WireVector> for Vector {
    type Error = UnreadableVector;

    fn try_from(vector: WireVector) -> Result<Self, Self::Error> {
        match vector {
            WireVector::Numbers(numbers) => Ok(Self::new(numbers)?),
            WireVector::TooLong { components } => Err(InvalidVector::Size { components }.into()),
            WireVector::Base64(text) => {
                let bytes = STANDARD.decode(text).map_err(|_| UnreadableVector::Base64)?;
                Ok(Self::new(floats(&bytes).ok_or(UnreadableVector::Base64)?)?)
            }
            WireVector::Packed(bytes) => {
                Ok(Self::new(floats(&bytes).ok_or(UnreadableVector::Packed { bytes: bytes.len() })?)?)
            }
        }
    }
}

fn floats(bytes: &[u8]) -> Option<Vec<f32>> {
    let (floats, []) = bytes.as_chunks::<4>() else { return None };
    Some(floats.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

impl WireVector {
    /// The vector, to be written in this way.
    pub fn new(vector: &Vector, encoding: VectorEncoding) -> Self {
        match encoding {
            VectorEncoding::Numbers => Self::from(vector),
            VectorEncoding::Base64 => Self::packed(vector),
        }
    }

    /// About how many bytes it has when it is written.
    pub fn bytes_about(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len() * 12,
            Self::Base64(text) => text.len(),
            Self::Packed(bytes) => bytes.len() / 3 * 4 + 4,
            Self::TooLong { .. } => 0,
        }
    }

    /// The vector as little-endian f32.
    pub fn packed(vector: &Vector) -> Self {
        Self::Packed(vector.as_slice().iter().flat_map(|component| component.to_le_bytes()).collect())
    }
}

impl From<&Vector> for WireVector {
    fn from(vector: &Vector) -> Self {
        Self::Numbers(vector.as_slice().to_vec())
    }
}

/// The base64 form of `vector`.
pub fn to_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|component| component.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

impl Serialize for WireVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Numbers(numbers) => numbers.serialize(serializer),
            Self::Base64(text) => text.serialize(serializer),
            Self::Packed(bytes) if serializer.is_human_readable() => STANDARD.encode(bytes).serialize(serializer),
            Self::Packed(bytes) => serializer.serialize_bytes(bytes),
            Self::TooLong { .. } => Err(serde::ser::Error::custom("a vector that was not kept cannot be written")),
        }
    }
}

impl<'de> Deserialize<'de> for WireVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(VECTOR_STRUCT, VectorVisitor)
    }
}

struct VectorVisitor;

impl<'de> Visitor<'de> for VectorVisitor {
    type Value = WireVector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector: a list of numbers, or base64 of little-endian 32-bit floats")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<WireVector, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<WireVector, E> {
        bounds::take(bytes.len())?;
        Ok(WireVector::Packed(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<WireVector, E> {
        bounds::take(bytes.len())?;
        Ok(WireVector::Packed(bytes.to_owned()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WireVector, E> {
        bounds::take(text.len())?;
        Ok(WireVector::Base64(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<WireVector, A::Error> {
        let mut numbers = Vec::with_capacity(sequence.size_hint().unwrap_or(0).min(DIM_MAX));
        let mut components = 0;
        // Read in double precision: what is beyond an f32 becomes infinite, and is refused with the document's name.
        while let Some(number) = sequence.next_element::<Option<f64>>()? {
            #[allow(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is wanted")]
            let number = number.unwrap_or(f64::NAN) as f32;
            components += 1;
            if components <= DIM_MAX {
                numbers.push(number);
            }
        }
        if components > DIM_MAX {
            return Ok(WireVector::TooLong { components });
        }
        bounds::take(size_of::<f32>() * components)?;
        Ok(WireVector::Numbers(numbers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vector, String> {
        let wire: WireVector = serde_json::from_str(json).map_err(|error| error.to_string())?;
        Vector::try_from(wire).map_err(|error| error.to_string())
    }

    #[test]
    fn both_forms_are_the_same_vector() {
        let numbers = [1.5, -2.0, 0.1];
        let text = serde_json::to_string(&to_base64(&numbers)).unwrap();
        assert_eq!(read(&text), read("[1.5, -2, 0.1]"));
        assert_eq!(read(&text).unwrap().as_slice(), numbers);
    }

    #[track_caller]
    fn check_refused(json: &str, reason: &str) {
        let error = read(json).unwrap_err();
        assert!(error.contains(reason), "{json}: {error}");
    }

    #[test]
    fn what_is_no_vector_is_named() {
        check_refused("[1, null]", "component 1 is not a finite number");
        check_refused("[1e39]", "component 0 is not a finite number");
        check_refused("[1e16]", "component 0 is");
        check_refused("[]", "has 0 components");
        check_refused("\"***\"", "not the base64");
        check_refused("\"AAA=\"", "not the base64");
        check_refused("[\"1\"]", "invalid type: string");
        check_refused("{}", "expected a vector");
        check_refused(&format!("[{}0]", "0,".repeat(9_999)), "has 10000 components, a vector has 1 to 4096");
        check_refused(&format!("{:?}", to_base64(&[f32::NAN])), "component 0 is not a finite number");
    }
}
