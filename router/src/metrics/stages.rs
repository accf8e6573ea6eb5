//! Where the time of searches goes.

use super::{NAMED_WELL, ONCE};
use prometheus::{Histogram, HistogramOpts, HistogramVec, Registry};
use std::time::Duration;

/// Seconds of a stage: from a merge of two short lists to a shard that is as late as it may be.
const SECONDS: [f64; 14] =
    [0.00001, 0.000025, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 1.0, 10.0];

/// How long the stages of searches took.
pub(crate) struct SearchStages {
    shard: Histogram,
    fan_out: Histogram,
    merge: Histogram,
}

impl SearchStages {
    pub(super) fn new(registry: &Registry) -> Self {
        let help = "Time of a search's stages: each shard's answer, the fan-out until all have answered, the merge.";
        let seconds = HistogramOpts::new("annuli_search_stage_seconds", help).buckets(SECONDS.to_vec());
        let seconds = HistogramVec::new(seconds, &["stage"]).expect(NAMED_WELL);
        registry.register(Box::new(seconds.clone())).expect(ONCE);
        let [shard, fan_out, merge] = ["shard", "fan_out", "merge"].map(|stage| seconds.with_label_values(&[stage]));
        Self { shard, fan_out, merge }
    }

    /// A shard has answered, or failed.
    pub(crate) fn asked_shard(&self, took: Duration) {
        self.shard.observe(took.as_secs_f64());
    }

    /// All shards have.
    pub(crate) fn fanned_out(&self, took: Duration) {
        self.fan_out.observe(took.as_secs_f64());
    }

    /// What they answered has become one answer, its wait for a thread included.
    pub(crate) fn merged(&self, took: Duration) {
        self.merge.observe(took.as_secs_f64());
    }
}
