//! Answers and failures: `{"result", "status", "time"}`.

use annuli_api::{ErrorCode, Failure};
use annuli_router::http::dialect;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use std::time::Instant;

/// An answer of status 200.
pub(crate) struct Said<T> {
    result: T,
    started: Instant,
    bytes_about: usize,
}

/// A failure.
pub(crate) struct Refusal(pub(crate) Failure);

pub(crate) type Reply<T> = Result<Said<T>, Refusal>;

/// An answer of a usual size to what began then.
pub(crate) fn said<T>(started: Instant, result: T) -> Said<T> {
    Said { result, started, bytes_about: 512 }
}

/// An answer of about so many bytes.
pub(crate) fn said_large<T>(started: Instant, result: T, bytes_about: usize) -> Said<T> {
    Said { result, started, bytes_about }
}

/// What was asked for goes on in the background.
pub(crate) fn accepted() -> Response {
    dialect::answer(StatusCode::ACCEPTED, json!({"status": "accepted", "time": 0.0}), 64)
}

#[derive(Serialize)]
struct Envelope<T> {
    result: T,
    status: &'static str,
    time: f64,
}

impl<T: Serialize + Send + Sync + 'static> IntoResponse for Said<T> {
    fn into_response(self) -> Response {
        let time = dialect::now().duration_since(self.started).as_secs_f64();
        dialect::answer(StatusCode::OK, Envelope { result: self.result, status: "ok", time }, self.bytes_about)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        dialect::refuse(self.0)
    }
}

/// A failure in Qdrant's words.
pub(crate) fn say(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(status(failure.code)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    dialect::answer(status, json!({"status": {"error": failure.message}, "time": 0.0}), 512)
}

/// Qdrant says 400 of whatever the caller has to mend, and 408 when time has run out.
const fn status(code: ErrorCode) -> u16 {
    match code.status() {
        415 | 422 => 400,
        504 => 408,
        status => status,
    }
}
