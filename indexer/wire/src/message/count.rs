//! Counts.

use super::filter::{self, FilterMessage};
use super::invalid::Invalid;
use super::position::{PositionMessage, ReadMessage};
use annuli_api::shard_api::{Counted, Read};
use annuli_core::Filter;
use bincode::{BorrowDecode, Encode};
use std::sync::Arc;

/// Which documents to count.
#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
pub struct CountRequest<'a> {
    filter: Option<FilterMessage<'a>>,
    read: ReadMessage,
}

impl<'a> CountRequest<'a> {
    /// Asks for those that match; for all, if there is no filter.
    pub fn new(filter: Option<&'a Filter>, read: Read) -> Self {
        Self { filter: filter.map(Into::into), read: read.into() }
    }
}

impl TryFrom<CountRequest<'_>> for (Option<Arc<Filter>>, Read) {
    type Error = Invalid;

    fn try_from(request: CountRequest<'_>) -> Result<Self, Invalid> {
        Ok((filter::optional(request.filter)?, request.read.into()))
    }
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct CountAnswer {
    count: u64,
    position: PositionMessage,
}

impl From<Counted> for CountAnswer {
    fn from(counted: Counted) -> Self {
        Self { count: counted.count, position: counted.position.into() }
    }
}

impl From<CountAnswer> for Counted {
    fn from(answer: CountAnswer) -> Self {
        Self { count: answer.count, position: answer.position.into() }
    }
}
