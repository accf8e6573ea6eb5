//! Sends the spans of requests that are traced to an OpenTelemetry collector, by OTLP over HTTP.

mod post;

use crate::clock;
use crate::config::Settings;
use crate::process_figures::RunsAs;
use annuli_traces::{KeyValue, Resource, Sending, SpanCounts};
use opentelemetry_otlp::ExporterBuildError;
use post::ToCollector;
use prometheus::Registry;

/// Variables by which a resource is described from outside.
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";

/// What sends the spans of a process that is `role`, if its settings name a collector. How many are sent and lost is in
/// `registry`, also where none are.
pub(crate) fn start(
    settings: &Settings,
    role: RunsAs,
    registry: &Registry,
) -> Result<Option<Sending>, ExporterBuildError> {
    let counts = SpanCounts::default();
    counts.register(registry);
    let Some(collector) = &settings.traces else { return Ok(None) };
    let url = collector.url_of_spans();
    let share = settings.traces_sample.get();
    tracing::info!(%url, share, "requests are traced");
    Ok(Some(Sending::start(ToCollector::at(&url)?, resource(role), share, counts, clock::now)))
}

/// What the process is: as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say, or else by its role.
fn resource(role: RunsAs) -> Resource {
    let role = role.to_string();
    let described = Resource::builder().with_attributes([
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("annuli.role", role.clone()),
    ]);
    let is_named = std::env::var_os(SERVICE_NAME).is_some_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|said| said.contains("service.name="));
    if is_named { described.build() } else { described.with_service_name(format!("annuli-{role}")).build() }
}
