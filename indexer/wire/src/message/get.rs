//! Reads by id.

use super::document::DocumentMessage;
use super::invalid::Invalid;
use super::items::Items;
use super::position::{PositionMessage, ReadMessage};
use annuli_api::shard_api::{Document, Got, Read};
use annuli_core::DocId;
use bincode::{BorrowDecode, Encode};

/// Which documents to read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct GetRequest<'a> {
    ids: Items<&'a str>,
    read: ReadMessage,
}

impl<'a> GetRequest<'a> {
    /// Asks for these.
    pub fn new(ids: &'a [DocId], read: Read) -> Self {
        Self { ids: ids.iter().map(DocId::as_str).collect(), read: read.into() }
    }
}

impl TryFrom<GetRequest<'_>> for (Vec<DocId>, Read) {
    type Error = Invalid;

    fn try_from(request: GetRequest<'_>) -> Result<Self, Invalid> {
        Ok((request.ids.try_convert(DocId::new)?, request.read.into()))
    }
}

/// One document an id, if it exists.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct GetAnswer<'a> {
    documents: Items<Option<DocumentMessage<'a>>>,
    position: PositionMessage,
}

impl<'a> TryFrom<&'a Got> for GetAnswer<'a> {
    type Error = Invalid;

    fn try_from(got: &'a Got) -> Result<Self, Invalid> {
        let document = |document: &'a Option<Document>| document.as_ref().map(DocumentMessage::try_from).transpose();
        let documents = got.documents.iter().map(document).collect::<Result<_, _>>()?;
        Ok(Self { documents, position: got.position.into() })
    }
}

impl TryFrom<GetAnswer<'_>> for Got {
    type Error = Invalid;

    fn try_from(answer: GetAnswer<'_>) -> Result<Self, Invalid> {
        let documents = answer.documents.try_convert(|document| document.map(Document::try_from).transpose())?;
        Ok(Self { documents, position: answer.position.into() })
    }
}
