//! Where the time of a request goes, across processes: the spans of the requests that are traced, as OpenTelemetry has
//! them.
//!
//! ```text
//! client ─ traceparent ─▶ router: request ─▶ shard ─▶ replica ─▶ search ─ traceparent ─▶ indexer: search ─▶ shard
//!                                    └─────▶ merge
//! ```
//!
//! Whether a request is traced is decided once, where it comes in ([`Traces::take_up`]): by its client, or else by lot.
//! What is done for it asks the task that it runs in ([`Span::begin`]), and so is nothing but a look at a word of the
//! thread where it is not. Spans that have ended wait for a thread of their own to send them; when they are too many,
//! they are counted and dropped. Modules in reading order.
//!
//! No span holds a vector, an id, a key, nor the text of a failure, which may name a document.

pub mod limits;

mod span;
mod traced;

mod headers;
mod traces;

mod counts;
mod sending;

pub use counts::SpanCounts;
pub use opentelemetry::{KeyValue, Value};
pub use opentelemetry_sdk::Resource;
pub use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
pub use opentelemetry_sdk::trace::{SpanData, SpanExporter};
pub use sending::Sending;
pub use span::Span;
pub use traced::Traced;
pub use traces::{Traces, hand_over};

#[cfg(test)]
mod tests;
