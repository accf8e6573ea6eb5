//! How a shard is.

use super::position::PositionMessage;
use annuli_api::shard_api::ShardStatus;
use annuli_core::ShardId;
use bincode::{BorrowDecode, Encode};

/// Asks for nothing in particular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StatusRequest;

/// How the shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct StatusAnswer {
    shard: u32,
    position: PositionMessage,
    documents: u64,
    pending: u64,
}

impl From<ShardStatus> for StatusAnswer {
    fn from(status: ShardStatus) -> Self {
        let ShardStatus { shard, position, documents, pending } = status;
        Self { shard: shard.0, position: position.into(), documents, pending }
    }
}

impl From<StatusAnswer> for ShardStatus {
    fn from(answer: StatusAnswer) -> Self {
        let StatusAnswer { shard, position, documents, pending } = answer;
        Self { shard: ShardId(shard), position: position.into(), documents, pending }
    }
}
