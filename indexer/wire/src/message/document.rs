//! A stored document.

use super::invalid::Invalid;
use super::metadata::{self, MetadataBytes};
use super::vector::VectorBytes;
use annuli_api::shard_api::Document;
use annuli_core::{DocId, Seq};
use bincode::{BorrowDecode, Encode};

/// A stored document, with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct DocumentMessage<'a> {
    id: &'a str,
    seq: u64,
    vector: Option<VectorBytes<'a>>,
    metadata: Option<MetadataBytes<'a>>,
}

impl<'a> TryFrom<&'a Document> for DocumentMessage<'a> {
    type Error = Invalid;

    fn try_from(document: &'a Document) -> Result<Self, Invalid> {
        Ok(Self {
            id: document.id.as_str(),
            seq: document.seq.0,
            vector: document.vector.as_ref().map(Into::into),
            metadata: metadata::optional(document.metadata.as_ref())?,
        })
    }
}

impl TryFrom<DocumentMessage<'_>> for Document {
    type Error = Invalid;

    fn try_from(message: DocumentMessage<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            id: DocId::new(message.id)?,
            seq: Seq(message.seq),
            vector: message.vector.map(TryInto::try_into).transpose()?,
            metadata: message.metadata.map(TryInto::try_into).transpose()?,
        })
    }
}
