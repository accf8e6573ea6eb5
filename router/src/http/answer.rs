//! Answers and failures as HTTP responses. A handler says what; the bytes are written once, by [`write()`], when it is
//! known in which format.

use crate::offload::Offload;
use annuli_api::error::FailureBody;
use annuli_api::{ErrorCode, Failure, Format};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

/// Room for an answer of a usual size.
const BYTES_USUAL: usize = 512;

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
        let status = status_of(code);
        if status.is_server_error() {
            tracing::warn!(%code, message = %self.0.message, "a request failed");
        }
        let mut response = Answer::new(status, FailureBody { error: self.0 }).into_response();
        if code.is_transient() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn status_of(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer.
pub(super) struct Answer<T> {
    status: StatusCode,
    value: T,
    bytes_about: usize,
}

impl<T> Answer<T> {
    /// An answer of a usual size.
    pub(super) fn new(status: StatusCode, value: T) -> Self {
        Self { status, value, bytes_about: BYTES_USUAL }
    }
}

impl<T: Serialize + Send + Sync + 'static> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let unwritten = Unwritten { value: Arc::new(self.value), bytes_about: self.bytes_about };
        response.extensions_mut().insert(unwritten);
        response
    }
}

/// An answer of status 200, or a failure.
pub(super) type Reply<T> = Result<Answer<T>, HttpFailure>;

/// Status 200.
pub(super) fn ok<T, E: Into<HttpFailure>>(result: Result<T, E>) -> Reply<T> {
    result.map(|value| Answer::new(StatusCode::OK, value)).map_err(Into::into)
}

/// Status 200 with an answer that may be large.
pub(super) fn ok_large<T>(result: Result<T, Failure>, bytes_about: impl FnOnce(&T) -> usize) -> Reply<T> {
    let value = result?;
    Ok(Answer { status: StatusCode::OK, bytes_about: bytes_about(&value), value })
}

/// What a response will say.
#[derive(Clone)]
struct Unwritten {
    value: Arc<dyn Say>,
    bytes_about: usize,
}

trait Say: Send + Sync {
    fn write(&self, format: Format, bytes_about: usize) -> Result<Vec<u8>, Failure>;
}

impl<T: Serialize + Send + Sync> Say for T {
    fn write(&self, format: Format, bytes_about: usize) -> Result<Vec<u8>, Failure> {
        format.write(self, bytes_about)
    }
}

/// Writes the body of a response that has none yet.
pub(super) async fn write(mut response: Response, format: Format, offload: &Offload) -> Response {
    let Some(Unwritten { value, bytes_about }) = response.extensions_mut().remove() else { return response };
    let written = offload.run(bytes_about, move || value.write(format, bytes_about)).await;
    match written.and_then(|written| written) {
        Ok(bytes) => {
            *response.body_mut() = Body::from(bytes);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        }
        Err(failure) => {
            tracing::error!(%failure, "an answer cannot be written");
            *response.status_mut() = status_of(failure.code);
            *response.body_mut() = Body::from(failure.message);
        }
    }
    response
}
