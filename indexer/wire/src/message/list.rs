//! Listings.

use super::document::DocumentMessage;
use super::filter::{self, FilterMessage};
use super::invalid::Invalid;
use super::items::Items;
use super::position::{PositionMessage, ReadMessage};
use super::search::sought;
use annuli_api::shard_api::{Document, Listed, Read, ShardList};
use annuli_core::DocId;
use bincode::{BorrowDecode, Encode};

/// Which page of documents to read.
#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
pub struct ListRequest<'a> {
    behind: Option<&'a str>,
    limit: u64,
    filter: Option<FilterMessage<'a>>,
    read: ReadMessage,
}

impl<'a> ListRequest<'a> {
    /// Asks for this page.
    pub fn new(list: &'a ShardList, read: Read) -> Self {
        Self {
            behind: list.behind.as_ref().map(DocId::as_str),
            limit: list.limit as u64,
            filter: list.filter.as_deref().map(Into::into),
            read: read.into(),
        }
    }
}

impl TryFrom<ListRequest<'_>> for (ShardList, Read) {
    type Error = Invalid;

    fn try_from(request: ListRequest<'_>) -> Result<Self, Invalid> {
        let list = ShardList {
            behind: request.behind.map(DocId::new).transpose()?,
            limit: sought("`limit`", request.limit)?,
            filter: filter::optional(request.filter)?,
        };
        Ok((list, request.read.into()))
    }
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ListAnswer<'a> {
    documents: Items<DocumentMessage<'a>>,
    position: PositionMessage,
}

impl<'a> TryFrom<&'a Listed> for ListAnswer<'a> {
    type Error = Invalid;

    fn try_from(listed: &'a Listed) -> Result<Self, Invalid> {
        let documents = listed.documents.iter().map(DocumentMessage::try_from).collect::<Result<_, _>>()?;
        Ok(Self { documents, position: listed.position.into() })
    }
}

impl TryFrom<ListAnswer<'_>> for Listed {
    type Error = Invalid;

    fn try_from(answer: ListAnswer<'_>) -> Result<Self, Invalid> {
        let documents = answer.documents.try_convert(Document::try_from)?;
        Ok(Self { documents, position: answer.position.into() })
    }
}
