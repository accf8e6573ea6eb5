//! Positions in messages, and what every read asks for.

use annuli_api::Position;
use annuli_api::shard_api::{Consistency, Include, Read};
use annuli_core::{HistoryId, Seq};
use bincode::{BorrowDecode, Encode};
use uuid::Uuid;

/// Where a shard stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct PositionMessage {
    history: [u8; 16],
    seq: u64,
}

impl From<Position> for PositionMessage {
    fn from(position: Position) -> Self {
        Self { history: position.history.0.into_bytes(), seq: position.seq.0 }
    }
}

impl From<PositionMessage> for Position {
    fn from(message: PositionMessage) -> Self {
        Self { history: HistoryId(Uuid::from_bytes(message.history)), seq: Seq(message.seq) }
    }
}

/// What a read asks for, of a shard: who is asked has been decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ReadMessage {
    metadata: bool,
    vector: bool,
    after: Option<PositionMessage>,
}

impl From<Read> for ReadMessage {
    fn from(read: Read) -> Self {
        let Include { metadata, vector } = read.include;
        Self { metadata, vector, after: read.after.map(Into::into) }
    }
}

impl From<ReadMessage> for Read {
    fn from(message: ReadMessage) -> Self {
        let include = Include { metadata: message.metadata, vector: message.vector };
        Self { include, after: message.after.map(Into::into), consistency: Consistency::default() }
    }
}
