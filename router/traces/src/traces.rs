//! Whether a request is traced, and how that goes from one process to the next.

use crate::headers::{Came, Goes};
use crate::span::Span;
use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt, Tracer};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracer;

/// Who begins the spans of a process. A clone begins the same.
#[derive(Debug, Clone)]
pub struct Traces(SdkTracer);

impl Traces {
    pub(crate) fn by(tracer: SdkTracer) -> Self {
        Self(tracer)
    }

    pub(crate) fn tracer(&self) -> &SdkTracer {
        &self.0
    }

    /// The span of a request with these headers, if it is to be traced: as its client says, or by lot where it says
    /// nothing.
    pub fn take_up(&self, headers: &HeaderMap) -> Span {
        self.begin(&caller(headers), "request")
    }

    /// The span of a call with these headers, if who calls traces it. No trace begins here: without the rest of the
    /// request it would say little.
    pub fn go_on(&self, headers: &HeaderMap, name: &'static str) -> Span {
        let caller = caller(headers);
        if caller.span().span_context().is_sampled() { self.begin(&caller, name) } else { Span::NONE }
    }

    fn begin(&self, caller: &Context, name: &'static str) -> Span {
        let span = self.0.span_builder(name).with_kind(SpanKind::Server).start_with_context(&self.0, caller);
        // By this what is done for the request finds who begins its spans.
        if span.is_recording() { Span::of(Context::new().with_value(self.clone()).with_span(span)) } else { Span::NONE }
    }
}

fn caller(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract_with_context(&Context::new(), &Came(headers))
}

/// Adds to the headers of a call, if it is traced, what its receiver goes on by.
pub fn hand_over(headers: &mut HeaderMap) {
    Context::map_current(|current| {
        if current.get::<Traces>().is_some() {
            TraceContextPropagator::new().inject_context(current, &mut Goes(headers));
        }
    });
}
