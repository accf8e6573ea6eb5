//! `elections/coordinator/leader`: who coordinates. The election writes it; here it is only read.

use super::{Key, UnreadableRecord};
use annuli_coordination::Epoch;
use annuli_coordination::election::Leader;

/// The router that coordinates, for as long as its lease lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoordinatorRecord {
    /// What it calls itself.
    pub name: String,
    /// Since which election.
    pub epoch: Epoch,
}

impl CoordinatorRecord {
    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let json = |reason| UnreadableRecord::Json { key: key.to_string(), reason };
        let Leader { candidate, epoch } = serde_json::from_slice(bytes).map_err(json)?;
        Ok(Self { name: candidate, epoch })
    }
}
