//! `term/<shard>`: since when the folder serves that served a shard last.

use super::{Key, UnreadableRecord, decode, encode};
use annuli_coordination::Epoch;
use serde::{Deserialize, Serialize};

/// The last epoch in which a primary served a shard. It stands in that primary's folder too: a folder with an older one is
/// a copy, or was left behind, and lacks what was written since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermRecord {
    /// The epoch of its election.
    pub epoch: Epoch,
}

#[derive(Serialize, Deserialize)]
struct Json {
    epoch: u64,
}

impl TermRecord {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        encode(Json { epoch: self.epoch.0 })
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let Json { epoch } = decode(key, bytes)?;
        Ok(Self { epoch: Epoch(epoch) })
    }
}
