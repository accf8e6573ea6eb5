//! `alias/<name>`: a second name of an index.

use super::{Key, UnreadableRecord, decode, encode, unusable};
use annuli_core::{IndexName, IndexUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An alias. It stands for one index, not for whichever has the name one day: that of a deleted one stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasRecord {
    /// Name of the index.
    pub index: IndexName,
    /// Its identity.
    pub uuid: IndexUuid,
}

#[derive(Serialize, Deserialize)]
struct Json {
    index: String,
    uuid: Uuid,
}

impl AliasRecord {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        encode(Json { index: self.index.as_str().to_owned(), uuid: self.uuid.0 })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { index, uuid } = decode(key, bytes)?;
        let index = IndexName::new(&index).map_err(|error| unusable(key, error))?;
        Ok(Self { index, uuid: IndexUuid(uuid) })
    }
}
