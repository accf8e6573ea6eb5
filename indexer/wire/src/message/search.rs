//! Searches.

use super::filter::{self, FilterMessage};
use super::invalid::Invalid;
use super::items::Items;
use super::metadata::{self, MetadataBytes};
use super::position::{PositionMessage, ReadMessage};
use super::vector::VectorBytes;
use crate::limits::SOUGHT_MAX;
use annuli_api::shard_api::{SearchMode, ShardHit, ShardHits, ShardSearch};
use annuli_core::{DocId, Vector};
use bincode::{BorrowDecode, Encode};

/// A search of one shard.
#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
pub struct SearchRequest<'a> {
    queries: Items<VectorBytes<'a>>,
    k: u64,
    mode: ModeMessage,
    filter: Option<FilterMessage<'a>>,
    except: Option<&'a str>,
    read: ReadMessage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode)]
enum ModeMessage {
    Exact,
    Approximate { ef: u64 },
}

impl<'a> From<&'a ShardSearch> for SearchRequest<'a> {
    fn from(search: &'a ShardSearch) -> Self {
        Self {
            queries: search.queries.iter().map(Into::into).collect(),
            k: search.k as u64,
            mode: match search.mode {
                SearchMode::Exact => ModeMessage::Exact,
                SearchMode::Approximate { ef } => ModeMessage::Approximate { ef: ef as u64 },
            },
            filter: search.filter.as_deref().map(Into::into),
            except: search.except.as_ref().map(DocId::as_str),
            read: search.read.into(),
        }
    }
}

impl TryFrom<SearchRequest<'_>> for ShardSearch {
    type Error = Invalid;

    fn try_from(request: SearchRequest<'_>) -> Result<Self, Invalid> {
        Ok(Self {
            queries: request.queries.try_convert(Vector::try_from)?.into(),
            k: sought("`k`", request.k)?,
            mode: match request.mode {
                ModeMessage::Exact => SearchMode::Exact,
                ModeMessage::Approximate { ef } => SearchMode::Approximate { ef: sought("`ef`", ef)? },
            },
            filter: filter::optional(request.filter)?,
            except: request.except.map(DocId::new).transpose()?,
            read: request.read.into(),
        })
    }
}

/// A number of things that are looked for.
pub(super) fn sought(what: &'static str, asked: u64) -> Result<usize, Invalid> {
    let number = usize::try_from(asked).ok().filter(|&number| number <= SOUGHT_MAX);
    number.ok_or(Invalid::Above { what, asked, limit: SOUGHT_MAX })
}

/// For each query its hits.
#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
pub struct SearchAnswer<'a> {
    results: Items<Items<HitMessage<'a>>>,
    position: PositionMessage,
}

#[derive(Debug, Clone, PartialEq, Encode, BorrowDecode)]
struct HitMessage<'a> {
    id: &'a str,
    distance: f32,
    metadata: Option<MetadataBytes<'a>>,
    vector: Option<VectorBytes<'a>>,
}

impl<'a> TryFrom<&'a ShardHits> for SearchAnswer<'a> {
    type Error = Invalid;

    fn try_from(hits: &'a ShardHits) -> Result<Self, Invalid> {
        let of_query = |hits: &'a Vec<ShardHit>| hits.iter().map(HitMessage::try_from).collect::<Result<_, _>>();
        let results = hits.results.iter().map(of_query).collect::<Result<_, _>>()?;
        Ok(Self { results, position: hits.position.into() })
    }
}

impl<'a> TryFrom<&'a ShardHit> for HitMessage<'a> {
    type Error = Invalid;

    fn try_from(hit: &'a ShardHit) -> Result<Self, Invalid> {
        Ok(Self {
            id: hit.id.as_str(),
            distance: hit.distance,
            metadata: metadata::optional(hit.metadata.as_ref())?,
            vector: hit.vector.as_ref().map(Into::into),
        })
    }
}

impl TryFrom<SearchAnswer<'_>> for ShardHits {
    type Error = Invalid;

    fn try_from(answer: SearchAnswer<'_>) -> Result<Self, Invalid> {
        let results = answer.results.try_convert(|hits| hits.try_convert(ShardHit::try_from))?;
        Ok(Self { results, position: answer.position.into() })
    }
}

impl TryFrom<HitMessage<'_>> for ShardHit {
    type Error = Invalid;

    fn try_from(message: HitMessage<'_>) -> Result<Self, Invalid> {
        let (id, distance) = (DocId::new(message.id)?, message.distance);
        if !distance.is_finite() {
            return Err(Invalid::Distance { id: message.id.to_owned(), distance });
        }
        Ok(Self {
            id,
            distance,
            metadata: message.metadata.map(TryInto::try_into).transpose()?,
            vector: message.vector.map(TryInto::try_into).transpose()?,
        })
    }
}
