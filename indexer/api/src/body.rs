//! Bodies of requests and replies: the same values as JSON or as MessagePack.

pub(crate) mod bounds;
mod json;
mod message_pack;
mod number;

use crate::error::{ErrorCode, Failure};
pub use bounds::ReadBounds;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text, and a line of its own in a terminal.
    Json,
    /// The same names and values in fewer bytes; vectors may be packed without base64.
    MessagePack,
}

impl Format {
    /// The content type of the format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
        }
    }

    /// The format of a content type, without its parameters.
    pub fn of_content_type(essence: &str) -> Option<Self> {
        let is = |known: &str| essence.eq_ignore_ascii_case(known);
        if is("application/json") {
            Some(Self::Json)
        } else if ["application/msgpack", "application/vnd.msgpack", "application/x-msgpack"].into_iter().any(is) {
            Some(Self::MessagePack)
        } else {
            None
        }
    }

    /// Reads a body, as long as what it becomes stays within `bounds`.
    ///
    /// # Errors
    /// `limit_exceeded`, `body_too_large`, `invalid_metadata` or `invalid_filter` when it does not, `malformed_json` or `malformed_message_pack` when it is not of the format, `invalid_request` when it is of
    /// another shape than `T`.
    pub fn read<T: DeserializeOwned>(self, bytes: &[u8], bounds: ReadBounds) -> Result<T, Failure> {
        if self.begins_list(bytes) {
            let message = "the body is a list: it has to be an object, in which each value has its name";
            return Err(Failure::new(ErrorCode::InvalidRequest, message));
        }
        match self {
            Self::Json => json::read(bytes, bounds),
            Self::MessagePack => message_pack::read(bytes, bounds),
        }
    }

    /// serde takes the values of a list for those of a struct, in the order that its source happens to have.
    fn begins_list(self, bytes: &[u8]) -> bool {
        match self {
            Self::Json => bytes.trim_ascii_start().first() == Some(&b'['),
            Self::MessagePack => matches!(bytes.first(), Some(0x90..=0x9f | 0xdc | 0xdd)),
        }
    }

    /// Writes a body, of about `bytes_about` bytes.
    ///
    /// # Errors
    /// `internal`, when a value cannot be written in the format.
    pub fn write(self, value: &impl Serialize, bytes_about: usize) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Json => json::write(value, bytes_about),
            Self::MessagePack => message_pack::write(value, bytes_about),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::document::CountRequest;

    #[test]
    fn a_list_of_values_without_names_is_no_body() {
        let read = |format: Format, bytes: &[u8]| format.read::<CountRequest>(bytes, ReadBounds::NONE).map(drop);
        for (format, list, object) in [
            (Format::Json, b" [null, null, null]".as_slice(), b" {}".as_slice()),
            (Format::MessagePack, b"\x93\xc0\xc0\xc0", b"\x80"),
            (Format::MessagePack, b"\xdc\x00\x03\xc0\xc0\xc0", b"\xde\x00\x00"),
        ] {
            read(format, object).unwrap();
            let refused = read(format, list).unwrap_err();
            assert_eq!(refused.code, ErrorCode::InvalidRequest);
            assert!(refused.message.starts_with("the body is a list"), "{}", refused.message);
        }
    }
}
