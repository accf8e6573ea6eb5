//! Deletes by filter.

use super::filter::FilterMessage;
use super::invalid::Invalid;
use super::position::PositionMessage;
use annuli_api::shard_api::Deleted;
use annuli_core::Filter;
use bincode::{BorrowDecode, Encode};

/// Which documents to delete.
#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
pub struct DeleteRequest<'a> {
    filter: FilterMessage<'a>,
}

impl<'a> From<&'a Filter> for DeleteRequest<'a> {
    fn from(filter: &'a Filter) -> Self {
        Self { filter: filter.into() }
    }
}

impl TryFrom<DeleteRequest<'_>> for Filter {
    type Error = Invalid;

    fn try_from(request: DeleteRequest<'_>) -> Result<Self, Invalid> {
        request.filter.try_into()
    }
}

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct DeleteAnswer {
    deleted: u64,
    position: PositionMessage,
}

impl From<Deleted> for DeleteAnswer {
    fn from(deleted: Deleted) -> Self {
        Self { deleted: deleted.deleted, position: deleted.position.into() }
    }
}

impl From<DeleteAnswer> for Deleted {
    fn from(answer: DeleteAnswer) -> Self {
        Self { deleted: answer.deleted, position: answer.position.into() }
    }
}
