//! A generation that is tried on live searches before it is made official.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a rollout tries its generation: every replica has it by then, and nobody asks for it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"percent": 5, "floor_percent": 80, "searches": 100}))]
pub struct CanaryTerms {
    /// Of a hundred searches of a shard so many are also made in the new generation, after they were answered: 1 to 100.
    pub percent: u32,
    /// Of a hundred hits of the official generation so many the new one has to have at least, else the rollout stops: 0 to
    /// 100; 80 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor_percent: Option<u32>,
    /// After so many compared searches of each shard it is decided: 1 to 1,000,000; 100 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searches: Option<u32>,
}

/// What came of comparing so far, in the shard that is worst off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CanaryProgress {
    /// Searches of a shard that were compared.
    pub searches: u64,
    /// As many are to be.
    pub searches_wanted: u64,
    /// Of those that were compared, those that the new generation did not answer.
    pub failed: u64,
    /// Of a hundred hits of the official generation so many the new one has too, rounded down; 100 where there were none.
    pub overlap_percent: u32,
    /// Fewer stop the rollout.
    pub floor_percent: u32,
    /// How long the official generation took for a search, in the mean, in microseconds.
    pub official_micros: u64,
    /// How long the new one took, where it answered.
    pub candidate_micros: u64,
}
