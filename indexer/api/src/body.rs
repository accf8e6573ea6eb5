//! Bodies of requests and replies: the same values as JSON or as MessagePack.

pub(crate) mod bounds;
mod json;
mod message_pack;
mod number;

use crate::error::Failure;
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
        match self {
            Self::Json => json::read(bytes, bounds),
            Self::MessagePack => message_pack::read(bytes, bounds),
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
