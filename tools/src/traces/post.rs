//! Spans on their way to a collector, and what it says to them.

use crate::client::Server;
use annuli_traces::{OTelSdkError, OTelSdkResult, Resource, SpanData, SpanExporter};
use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use ureq::http::StatusCode;
use ureq::{Agent, Body};

/// Time for a collector to take a message, which it has on the machine or near it.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest answer of a collector that is read: it says nothing, or how many spans it refused.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Characters that are repeated of why it refused some: it goes into the log.
const REASON_CHARS_MAX: usize = 200;

/// Why a collector has not taken a message, or not all of it.
#[derive(Debug, thiserror::Error)]
enum Untaken {
    #[error("it cannot be asked: {0}; {HINT}")]
    Unasked(ureq::Error),
    #[error("it does not let this process in (status {0}): OTEL_EXPORTER_OTLP_HEADERS says by what")]
    Unknown(StatusCode),
    #[error("it answers with status {0}; {HINT}")]
    Status(StatusCode),
    #[error("its answer cannot be read: {0}; {HINT}")]
    Unread(ureq::Error),
    #[error("what it answers is no collector's answer; {HINT}")]
    NoCollector,
    #[error("it refuses {spans} spans of a message: {reason}")]
    Refused { spans: i64, reason: String },
}

const HINT: &str = "spans go by OTLP over HTTP, most often to port 4318, and not to gRPC's 4317";

/// What was wrong with the last message that was posted, for who tells of it: what is between them says less, or nothing.
type Last = Arc<Mutex<Option<Untaken>>>;

/// Sends spans to one collector; where it does not take them the error says who it is, what it said and what may be wrong.
#[derive(Debug)]
pub(super) struct ToCollector {
    url: String,
    otlp: opentelemetry_otlp::SpanExporter,
    last: Last,
}

impl ToCollector {
    /// Posts to that URL.
    pub(super) fn at(url: &str) -> Result<Self, ExporterBuildError> {
        let last = Last::default();
        let post = Post { agent: agent(url), last: Arc::clone(&last) };
        let http = opentelemetry_otlp::SpanExporter::builder().with_http().with_http_client(post);
        let otlp = http.with_endpoint(url).with_protocol(Protocol::HttpBinary).with_timeout(SEND_TIMEOUT).build()?;
        Ok(Self { url: url.to_owned(), otlp, last })
    }
}

impl SpanExporter for ToCollector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.otlp.export(batch).await;
        match self.last.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(untaken) => Err(OTelSdkError::InternalFailure(format!("{}: {untaken}", self.url))),
            None => sent,
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.otlp.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}

/// The HTTP client that is here already, on the thread that sends.
#[derive(Debug)]
struct Post {
    agent: Agent,
    last: Last,
}

fn agent(url: &str) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // Another place is another collector: its headers were not meant for that, and a page there takes no spans.
        .max_redirects(0)
        // A collector is near: a proxy to the outside cannot reach it.
        .proxy(None)
        .tls_config(Server::without_key(url).tls_config())
        .user_agent(concat!("annuli/", env!("CARGO_PKG_VERSION")))
        .timeout_global(Some(SEND_TIMEOUT));
    config.build().new_agent()
}

#[async_trait]
impl HttpClient for Post {
    /// Who sends decides by the status alone whether to send again: what is wrong with the rest of an answer sends nothing twice.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answered = self.agent.run(Request::from_parts(head, &*body)).map(Response::into_parts);
        let (answer, untaken) = match answered {
            Ok((head, body)) => {
                let untaken = check(head.status, body).err();
                (Ok(Response::from_parts(head, Bytes::new())), untaken)
            }
            Err(error) => (Err(error.to_string().into()), Some(Untaken::Unasked(error))),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = untaken;
        answer
    }
}

fn check(status: StatusCode, mut body: Body) -> Result<(), Untaken> {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(Untaken::Unknown(status));
    }
    if !status.is_success() {
        return Err(Untaken::Status(status));
    }
    let said = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    let is_long = matches!(said, Err(ureq::Error::BodyExceedsLimit(_)));
    let said = said.map_err(|error| if is_long { Untaken::NoCollector } else { Untaken::Unread(error) })?;
    // Some are refused within a success. They are not to be sent again, and the others were taken.
    let said = ExportTraceServiceResponse::decode(&*said).map_err(|_| Untaken::NoCollector)?;
    match said.partial_success {
        Some(part) if part.rejected_spans > 0 => {
            let reason = part.error_message.chars().take(REASON_CHARS_MAX).collect();
            Err(Untaken::Refused { spans: part.rejected_spans, reason })
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread;

    /// Sends a message to who answers so, once; any other request is answered with success.
    fn sent_to(status: &str, headers: &str, body: &[u8]) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let answer = |status: &str, headers: &str, body: &[u8]| {
            let head =
                format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
            [head.as_bytes(), body].concat()
        };
        let answers = [answer(status, headers, body), answer("200 OK", "", b"")];
        thread::spawn(move || {
            for (stream, answer) in listener.incoming().zip(answers) {
                let (mut stream, mut length) = (stream.unwrap(), 0);
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                for line in reader.by_ref().lines().map(|line| line.unwrap().to_lowercase()) {
                    match line.strip_prefix("content-length: ") {
                        Some(bytes) => length = bytes.parse().unwrap(),
                        None if line.is_empty() => break,
                        None => {}
                    }
                }
                reader.read_exact(&mut vec![0; length]).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });
        export_to(&url)
    }

    fn export_to(url: &str) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let exporter = ToCollector::at(url).unwrap();
        runtime.block_on(exporter.export(Vec::new())).map_err(|error| error.to_string().replace(url, "URL"))
    }

    #[track_caller]
    fn check_untaken(sent: Result<(), String>, says: &str) {
        let told = sent.unwrap_err();
        assert!(told.starts_with(&format!("Operation failed: URL: {says}")), "{told}");
    }

    fn refusing(spans: i64) -> Vec<u8> {
        let part = ExportTracePartialSuccess { rejected_spans: spans, error_message: "too many".to_owned() };
        ExportTraceServiceResponse { partial_success: Some(part) }.encode_to_vec()
    }

    #[test]
    fn what_a_collector_takes_is_sent() {
        assert_eq!(sent_to("200 OK", "", b""), Ok(()));
        // A warning.
        assert_eq!(sent_to("200 OK", "", &refusing(0)), Ok(()));
    }

    /// It was sent up to four times, and called one that cannot be asked.
    #[test]
    fn who_says_more_than_a_collector_does_is_judged_by_its_status_and_asked_once() {
        let page = vec![b' '; usize::try_from(ANSWER_BYTES_MAX).unwrap() + 1];
        check_untaken(sent_to("403 Forbidden", "", &page), "it does not let this process in (status 403 Forbidden)");
        check_untaken(sent_to("200 OK", "", &page), "what it answers is no collector's answer; spans go by");
        check_untaken(sent_to("200 OK", "transfer-encoding: chunked\r\n", b"5\r\nab"), "its answer cannot be read: ");
    }

    #[test]
    fn what_it_does_not_take_is_told_with_its_cause() {
        check_untaken(sent_to("200 OK", "", &refusing(3)), "it refuses 3 spans of a message: too many");
        check_untaken(
            sent_to("200 OK", "", b"<html>hello</html>"),
            "what it answers is no collector's answer; spans go by",
        );
        check_untaken(sent_to("404 Not Found", "", b""), "it answers with status 404 Not Found; spans go by");
        check_untaken(sent_to("403 Forbidden", "", b""), "it does not let this process in (status 403 Forbidden)");
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        check_untaken(export_to(&format!("http://{nobody}/v1/traces")), "it cannot be asked: ");
    }

    /// A POST that is sent elsewhere becomes a GET, and any page answers that with success.
    #[test]
    fn who_sends_spans_elsewhere_has_not_taken_them() {
        let elsewhere = sent_to("302 Found", "location: /page\r\n", b"");
        check_untaken(elsewhere, "it answers with status 302 Found");
    }
}
