//! A collector of spans: takes them by OTLP over HTTP, as OpenTelemetry's own does.

use crate::wait::wait_for;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A collector on a port of its own, until the process ends.
pub struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Collected>>>,
}

/// A span as it was sent.
#[derive(Debug, Clone)]
pub struct Collected {
    /// Of the process that sent it.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its trace, in hexadecimal digits.
    pub trace: String,
    /// Itself.
    pub id: Vec<u8>,
    /// Whose part it is; empty of a root.
    pub parent: Vec<u8>,
    /// What is said of it.
    pub said: BTreeMap<String, String>,
}

impl Collector {
    /// Takes spans from now on.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, spans) = (listener.local_addr().unwrap(), Arc::default());
        let collector = Self { address, spans };
        let spans = Arc::clone(&collector.spans);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let spans = Arc::clone(&spans);
                // A process that is killed leaves in the middle of a message.
                thread::spawn(move || {
                    while let Some(sent) = stream.as_ref().ok().and_then(take) {
                        spans.lock().unwrap_or_else(PoisonError::into_inner).extend(sent);
                    }
                });
            }
        });
        collector
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that was sent so far.
    pub fn spans(&self) -> Vec<Collected> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for so many spans.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Collected> {
        wait_for("spans", || Some(self.spans()).filter(|spans| spans.len() >= count))
    }
}

/// The spans of the next message of a connection.
fn take(mut stream: &TcpStream) -> Option<Vec<Collected>> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    assert!(line.starts_with("POST /v1/traces "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a number"),
            "content-type" => assert_eq!(value, "application/x-protobuf"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let message = ExportTraceServiceRequest::decode(&*body).expect("a message of OTLP");
    // The next message comes after the answer to this one: nothing of it is lost with the reader.
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n").ok()?;
    Some(collected(message))
}

fn collected(message: ExportTraceServiceRequest) -> Vec<Collected> {
    let of_resource = message.resource_spans.into_iter().flat_map(|sent| {
        let resource = sent.resource.map(|resource| said(resource.attributes)).unwrap_or_default();
        let service = resource.get("service.name").cloned().unwrap_or_default();
        let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.map(move |span| Collected::of(service.clone(), span))
    });
    of_resource.collect()
}

impl Collected {
    fn of(service: String, span: Span) -> Self {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
        let trace = span.trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let Span { name, span_id: id, parent_span_id: parent, attributes, .. } = span;
        Self { service, name, trace, id, parent, said: said(attributes) }
    }
}

fn said(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(is)) => is.to_string(),
        other => panic!("a value that no span of ours has: {other:?}"),
    };
    attributes.into_iter().map(|said| (said.key, text(said.value))).collect()
}
