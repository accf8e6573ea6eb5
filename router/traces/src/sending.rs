//! Spans on their way to a collector: by a thread of their own, in batches, and never more than there is room for.

use crate::counts::SpanCounts;
use crate::limits::{LAST_SPANS_TIMEOUT, SPANS_PER_MESSAGE_MAX, SPANS_WAITING_MAX};
use crate::traces::Traces;
use opentelemetry::Context;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor,
};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

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
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(SPANS_WAITING_MAX)
            .with_max_export_batch_size(SPANS_PER_MESSAGE_MAX)
            .build();
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
        let sent = self.exporter.export(batch).await;
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
