//! Failures and answers as HTTP responses.

use annuli_api::error::FailureBody;
use annuli_api::{ErrorCode, Failure};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A failed request.
pub(super) struct HttpFailure(pub(super) Failure);

impl From<Failure> for HttpFailure {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl IntoResponse for HttpFailure {
    fn into_response(self) -> Response {
        let code = self.0.code;
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::warn!(%code, message = %self.0.message, "a request failed");
        }
        let mut response = json(status, &FailureBody { error: self.0 });
        if code.is_transient() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// An answer.
pub(super) struct Answer<T>(pub(super) StatusCode, pub(super) T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(self.0, &self.1)
    }
}

/// An answer of status 200, or a failure.
pub(super) type Reply<T> = Result<Answer<T>, HttpFailure>;

/// Status 200.
pub(super) fn ok<T, E: Into<HttpFailure>>(result: Result<T, E>) -> Reply<T> {
    result.map(|answer| Answer(StatusCode::OK, answer)).map_err(Into::into)
}

fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            // A line of its own in a terminal.
            bytes.push(b'\n');
            (status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
        }
        Err(error) => {
            let failure = Failure::new(ErrorCode::Internal, format_args!("the answer cannot be written: {error}"));
            tracing::error!(%failure, "an answer cannot be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, failure.message).into_response()
        }
    }
}
