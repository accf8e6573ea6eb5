//! Spans on their way to a collector: by a thread of their own, in batches, and never more than there is room for.

use crate::counts::SpanCounts;
use crate::limits::{
    COLLECTOR_TAKES_FOR_MIN, LAST_SPANS_TIMEOUT, SPANS_GATHERED_FOR_MIN, SPANS_PER_MESSAGE_MAX, SPANS_WAITING_MAX,
};
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
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

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
    pub fn start(
        exporter: impl SpanExporter + 'static,
        resource: Resource,
        share: f64,
        counts: SpanCounts,
        clock: fn() -> Instant,
    ) -> Self {
        let exporter = Counted { exporter, counts: counts.clone(), collector: Mutex::default(), clock };
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
    collector: Mutex<Collector>,
    clock: fn() -> Instant,
}

/// What was said of a collector in the log.
#[derive(Debug, Default)]
struct Collector {
    /// When it last failed, if it is said to fail.
    failed: Option<Instant>,
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Fails,
    TakesAgain,
}

impl Collector {
    /// Hears of a message that it took whole, or did not.
    fn hear(&mut self, is_taken: bool, now: Instant) -> Option<News> {
        if !is_taken {
            return self.failed.replace(now).is_none().then_some(News::Fails);
        }
        let takes_again = |&mut failed: &mut Instant| now.saturating_duration_since(failed) >= COLLECTOR_TAKES_FOR_MIN;
        self.failed.take_if(takes_again).map(|_| News::TakesAgain)
    }
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
        let mut collector = self.collector.lock().unwrap_or_else(PoisonError::into_inner);
        match (&sent, collector.hear(sent.is_ok(), (self.clock)())) {
            (Err(error), Some(News::Fails)) => {
                tracing::warn!(%error, "spans cannot be sent to the collector: they are counted as lost until it takes them");
            }
            (_, Some(News::TakesAgain)) => tracing::info!("the collector takes spans again, all of them for a minute"),
            (_, Some(News::Fails) | None) => {}
        }
        drop(collector);
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

    /// A warning and its end were in the log for each message that was refused.
    #[test]
    fn a_collector_that_refuses_now_and_then_is_told_of_once() {
        let (mut collector, begun) = (Collector::default(), now());
        let mut told = |seconds, is_taken| collector.hear(is_taken, begun + Duration::from_secs(seconds));
        assert_eq!(told(0, true), None);
        assert_eq!(told(1, false), Some(News::Fails));
        assert_eq!((2..60).map(|second| told(second, second % 2 == 0)).find(Option::is_some), None);
        assert_eq!(told(118, true), None);
        assert_eq!([told(119, true), told(120, true)], [Some(News::TakesAgain), None]);
        assert_eq!([told(121, false), told(121, true)], [Some(News::Fails), None]);
        // Nothing was sent meanwhile: it fails as it did.
        assert_eq!(told(300, false), None);
    }

    #[expect(clippy::disallowed_methods, reason = "some time is needed to count from")]
    fn now() -> Instant {
        Instant::now()
    }
}
