//! Bodies of MessagePack: the names and values of the JSON, and vectors also as `bin` of little-endian 32-bit floats.

mod strict;

use super::bounds::ReadBounds;
use crate::error::{ErrorCode, Failure};
use rmp_serde::decode::Error;
use rmp_serde::{Deserializer, Serializer};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use strict::Strict;

/// Deepest nesting, as in JSON: each level takes room on the stack.
const DEPTH_MAX: usize = 128;

/// Reads a body of MessagePack. A length in it is believed only as far as there are bytes.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], bounds: ReadBounds) -> Result<T, Failure> {
    let mut reader = Deserializer::from_read_ref(bytes);
    reader.set_max_depth(DEPTH_MAX);
    let read = || T::deserialize(Strict { inner: &mut reader, body: bytes });
    let value = bounds.during(read)?.map_err(|error| failure(&error))?;
    // Nothing at all is read as a null that ends before it starts. A null goes into no list or map: of one that follows
    // and ends early, the marker alone is read, so that its end is not taken for the body's.
    match <()>::deserialize(&mut reader) {
        Err(Error::InvalidMarkerRead(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(value),
        Ok(()) | Err(_) => Err(malformed("there are bytes behind its end")),
    }
}

fn failure(error: &Error) -> Failure {
    let invalid = |message: &dyn std::fmt::Display| Failure::new(ErrorCode::InvalidRequest, message);
    match error {
        Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => malformed("it ends too early"),
        Error::Utf8Error(_) => malformed("a text is not UTF-8"),
        Error::LengthMismatch(_) => malformed("a list or map has another length than it says"),
        // What a text, a list and so on are is known where they are read; this comes where a number is.
        Error::TypeMismatch(marker) => invalid(&format_args!("invalid type: {marker:?}, expected a number")),
        Error::OutOfRange => invalid(&"number out of range"),
        Error::DepthLimitExceeded => invalid(&"recursion limit exceeded"),
        Error::Uncategorized(message) | Error::Syntax(message) => invalid(message),
    }
}

fn malformed(why: &str) -> Failure {
    Failure::new(ErrorCode::MalformedMessagePack, format_args!("the body is not MessagePack: {why}"))
}

/// Writes a body of MessagePack, structs as maps.
pub(super) fn write(value: &impl Serialize, bytes_about: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(bytes_about);
    value
        .serialize(&mut Serializer::new(&mut bytes).with_struct_map())
        .map_err(|error| Failure::new(ErrorCode::Internal, format_args!("the answer is no MessagePack: {error}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
