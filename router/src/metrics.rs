//! What a process tells Prometheus.
//!
//! What is counted as it happens ([`requests`]) is counted in atomics: a search waits for no lock. What a shard is at now
//! ([`shards`]) is asked of it when somebody looks, so that nothing is kept twice, and nothing is left of an index that
//! is gone. METRICS.md says what each of them means.

mod requests;
mod shards;

use crate::Router;
use annuli_api::{ErrorCode, Failure};
use prometheus::{IntGauge, Registry, TextEncoder};
pub(crate) use requests::RequestMeters;
use std::time::Instant;

/// The meters of a process, and where all of them are listed.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: RequestMeters,
    in_flight: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let help = "Requests that hold a place: they are worked on, or their answer is being sent.";
        let in_flight = IntGauge::new("annuli_requests_in_flight", help).expect(NAMED_WELL);
        registry.register(Box::new(in_flight.clone())).expect(ONCE);
        Self { requests: RequestMeters::new(&registry), registry, in_flight }
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
        families.extend(shards::gather(&self.statuses(started).await, &self.catalogue.indexes()));
        let failed = |error| Failure::new(ErrorCode::Internal, format_args!("the metrics cannot be written: {error}"));
        TextEncoder::new().encode_to_string(&families).map_err(failed)
    }
}
