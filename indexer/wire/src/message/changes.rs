//! What has changed.

use super::invalid::Invalid;
use super::items::Items;
use super::metadata::MetadataBytes;
use super::position::PositionMessage;
use super::search::sought;
use super::vector::VectorBytes;
use annuli_api::shard_api::{Changed, Changes, ChangesAsked};
use annuli_core::{DocId, Seq, ShardCount, ShardId};
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
    documents: Items<ChangedMessage<'a>>,
    through: u64,
    position: PositionMessage,
}

/// A document, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
struct ChangedMessage<'a> {
    id: &'a str,
    /// `None`: it is gone.
    now: Option<NowMessage<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
struct NowMessage<'a> {
    seq: u64,
    vector: VectorBytes<'a>,
    metadata: MetadataBytes<'a>,
}

impl<'a> TryFrom<&'a Changes> for ChangesAnswer<'a> {
    type Error = Invalid;

    fn try_from(changes: &'a Changes) -> Result<Self, Invalid> {
        let documents = changes.documents.iter().map(ChangedMessage::try_from).collect::<Result<_, _>>()?;
        Ok(Self { documents, through: changes.through.0, position: changes.position.into() })
    }
}

impl<'a> TryFrom<&'a Changed> for ChangedMessage<'a> {
    type Error = Invalid;

    fn try_from(changed: &'a Changed) -> Result<Self, Invalid> {
        let now = match changed {
            Changed::Is { seq, vector, metadata, .. } => {
                Some(NowMessage { seq: seq.0, vector: vector.into(), metadata: metadata.try_into()? })
            }
            Changed::Gone { .. } => None,
        };
        Ok(Self { id: changed.id().as_str(), now })
    }
}

impl TryFrom<ChangesAnswer<'_>> for Changes {
    type Error = Invalid;

    fn try_from(answer: ChangesAnswer<'_>) -> Result<Self, Invalid> {
        let documents = answer.documents.try_convert(Changed::try_from)?;
        Ok(Self { documents, through: Seq(answer.through), position: answer.position.into() })
    }
}

impl TryFrom<ChangedMessage<'_>> for Changed {
    type Error = Invalid;

    fn try_from(message: ChangedMessage<'_>) -> Result<Self, Invalid> {
        let id = DocId::new(message.id)?;
        Ok(match message.now {
            Some(NowMessage { seq, vector, metadata }) => {
                Self::Is { id, seq: Seq(seq), vector: vector.try_into()?, metadata: metadata.try_into()? }
            }
            None => Self::Gone { id },
        })
    }
}
