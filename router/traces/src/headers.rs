//! A trace in the headers of a request: `traceparent` and `tracestate`, by the standard of the W3C.

use crate::limits::TRACE_STATE_BYTES_MAX;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};

/// The headers that a request came with.
pub(crate) struct Came<'a>(pub(crate) &'a HeaderMap);

impl Extractor for Came<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let value = self.0.get(key)?.to_str().ok()?;
        (value.len() <= TRACE_STATE_BYTES_MAX).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// The headers that a request goes with.
pub(crate) struct Goes<'a>(pub(crate) &'a mut HeaderMap);

impl Injector for Goes<'_> {
    fn set(&mut self, key: &str, value: String) {
        // There is a `tracestate` only where a client has sent one.
        if value.is_empty() {
            return;
        }
        let (name, value) = (HeaderName::from_bytes(key.as_bytes()), HeaderValue::try_from(value));
        if let (Ok(name), Ok(value)) = (name, value) {
            self.0.insert(name, value);
        }
    }
}
