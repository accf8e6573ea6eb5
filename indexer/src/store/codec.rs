//! Small structs as bytes: a version, then bincode. The only place that calls bincode.
//!
//! Always with a limit: without one, a length in damaged bytes asks for as much memory as it says. Floats in bulk do
//! not go through it.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{Decode, Encode};

/// Largest encoded struct: the largest holds a document id and some numbers.
const BYTES_MAX: usize = 4096;

/// Stored bytes that are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum CorruptValue {
    /// A version that this release does not know.
    #[error("version {found} is not known, only {known}")]
    Version {
        /// The version that was found.
        found: u8,
        /// The version that is understood.
        known: u8,
    },
    /// Bytes that bincode cannot read.
    #[error("{0}")]
    Bincode(#[from] bincode::error::DecodeError),
    /// Too few bytes, or too many.
    #[error("{bytes} bytes where {wanted} belong")]
    Length {
        /// How many there are.
        bytes: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// A value that no write could have stored.
    #[error("{what}")]
    Invalid {
        /// What is wrong.
        what: String,
    },
}

impl CorruptValue {
    pub(super) fn invalid(error: impl std::fmt::Display) -> Self {
        Self::Invalid { what: error.to_string() }
    }
}

fn config() -> Configuration<LittleEndian, Fixint, Limit<BYTES_MAX>> {
    bincode::config::standard().with_fixed_int_encoding().with_limit::<BYTES_MAX>()
}

/// The bytes of a value.
pub(super) fn encode<T: Encode>(version: u8, value: &T) -> Vec<u8> {
    let mut bytes = vec![version];
    let body = bincode::encode_to_vec(value, config()).expect("a struct of numbers and bounded texts");
    bytes.extend_from_slice(&body);
    bytes
}

/// The value at the start of `bytes`, and what follows it.
pub(super) fn decode_prefix<T: Decode<()>>(version: u8, bytes: &[u8]) -> Result<(T, &[u8]), CorruptValue> {
    let (&found, body) = bytes.split_first().ok_or(CorruptValue::Length { bytes: 0, wanted: 1 })?;
    if found != version {
        return Err(CorruptValue::Version { found, known: version });
    }
    let (value, read) = bincode::decode_from_slice(body, config())?;
    Ok((value, &body[read..]))
}

/// The value that `bytes` are, whole.
pub(super) fn decode<T: Decode<()>>(version: u8, bytes: &[u8]) -> Result<T, CorruptValue> {
    let (value, rest) = decode_prefix(version, bytes)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CorruptValue::Length { bytes: bytes.len(), wanted: bytes.len() - rest.len() })
    }
}
