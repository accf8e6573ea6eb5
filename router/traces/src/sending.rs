//! Spans on their way to a collector: by a thread of their own, in batches, and never more than there is room for.

use crate::counts::SpanCounts;
use crate::limits::{LAST_SPANS_TIMEOUT, SPANS_GATHERED_FOR_MIN, SPANS_PER_MESSAGE_MAX, SPANS_WAITING_MAX};
use crate::traces::Traces;
use opentelemetry::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfig, BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData, SpanExporter,
    SpanProcessor,
};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

/// By this variable the SDK is told how many milliseconds an ended span waits for others.
const GATHERED_FOR: &str = "OTEL_BSP_SCHEDULE_DELAY";

/// What sends the spans of a process. What is still waiting when it is dropped has two seconds to be sent.
#[derive(Debug)]
pub struct Sending {
    provider: SdkTracerProvider,
}

impl Sending {
    /// Sends spans of a process that is `resource` by `exporter`, which blocks the thread of its own that it is called
    /// on. Of the requests whose clients say nothing that `share` is traced, from 0 to 1.
    pub fn start(exporter: impl SpanExporter + 'static, resource: Resource, share: f64, counts: SpanCounts) -> Self {
        let exporter = Counted { exporter, counts: counts.clone(), fails: AtomicBool::new(false) };
        let config = batches(std::env::var(GATHERED_FOR).ok().as_deref());
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config).build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Bounded { batches, counts })
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_resource(resource)
            .build();
        Self { provider }
    }

    /// Who begins them.
    pub fn traces(&self) -> Traces {
        Traces::by(self.provider.tracer("annuli"))
    }

    /// Waits until what has ended is sent, for a test.
    #[cfg(test)]
    pub(crate) fn flush(&self) {
        // What fails is counted.
        let _ = self.provider.force_flush();
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST_SPANS_TIMEOUT) {
            tracing::debug!(%error, "the last spans may not have been sent");
        }
    }
}

fn batches(gathered_for: Option<&str>) -> BatchConfig {
    let config = BatchConfigBuilder::default()
        .with_max_queue_size(SPANS_WAITING_MAX)
        .with_max_export_batch_size(SPANS_PER_MESSAGE_MAX);
    // It has heard the variable already, and takes it at its word.
    let said = gathered_for.and_then(|said| said.parse().ok()).map(Duration::from_millis);
    let is_short = said.is_some_and(|said| said < SPANS_GATHERED_FOR_MIN);
    if is_short { config.with_scheduled_delay(SPANS_GATHERED_FOR_MIN) } else { config }.build()
}

/// Lets spans pass for which there is room. The queue behind it is never full, so that none is lost without being
/// counted.
#[derive(Debug)]
struct Bounded {
    batches: BatchSpanProcessor,
    counts: SpanCounts,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.counts.take_place() {
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts what was sent, and says when that begins to fail and when it no longer does.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    counts: SpanCounts,
    fails: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let mut export = pin!(self.exporter.export(batch));
        // Its thread is the SDK's, which nobody starts again: a panic would be the end of all sending, told by nothing. Where
        // there may be no further thread, a name that is looked up panics.
        let sent = poll_fn(|waker| {
            let polled = catch_unwind(AssertUnwindSafe(|| export.as_mut().poll(waker)));
            polled.unwrap_or_else(|_| Poll::Ready(Err(OTelSdkError::InternalFailure("a panic, see above".to_owned()))))
        })
        .await;
        self.counts.settle(spans, sent.is_ok());
        match (&sent, self.fails.swap(sent.is_err(), Relaxed)) {
            (Err(error), false) => {
                tracing::warn!(%error, "spans cannot be sent to the collector: they are counted as lost until it takes them");
            }
            (Ok(()), true) => tracing::info!("the collector takes spans again"),
            (Err(_), true) | (Ok(()), false) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_never_waits_for_no_time_at_all() {
        let gathered_for = |said| format!("{:?}", batches(said)).contains("scheduled_delay: 10ms");
        assert!(gathered_for(Some("0")) && gathered_for(Some("9")));
        assert!(!gathered_for(Some("11")) && !gathered_for(Some("soon")) && !gathered_for(None));
    }
}
