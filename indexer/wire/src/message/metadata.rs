//! Metadata in messages.

use super::invalid::Invalid;
use annuli_api::v1::metadata::{UnfitMetadata, WireMetadata, to_bytes};
use annuli_core::Metadata;
use annuli_core::limits::METADATA_BYTES_MAX;
use bincode::{BorrowDecode, Encode};
use std::borrow::Cow;

/// Metadata as compact JSON, as it is stored; no bytes for none.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct MetadataBytes<'a>(Cow<'a, [u8]>);

impl TryFrom<&Metadata> for MetadataBytes<'_> {
    type Error = Invalid;

    fn try_from(metadata: &Metadata) -> Result<Self, Invalid> {
        Ok(Self(Cow::Owned(to_bytes(metadata)?)))
    }
}

impl TryFrom<MetadataBytes<'_>> for Metadata {
    type Error = Invalid;

    fn try_from(message: MetadataBytes<'_>) -> Result<Self, Invalid> {
        let bytes = message.0;
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        if bytes.len() > METADATA_BYTES_MAX {
            return Err(UnfitMetadata::TooLarge { bytes: bytes.len() }.into());
        }
        Ok(Self::new(serde_json::from_slice::<WireMetadata>(&bytes)?.0)?)
    }
}

/// Metadata that may be asked for, or may change.
pub(super) fn optional(metadata: Option<&Metadata>) -> Result<Option<MetadataBytes<'_>>, Invalid> {
    metadata.map(MetadataBytes::try_from).transpose()
}
