//! A span: a piece of a request's work, from when it begins until it has ended.

use crate::traced::Traced;
use crate::traces::Traces;
use annuli_api::{ErrorCode, Failure};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, Key, KeyValue, Value};

/// A piece of the work for a request that is traced; nothing, if it is not. Dropped before it has ended, whoever waited
/// for it has left.
#[derive(Debug, Default)]
#[must_use]
pub struct Span(Option<Context>);

impl Span {
    /// Of a request that is not traced.
    pub const NONE: Self = Self(None);

    pub(crate) fn of(context: Context) -> Self {
        Self(Some(context))
    }

    /// A part of what this task works on now.
    pub fn begin(name: &'static str) -> Self {
        Self::child(name, SpanKind::Internal)
    }

    /// The same, which another process does.
    pub fn begin_elsewhere(name: &'static str) -> Self {
        Self::child(name, SpanKind::Client)
    }

    fn child(name: &'static str, kind: SpanKind) -> Self {
        Self(Context::map_current(|parent| {
            let tracer = parent.get::<Traces>()?.tracer();
            let child = tracer.span_builder(name).with_kind(kind).start_with_context(tracer, parent);
            Some(parent.with_span(child))
        }))
    }

    /// Whether the request is traced: if not, what would be said of it need not be made.
    pub fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Says something of it.
    pub fn set(&self, key: &'static str, value: impl Into<Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// The same, in its beginning.
    pub fn with(self, key: &'static str, value: impl Into<Value>) -> Self {
        self.set(key, value);
        self
    }

    /// Gives it a name that is made.
    pub fn rename(&self, name: String) {
        if let Some(context) = &self.0 {
            context.span().update_name(name);
        }
    }

    /// Says that it has failed, and by what code. What is refused for the client's sake is an answer like others, as
    /// OpenTelemetry has it, and leaves the status alone.
    pub fn fail(&self, code: ErrorCode) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(ERROR, code.to_string()));
            if code.status() >= 500 {
                context.span().set_status(Status::error(code.to_string()));
            }
        }
    }

    /// What is done in `future` is this piece of work. When it is done, `told` says of the span what came of it.
    pub fn around<F: Future>(self, future: F, told: fn(&Self, &F::Output)) -> Traced<F> {
        Traced::new(future, self, told)
    }

    /// The same for a call, of which its failure is told.
    pub fn of_call<R, F: Future<Output = Result<R, Failure>>>(self, call: F) -> Traced<F> {
        self.around(call, |span, answer| {
            if let Err(failure) = answer {
                span.fail(failure.code);
            }
        })
    }

    pub(crate) fn context(&self) -> Option<&Context> {
        self.0.as_ref()
    }

    /// It has ended.
    pub(crate) fn end(&mut self) {
        if let Some(context) = self.0.take() {
            context.span().end();
        }
    }
}

/// Where OpenTelemetry's conventions have the kind of a failure.
const ERROR: Key = Key::from_static_str("error.type");

/// Whether whoever waited has left.
const LEFT: Key = Key::from_static_str("annuli.left");

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = self.0.take() {
            context.span().set_attribute(KeyValue::new(LEFT, true));
            context.span().end();
        }
    }
}
