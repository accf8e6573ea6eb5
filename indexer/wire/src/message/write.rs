//! Writes.

use super::invalid::Invalid;
use super::items::Items;
use super::metadata::{self, MetadataBytes};
use super::position::PositionMessage;
use super::vector::VectorBytes;
use annuli_api::shard_api::{ConditionalWrite, Outcome, Write, Written};
use annuli_core::{DocId, Seq};
use bincode::{BorrowDecode, Encode};

/// A batch of changes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct WriteRequest<'a> {
    writes: Items<WriteMessage<'a>>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
struct WriteMessage<'a> {
    id: &'a str,
    if_seq: Option<u64>,
    change: ChangeMessage<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
enum ChangeMessage<'a> {
    Put { vector: VectorBytes<'a>, metadata: MetadataBytes<'a> },
    Patch { vector: Option<VectorBytes<'a>>, metadata: Option<MetadataBytes<'a>> },
    Delete,
}

impl<'a> TryFrom<&'a [ConditionalWrite]> for WriteRequest<'a> {
    type Error = Invalid;

    fn try_from(writes: &'a [ConditionalWrite]) -> Result<Self, Invalid> {
        Ok(Self { writes: writes.iter().map(WriteMessage::try_from).collect::<Result<_, _>>()? })
    }
}

impl<'a> TryFrom<&'a ConditionalWrite> for WriteMessage<'a> {
    type Error = Invalid;

    fn try_from(ConditionalWrite { write, if_seq }: &'a ConditionalWrite) -> Result<Self, Invalid> {
        let change = match write {
            Write::Put { vector, metadata, .. } => {
                ChangeMessage::Put { vector: vector.into(), metadata: metadata.try_into()? }
            }
            Write::Patch { vector, metadata, .. } => ChangeMessage::Patch {
                vector: vector.as_ref().map(Into::into),
                metadata: metadata::optional(metadata.as_ref())?,
            },
            Write::Delete { .. } => ChangeMessage::Delete,
        };
        Ok(Self { id: write.id().as_str(), if_seq: if_seq.map(|seq| seq.0), change })
    }
}

impl TryFrom<WriteRequest<'_>> for Vec<ConditionalWrite> {
    type Error = Invalid;

    fn try_from(request: WriteRequest<'_>) -> Result<Self, Invalid> {
        request.writes.try_convert(ConditionalWrite::try_from)
    }
}

impl TryFrom<WriteMessage<'_>> for ConditionalWrite {
    type Error = Invalid;

    fn try_from(message: WriteMessage<'_>) -> Result<Self, Invalid> {
        let id = DocId::new(message.id)?;
        let write = match message.change {
            ChangeMessage::Put { vector, metadata } => {
                Write::Put { id, vector: vector.try_into()?, metadata: metadata.try_into()? }
            }
            ChangeMessage::Patch { vector, metadata } => Write::Patch {
                id,
                vector: vector.map(TryInto::try_into).transpose()?,
                metadata: metadata.map(TryInto::try_into).transpose()?,
            },
            ChangeMessage::Delete => Write::Delete { id },
        };
        Ok(Self { write, if_seq: message.if_seq.map(Seq) })
    }
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct WriteAnswer {
    outcomes: Items<OutcomeMessage>,
    position: PositionMessage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
enum OutcomeMessage {
    Written,
    Missing,
    Conflict(u64),
}

impl From<&Written> for WriteAnswer {
    fn from(written: &Written) -> Self {
        let outcome = |outcome: &Outcome| match outcome {
            Outcome::Written => OutcomeMessage::Written,
            Outcome::Missing => OutcomeMessage::Missing,
            Outcome::Conflict(seq) => OutcomeMessage::Conflict(seq.0),
        };
        Self { outcomes: written.outcomes.iter().map(outcome).collect(), position: written.position.into() }
    }
}

impl From<WriteAnswer> for Written {
    fn from(answer: WriteAnswer) -> Self {
        let outcome = |outcome| match outcome {
            OutcomeMessage::Written => Outcome::Written,
            OutcomeMessage::Missing => Outcome::Missing,
            OutcomeMessage::Conflict(seq) => Outcome::Conflict(Seq(seq)),
        };
        Self { outcomes: answer.outcomes.0.into_iter().map(outcome).collect(), position: answer.position.into() }
    }
}
