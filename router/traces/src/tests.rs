//! Which requests are traced, what of them, and what becomes of spans that cannot be sent.

use crate::limits::{SPANS_WAITING_MAX, TRACE_STATE_BYTES_MAX};
use crate::{Resource, Sending, Span, SpanCounts, SpanExporter, Traces, hand_over};
use annuli_api::{ErrorCode, Failure};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::Status;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// Headers of a client that traces its request, or says that it does not.
fn of_client(traced: bool) -> HeaderMap {
    let parent = format!("00-{TRACE}-b7ad6b7169203331-0{}", u8::from(traced));
    HeaderMap::from_iter([(PARENT, HeaderValue::try_from(parent).unwrap())])
}

#[expect(clippy::disallowed_methods, reason = "no test waits for what the clock says")]
fn start(exporter: impl SpanExporter + 'static, share: f64) -> (Sending, Traces, SpanCounts) {
    let counts = SpanCounts::default();
    let sending = Sending::start(exporter, Resource::builder_empty().build(), share, counts.clone(), Instant::now);
    let traces = sending.traces();
    (sending, traces, counts)
}

/// A process that traces that share, and what it has sent.
fn sent_to_memory(share: f64) -> (Sending, Traces, InMemorySpanExporter) {
    let exporter = InMemorySpanExporter::default();
    let (sending, traces, _) = start(exporter.clone(), share);
    (sending, traces, exporter)
}

fn finished(sending: &Sending, exporter: &InMemorySpanExporter) -> Vec<SpanData> {
    sending.flush();
    exporter.get_finished_spans().unwrap()
}

#[track_caller]
fn named<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no span `{name}`"))
}

fn of(span: &SpanData, key: &str) -> Option<String> {
    span.attributes.iter().find(|said| said.key.as_str() == key).map(|said| said.value.to_string())
}

fn done(_: &Span, (): &()) {}

#[test]
fn a_request_is_traced_as_its_client_says_and_else_by_lot() {
    let (_never, never, _) = sent_to_memory(0.0);
    let (_always, always, _) = sent_to_memory(1.0);
    assert!(never.take_up(&of_client(true)).is_kept());
    assert!(!always.take_up(&of_client(false)).is_kept());
    assert!(always.take_up(&HeaderMap::new()).is_kept());
    assert!(!never.take_up(&HeaderMap::new()).is_kept());
    let nonsense = HeaderMap::from_iter([(PARENT, HeaderValue::from_static("00-nonsense-01"))]);
    assert!(!never.take_up(&nonsense).is_kept());
}

#[test]
fn who_is_called_goes_on_with_a_trace_and_begins_none() {
    let (_sending, traces, _) = sent_to_memory(1.0);
    assert!(traces.go_on(&of_client(true), "search").is_kept());
    assert!(!traces.go_on(&of_client(false), "search").is_kept());
    assert!(!traces.go_on(&HeaderMap::new(), "search").is_kept());
}

#[tokio::test]
async fn what_is_done_for_a_request_is_part_of_it_and_what_is_done_beside_it_is_not() {
    let (sending, traces, exporter) = sent_to_memory(0.0);
    let request = traces.take_up(&of_client(true)).with("annuli.number", 7);
    let inner = || async {
        // Another task has its turn meanwhile.
        tokio::task::yield_now().await;
        let failed: Result<(), _> = Err(Failure::new(ErrorCode::ShardUnavailable, "of document `secret`"));
        Span::begin("inner").of_call(async { failed }).await
    };
    let outer = request.around(async { drop(Span::begin("outer").of_call(inner()).await) }, done);
    let beside = async {
        for _ in 0..4 {
            assert!(!Span::begin("beside").is_kept());
            let mut headers = HeaderMap::new();
            hand_over(&mut headers);
            assert!(headers.is_empty());
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(outer, beside);
    let spans = finished(&sending, &exporter);
    assert_eq!(spans.len(), 3);
    let [request, outer, inner] = ["request", "outer", "inner"].map(|name| named(&spans, name));
    assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == TRACE));
    assert_eq!(request.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(outer.parent_span_id, request.span_context.span_id());
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    assert_eq!(of(request, "annuli.number").as_deref(), Some("7"));
    assert_eq!((of(request, "error.type"), &request.status), (None, &Status::Unset));
    assert_eq!(of(inner, "error.type").as_deref(), Some("shard_unavailable"));
    assert!(!format!("{inner:?}").contains("secret"), "{inner:?}");
}

#[tokio::test]
async fn a_call_carries_the_span_that_it_is_part_of() {
    let (sending, traces, exporter) = sent_to_memory(1.0);
    let mut came = of_client(true);
    came.insert(STATE, HeaderValue::from_static("vendor=value"));
    let call = async {
        let mut headers = HeaderMap::new();
        hand_over(&mut headers);
        assert_eq!(headers[STATE], "vendor=value");
        drop(traces.go_on(&headers, "answer"));
    };
    let call = async { Span::begin_elsewhere("ask").around(call, done).await };
    traces.take_up(&came).around(call, done).await;
    let spans = finished(&sending, &exporter);
    let (ask, answer) = (named(&spans, "ask"), named(&spans, "answer"));
    assert_eq!(answer.parent_span_id, ask.span_context.span_id());
    assert!(answer.parent_span_is_remote);
}

#[tokio::test]
async fn a_long_tracestate_is_left_behind() {
    let (_sending, traces, _) = sent_to_memory(1.0);
    for (bytes, carried) in [(TRACE_STATE_BYTES_MAX, true), (TRACE_STATE_BYTES_MAX + 1, false)] {
        let entry = |name: &str, bytes: usize| format!("{name}={}", "x".repeat(bytes - 2));
        let state = format!("{},{},{}", entry("a", 200), entry("b", 200), entry("c", bytes - 402));
        let mut came = of_client(true);
        came.insert(STATE, HeaderValue::try_from(state).unwrap());
        let call = async {
            let mut headers = HeaderMap::new();
            hand_over(&mut headers);
            assert_eq!(headers.contains_key(STATE), carried, "{bytes}");
            assert!(headers.contains_key(PARENT));
        };
        traces.take_up(&came).around(call, done).await;
    }
}

#[tokio::test]
async fn who_is_not_waited_for_any_longer_is_told_so() {
    let (sending, traces, exporter) = sent_to_memory(1.0);
    let hanging = traces.take_up(&HeaderMap::new()).around(std::future::pending::<()>(), done);
    tokio::select! {
        biased;
        () = hanging => {}
        () = tokio::task::yield_now() => {}
    }
    let spans = finished(&sending, &exporter);
    assert_eq!(of(named(&spans, "request"), "annuli.left").as_deref(), Some("true"));
}

/// Refuses everything.
#[derive(Debug)]
struct Away;

impl SpanExporter for Away {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("nobody is there".to_owned()))
    }
}

#[test]
fn what_the_collector_does_not_take_is_counted() {
    let (sending, traces, counts) = start(Away, 1.0);
    (0..10).for_each(|_| drop(traces.take_up(&HeaderMap::new())));
    sending.flush();
    assert_eq!(counts.sent_and_lost(), (0, 10));
    let (sending, traces, counts) = start(InMemorySpanExporter::default(), 1.0);
    (0..10).for_each(|_| drop(traces.take_up(&HeaderMap::new())));
    sending.flush();
    assert_eq!(counts.sent_and_lost(), (10, 0));
}

/// Hangs in each message until it is let go.
#[derive(Debug)]
struct Hanging {
    hangs: SyncSender<()>,
    go_on: Arc<Mutex<Receiver<()>>>,
}

impl SpanExporter for Hanging {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        let _ = self.hangs.try_send(());
        // An end of the channel lets go for good.
        let _ = self.go_on.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Ok(())
    }
}

#[test]
fn a_collector_that_hangs_holds_nobody_up_and_what_there_is_no_room_for_is_lost() {
    let ((hangs, hanging), (let_go, go_on)) = (sync_channel(1), sync_channel::<()>(0));
    let (sending, traces, counts) = start(Hanging { hangs, go_on: Arc::new(Mutex::new(go_on)) }, 1.0);
    let end_spans = |spans: usize| (0..spans).for_each(|_| drop(traces.take_up(&HeaderMap::new())));
    // The first message is on its way, and stays there.
    end_spans(crate::limits::SPANS_PER_MESSAGE_MAX);
    hanging.recv().unwrap();
    end_spans(SPANS_WAITING_MAX);
    assert_eq!(counts.sent_and_lost(), (0, crate::limits::SPANS_PER_MESSAGE_MAX as u64));
    drop(let_go);
    sending.flush();
    assert_eq!(counts.sent_and_lost(), (SPANS_WAITING_MAX as u64, crate::limits::SPANS_PER_MESSAGE_MAX as u64));
    end_spans(1);
    sending.flush();
    assert_eq!(counts.sent_and_lost().0, SPANS_WAITING_MAX as u64 + 1);
}

/// Panics once.
#[derive(Debug, Default)]
struct Panicking(AtomicBool);

impl SpanExporter for Panicking {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        assert!(self.0.swap(true, Relaxed), "the first message");
        Ok(())
    }
}

/// The thread that sends was gone, and with it every later span.
#[test]
fn a_panic_while_sending_costs_one_message() {
    let (sending, traces, counts) = start(Panicking::default(), 1.0);
    for sent_and_lost in [(0, 1), (1, 1)] {
        drop(traces.take_up(&HeaderMap::new()));
        sending.flush();
        assert_eq!(counts.sent_and_lost(), sent_and_lost);
    }
}
