//! `compared/<task-id>/<router>`: what one router has found by making live searches in a generation as well.

use super::{Key, UnreadableRecord, decode, encode};
use annuli_api::v1::canary::CanaryProgress;
use annuli_core::ShardId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Add;

/// Of a hundred searches so many may fail in the new generation, and one in any case: a connection breaks now and then.
const FAILED_PERCENT_MAX: u64 = 1;

/// How a rollout tries its generation on live searches. A part of its task's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Of a hundred searches of a shard so many are made in it as well.
    pub percent: u32,
    /// Of a hundred hits so many are to be in both generations.
    pub floor_percent: u32,
    /// Searches of each shard that are to be compared.
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
    /// It is over, for the shard that was worst off with that.
    Ended(Comparison),
}

/// How a shard does in a trial, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Too many searches have failed in the new generation.
    Fails,
    /// Of a hundred hits only so many are in both, in as many searches as are wanted.
    IsLow(u32),
    /// So many searches were compared: too few to say.
    IsLacking(u64),
    /// Of a hundred hits so many are in both, which is enough.
    Does(u32),
}

impl Canary {
    /// How a shard does with that compared.
    pub fn standing(&self, compared: &Comparison) -> Standing {
        let overlap = compared.overlap_percent();
        if compared.failed > self.failures_max(compared) {
            Standing::Fails
        } else if compared.searches < u64::from(self.searches) {
            Standing::IsLacking(compared.searches)
        } else if overlap < self.floor_percent {
            Standing::IsLow(overlap)
        } else {
            Standing::Does(overlap)
        }
    }

    /// Searches of those compared that may fail.
    pub fn failures_max(&self, compared: &Comparison) -> u64 {
        let searches = compared.searches.max(u64::from(self.searches));
        (searches.saturating_mul(FAILED_PERCENT_MAX) / 100).max(1)
    }

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

/// What was compared of one shard. That of one router, or the sum of all of them.
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

/// What was compared of one shard, and why a search of it has failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardComparison {
    /// The sums.
    pub sums: Comparison,
    /// The failure of the latest search that the new generation did not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}

impl Add for ShardComparison {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { sums: self.sums + other.sums, last_failure: self.last_failure.or(other.last_failure) }
    }
}

/// What one router has compared, by shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparisons(pub BTreeMap<ShardId, ShardComparison>);

impl Comparisons {
    /// As it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let shards: BTreeMap<u32, &ShardComparison> = self.0.iter().map(|(shard, of)| (shard.0, of)).collect();
        encode(shards)
    }

    /// From what is stored.
    pub fn decode(key: &Key, bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let shards: BTreeMap<u32, ShardComparison> = decode(key, bytes)?;
        Ok(Self(shards.into_iter().map(|(shard, of)| (ShardId(shard), of)).collect()))
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
        let sums = Comparison { searches: 3, failed: 1, hits: 30, common: 20, ..Comparison::default() };
        let failed = ShardComparison { sums, last_failure: Some("a file is damaged".to_owned()) };
        let shards = [(ShardId(0), ShardComparison::default()), (ShardId(7), failed)];
        let compared = Comparisons(shards.into());
        assert_eq!(Comparisons::decode(&key, &compared.encode()).unwrap(), compared);
    }

    const CANARY: Canary = Canary { percent: 5, floor_percent: 80, searches: 100, stage: CanaryStage::Comparing };

    #[track_caller]
    fn check(searches: u64, failed: u64, common: u64, want: Standing) {
        let compared = Comparison { searches, failed, hits: 1_000, common, ..Comparison::default() };
        assert_eq!(CANARY.standing(&compared), want);
    }

    #[test]
    fn common_hits_and_failures_decide_whether_a_generation_does() {
        check(100, 0, 1_000, Standing::Does(100));
        check(100, 1, 800, Standing::Does(80));
        check(100, 0, 799, Standing::IsLow(79));
        check(100, 2, 980, Standing::Fails);
        check(1_000, 10, 900, Standing::Does(90));
    }

    #[test]
    fn it_is_decided_by_enough_searches_or_as_soon_as_too_many_have_failed() {
        check(99, 1, 0, Standing::IsLacking(99));
        check(2, 2, 0, Standing::Fails);
    }

    /// The very first failure of a short trial ended it.
    #[test]
    fn one_failure_is_allowed_in_any_trial() {
        let compared = Comparison { searches: 10, failed: 1, hits: 100, common: 90, ..Comparison::default() };
        assert_eq!(Canary { searches: 10, ..CANARY }.standing(&compared), Standing::Does(90));
    }

    #[test]
    fn the_worst_comes_first() {
        let ordered =
            [Standing::Fails, Standing::IsLow(3), Standing::IsLow(79), Standing::IsLacking(9), Standing::Does(80)];
        assert!(ordered.is_sorted(), "{ordered:?}");
    }
}
