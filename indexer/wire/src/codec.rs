//! Messages as bytes: a version, then bincode. The only place of this crate that calls bincode.
//!
//! Always with a limit: without one, a length in hostile bytes asks for as much memory as it says. Numbers are of
//! variable length and little-endian. What a message borrows (ids, texts, vectors) is not copied out of its bytes.

use crate::limits::MESSAGE_BYTES_MAX;
use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::{BorrowDecode, Encode};

/// The version of every message. It is also in the path of every call, so that who speaks another is told before a
/// byte of a message is read.
pub const VERSION: u8 = 1;

/// A message that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Unwritable {
    /// Larger than any peer reads.
    #[error("the message has {bytes} bytes, the limit is {MESSAGE_BYTES_MAX}: ask for less, or send smaller batches")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More items than any peer reads.
    #[error("the message cannot be written: {0}")]
    Bincode(#[from] bincode::error::EncodeError),
}

/// Bytes that are no message.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// No bytes at all.
    #[error("the message is empty")]
    Empty,
    /// A message of another release.
    #[error("the message is of version {found} of the shard protocol, this process speaks version {VERSION}")]
    Version {
        /// The version that was found.
        found: u8,
    },
    /// Not what bincode writes.
    #[error("the message cannot be read: {0}")]
    Bincode(#[from] bincode::error::DecodeError),
    /// More than the message.
    #[error("the message ends {bytes} bytes before its body does")]
    Behind {
        /// How many bytes are behind it.
        bytes: usize,
    },
}

fn config() -> Configuration<LittleEndian, Varint, Limit<MESSAGE_BYTES_MAX>> {
    bincode::config::standard().with_limit::<MESSAGE_BYTES_MAX>()
}

/// The bytes of a message.
pub fn encode<M: Encode>(message: &M) -> Result<Vec<u8>, Unwritable> {
    // A single byte is written as it is.
    let bytes = bincode::encode_to_vec((VERSION, message), config())?;
    if bytes.len() > MESSAGE_BYTES_MAX { Err(Unwritable::TooLarge { bytes: bytes.len() }) } else { Ok(bytes) }
}

/// The message that `bytes` are, whole.
pub fn decode<'a, M: BorrowDecode<'a, ()>>(bytes: &'a [u8]) -> Result<M, Unreadable> {
    let (&found, body) = bytes.split_first().ok_or(Unreadable::Empty)?;
    if found != VERSION {
        return Err(Unreadable::Version { found });
    }
    let (message, read) = bincode::borrow_decode_from_slice(body, config())?;
    if read == body.len() { Ok(message) } else { Err(Unreadable::Behind { bytes: body.len() - read }) }
}
