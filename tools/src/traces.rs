//! Sends the spans of requests that are traced to an OpenTelemetry collector, by OTLP over HTTP.

use crate::client::Server;
use crate::config::{Collector, Settings};
use crate::process_figures::RunsAs;
use annuli_traces::{KeyValue, Resource, Sending, SpanCounts};
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use prometheus::Registry;
use std::time::Duration;
use ureq::Agent;

/// Time for a collector to take a message, which it has on the machine or near it.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer of a collector that is read: it says nothing, or how many spans it refused.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

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
    Ok(Some(Sending::start(exporter(collector)?, resource(role), share, counts)))
}

fn exporter(collector: &Collector) -> Result<SpanExporter, ExporterBuildError> {
    let url = collector.url_of_spans();
    let http = SpanExporter::builder().with_http().with_http_client(Post::to(&url));
    http.with_endpoint(url).with_protocol(Protocol::HttpBinary).with_timeout(SEND_TIMEOUT).build()
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

/// The HTTP client that is here already, on the thread that sends.
#[derive(Debug)]
struct Post(Agent);

impl Post {
    fn to(url: &str) -> Self {
        let config = Agent::config_builder()
            // Who sends decides by the status whether to send again.
            .http_status_as_error(false)
            // A collector is near: a proxy to the outside cannot reach it.
            .proxy(None)
            .tls_config(Server::without_key(url).tls_config())
            .user_agent(concat!("annuli/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(SEND_TIMEOUT));
        Self(config.build().new_agent())
    }
}

#[async_trait]
impl HttpClient for Post {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        // Whoever sends says no more than that it failed.
        let said = |error: &ureq::Error| tracing::debug!(%error, "the collector cannot be asked");
        let (head, mut body) = self.0.run(Request::from_parts(head, &*body)).inspect_err(said)?.into_parts();
        let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(head, body.into()))
    }
}
