//! What a process tells Prometheus.
//!
//! What is counted as it happens ([`requests`]) is counted in atomics: a search waits for no lock. What a shard is at now
//! ([`shards`]) is asked of it when somebody looks, so that nothing is kept twice, and nothing is left of an index that
//! is gone. METRICS.md says what each of them means.

mod requests;
mod shards;
mod stages;

use crate::Router;
use crate::scatter::ShardReply;
use annuli_api::{ErrorCode, Failure};
use prometheus::{IntGauge, Registry, TextEncoder};
pub(crate) use requests::RequestMeters;
pub use shards::{Looked, shard_figures};
pub(crate) use stages::SearchStages;
use std::time::Instant;

/// The meters of a process, and where all of them are listed.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: RequestMeters,
    pub(crate) stages: SearchStages,
    in_flight: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let help = "Requests that hold a place: they are worked on, or their answer is being sent.";
        let in_flight = IntGauge::new("annuli_requests_in_flight", help).expect(NAMED_WELL);
        registry.register(Box::new(in_flight.clone())).expect(ONCE);
        let (requests, stages) = (RequestMeters::new(&registry), SearchStages::new(&registry));
        Self { requests, stages, registry, in_flight }
    }
}

/// Why a meter can be made.
const NAMED_WELL: &str = "names and labels of letters and underscores";

/// Why a meter can be listed.
const ONCE: &str = "each meter is listed once";

impl Router {
    /// Where else in the process meters may be listed, to be told with those of the router.
    pub fn registry(&self) -> &Registry {
        &self.metrics.registry
    }

    /// All metrics, in Prometheus' text format.
    pub(crate) async fn metrics_text(&self, started: Instant) -> Result<String, Failure> {
        let in_flight = self.limits.concurrent_requests_max.saturating_sub(self.places.available_permits());
        self.metrics.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
        let mut families = self.metrics.registry.gather();
        let looked = self.looked_at(started).await;
        // Shards of other processes are told of by these, and by this one only whether they answer it.
        families.extend(if self.catalogue.is_local() { shard_figures(&looked) } else { shards::up(&looked) });
        families.extend(shards::indexes(&self.catalogue.indexes()));
        let failed = |error| Failure::new(ErrorCode::Internal, format_args!("the metrics cannot be written: {error}"));
        TextEncoder::new().encode_to_string(&families).map_err(failed)
    }

    async fn looked_at(&self, started: Instant) -> Vec<Looked> {
        let statuses = self.statuses(started).await.into_iter();
        let looked = statuses.flat_map(|(index, replies)| {
            let looked = move |(shard, status): ShardReply<_>| Looked::new(&index.name, shard, status);
            replies.into_iter().map(looked)
        });
        looked.collect()
    }
}
