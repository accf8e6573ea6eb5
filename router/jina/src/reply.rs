//! Answers and failures, as a gateway of Jina writes them.
//!
//! A client takes no keys that it does not know, neither beside `data` nor in `header`. What else there is to tell
//! stands in `parameters.__results__`.

use crate::shape::{SaidDocument, Shape};
use annuli_api::{ErrorCode, Failure};
use annuli_router::http::dialect;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// What an answer says beside its documents.
pub(crate) struct Heading {
    pub(crate) request_id: String,
    pub(crate) endpoint: String,
    pub(crate) shape: Shape,
}

#[derive(Serialize)]
struct Said {
    header: Json,
    parameters: Json,
    data: Vec<SaidDocument>,
}

/// Documents, and the parameters said back.
pub(crate) fn documents(heading: &Heading, parameters: Json, data: Vec<SaidDocument>) -> Response {
    let bytes_about = 512 + data.iter().map(SaidDocument::bytes_about).sum::<usize>();
    let header = heading.header(&Json::Null);
    dialect::answer(StatusCode::OK, Said { header, parameters, data }, bytes_about)
}

/// A request that was read and failed. The first generation of servers says so under status 200, where its client raises
/// `BadServer`; the second under status 500. What may succeed a moment later is 503 for both: `ConnectionError`.
pub(crate) fn failed(heading: &Heading, parameters: Json, failure: &Failure) -> Response {
    let header = heading.header(&status(failure));
    let mut response = match (may_succeed_later(failure.code), heading.shape) {
        (true, _) => unavailable(failure.code, &header),
        (false, Shape::First) => dialect::answer(StatusCode::OK, Said { header, parameters, data: Vec::new() }, 512),
        (false, Shape::Legacy | Shape::Typed) => {
            dialect::answer(StatusCode::INTERNAL_SERVER_ERROR, json!({"detail": description(failure)}), 512)
        }
    };
    dialect::mark(&mut response, failure.code);
    response
}

/// A request that was not read.
pub(crate) fn say(failure: &Failure) -> Response {
    let status_of = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if may_succeed_later(failure.code) && failure.code != ErrorCode::Overloaded {
        return unavailable(failure.code, &json!({"requestId": "", "status": status(failure)}));
    }
    if matches!(failure.code, ErrorCode::MalformedJson | ErrorCode::InvalidRequest) {
        let detail = json!({"type": "json_invalid", "loc": ["body"], "msg": failure.message});
        return dialect::answer(StatusCode::UNPROCESSABLE_ENTITY, json!({"detail": [detail]}), 512);
    }
    dialect::answer(status_of, json!({"detail": failure.message}), 512)
}

/// `GET /status`: who answers.
pub(crate) async fn about() -> Response {
    let about = json!({"jina": {"annuli": env!("CARGO_PKG_VERSION")}, "envs": {}});
    dialect::answer(StatusCode::OK, about, 128)
}

fn unavailable(code: ErrorCode, header: &Json) -> Response {
    let status = if code == ErrorCode::DeadlineExceeded { 504 } else { 503 };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = dialect::answer(status, json!({ "header": header }), 512);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn may_succeed_later(code: ErrorCode) -> bool {
    code.is_transient() || matches!(code, ErrorCode::DeadlineExceeded | ErrorCode::IndexUnavailable)
}

/// A failure as the exception of an executor.
fn status(failure: &Failure) -> Json {
    let exception = json!({
        "name": exception(failure.code),
        "args": [failure.message],
        "stacks": [],
        "executor": "annuli",
    });
    json!({"code": 1, "description": description(failure), "exception": exception})
}

fn description(failure: &Failure) -> String {
    format!("{}('{}')", exception(failure.code), failure.message)
}

/// What a program in Python would have raised.
const fn exception(code: ErrorCode) -> &'static str {
    if code.status() < 500 { "ValueError" } else { "RuntimeError" }
}

impl Heading {
    fn header(&self, status: &Json) -> Json {
        json!({
            "requestId": self.request_id,
            "status": status,
            "execEndpoint": self.endpoint,
            "targetExecutor": "",
        })
    }
}
