//! `compared/<task-id>/<router>`: what one router has found by making live searches in a generation as well.

use super::{Key, UnreadableRecord, decode, encode};
use annuli_api::v1::canary::CanaryProgress;
use serde::{Deserialize, Serialize};
use std::ops::Add;

/// How a rollout tries its generation on live searches. A part of its task's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Of a hundred searches of a shard so many are made in it as well.
    pub percent: u32,
    /// Of a hundred hits so many are to be in both generations.
    pub floor_percent: u32,
    /// Searches that are to be compared.
    pub searches: u32,
    /// How far it is.
    pub stage: CanaryStage,
}

/// How far a trial on live searches is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryStage {
    /// Replicas are yet to prepare the generation.
    Awaited,
    /// Routers compare.
    Comparing,
    /// Enough was compared.
    Ended(Comparison),
}

impl Canary {
    /// How far it is, with that compared.
    pub fn progress(&self, compared: &Comparison) -> CanaryProgress {
        let mean = |micros: u64, searches: u64| micros.checked_div(searches).unwrap_or_default();
        CanaryProgress {
            searches: compared.searches,
            searches_wanted: u64::from(self.searches),
            failed: compared.failed,
            overlap_percent: compared.overlap_percent(),
            floor_percent: self.floor_percent,
            official_micros: mean(compared.official_micros, compared.searches),
            candidate_micros: mean(compared.candidate_micros, compared.searches.saturating_sub(compared.failed)),
        }
    }
}

/// What was compared. That of one router, or the sum of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Searches of a shard that were made in both generations.
    pub searches: u64,
    /// Of these, those that the new generation did not answer.
    pub failed: u64,
    /// Hits of the official generation.
    pub hits: u64,
    /// Of these, those that the new one has among as many.
    pub common: u64,
    /// How long the official generation took for all of them, in microseconds.
    pub official_micros: u64,
    /// How long the new one took for those that it answered.
    pub candidate_micros: u64,
}

impl Comparison {
    /// Of a hundred hits of the official generation so many the new one has too, rounded down; 100 where there were none.
    pub fn overlap_percent(&self) -> u32 {
        let percent = self.common.saturating_mul(100).checked_div(self.hits).unwrap_or(100);
        u32::try_from(percent).unwrap_or(u32::MAX)
    }
}

impl Add for Comparison {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            searches: self.searches.saturating_add(other.searches),
            failed: self.failed.saturating_add(other.failed),
            hits: self.hits.saturating_add(other.hits),
            common: self.common.saturating_add(other.common),
            official_micros: self.official_micros.saturating_add(other.official_micros),
            candidate_micros: self.candidate_micros.saturating_add(other.candidate_micros),
        }
    }
}

impl Comparison {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        decode(key, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{RouterId, TaskId};
    use uuid::Uuid;

    #[test]
    fn the_overlap_is_rounded_down_and_whole_where_nothing_was_found() {
        let overlap = |hits, common| Comparison { hits, common, ..Comparison::default() }.overlap_percent();
        assert_eq!([overlap(0, 0), overlap(10, 10), overlap(1_000, 799), overlap(7, 0)], [100, 100, 79, 0]);
    }

    #[test]
    fn what_was_compared_comes_back_as_it_was_stored() {
        let key = Key::Compared(TaskId(Uuid::nil()), RouterId(Uuid::nil()));
        let compared = Comparison { searches: 3, failed: 1, hits: 30, common: 20, ..Comparison::default() };
        assert_eq!(Comparison::decode(&key, &compared.encode()).unwrap(), compared);
    }
}
