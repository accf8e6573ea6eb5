//! What has changed.

use super::invalid::Invalid;
use super::items::Items;
use super::position::PositionMessage;
use super::search::sought;
use super::write::{self, WriteMessage};
use annuli_api::shard_api::{Changes, ChangesAsked};
use annuli_core::{Seq, ShardCount, ShardId};
use bincode::{BorrowDecode, Encode};

/// Which changes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ChangesRequest {
    after: PositionMessage,
    owner: u32,
    shards: u32,
    limit: u64,
}

impl From<ChangesAsked> for ChangesRequest {
    fn from(asked: ChangesAsked) -> Self {
        let ChangesAsked { after, owner, shards, limit } = asked;
        Self { after: after.into(), owner: owner.0, shards: shards.get(), limit: limit as u64 }
    }
}

impl TryFrom<ChangesRequest> for ChangesAsked {
    type Error = Invalid;

    fn try_from(request: ChangesRequest) -> Result<Self, Invalid> {
        let ChangesRequest { after, owner, shards, limit } = request;
        if owner >= shards {
            return Err(Invalid::Owner { owner, shards });
        }
        let shards = ShardCount::new(shards)?;
        Ok(Self { after: after.into(), owner: ShardId(owner), shards, limit: sought("`limit`", limit)? })
    }
}

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ChangesAnswer<'a> {
    writes: Items<WriteMessage<'a>>,
    through: u64,
    position: PositionMessage,
}

impl<'a> TryFrom<&'a Changes> for ChangesAnswer<'a> {
    type Error = Invalid;

    fn try_from(changes: &'a Changes) -> Result<Self, Invalid> {
        let writes = changes.writes.iter().map(|write| write::message(write, None)).collect::<Result<_, _>>()?;
        Ok(Self { writes, through: changes.through.0, position: changes.position.into() })
    }
}

impl TryFrom<ChangesAnswer<'_>> for Changes {
    type Error = Invalid;

    fn try_from(answer: ChangesAnswer<'_>) -> Result<Self, Invalid> {
        let writes = answer.writes.try_convert(write::whole)?;
        Ok(Self { writes, through: Seq(answer.through), position: answer.position.into() })
    }
}
