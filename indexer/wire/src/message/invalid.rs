//! Messages that can be read and make no sense.

use super::filter::InvalidFilter;
use annuli_api::v1::metadata::UnfitMetadata;
use annuli_core::id::{InvalidDocId, InvalidShardCount};
use annuli_core::metadata::MetadataTooDeep;
use annuli_core::vector::InvalidVector;
use std::convert::Infallible;

/// Why a message is none that a peer of this release would send.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// No document id.
    #[error(transparent)]
    Id(#[from] InvalidDocId),
    /// No vector.
    #[error("a vector {0}")]
    Vector(#[from] InvalidVector),
    /// Bytes that are no whole number of components.
    #[error("a vector has {bytes} bytes, a component has 4")]
    VectorBytes {
        /// How many there are.
        bytes: usize,
    },
    /// No JSON object.
    #[error("metadata is not a JSON object: {0}")]
    Metadata(#[from] serde_json::Error),
    /// Metadata out of bounds.
    #[error(transparent)]
    UnfitMetadata(#[from] UnfitMetadata),
    /// No filter.
    #[error(transparent)]
    Filter(#[from] InvalidFilter),
    /// More than a shard may be asked for.
    #[error("{what} is {asked}, the limit is {limit}")]
    Above {
        /// Of what.
        what: &'static str,
        /// How much was asked for.
        asked: u64,
        /// The most that may be.
        limit: usize,
    },
    /// A number of shards that no index has.
    #[error(transparent)]
    Shards(#[from] InvalidShardCount),
    /// A shard that is none of so many.
    #[error("there is no shard {owner} of {shards}")]
    Owner {
        /// The shard.
        owner: u32,
        /// How many there are.
        shards: u32,
    },
    /// A distance that no two vectors have.
    #[error("document `{id}` has the distance {distance}, which is no finite number")]
    Distance {
        /// The document.
        id: String,
        /// The distance.
        distance: f32,
    },
}

impl From<MetadataTooDeep> for Invalid {
    fn from(error: MetadataTooDeep) -> Self {
        Self::UnfitMetadata(error.into())
    }
}

/// Some messages make sense whatever is in them.
impl From<Infallible> for Invalid {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
