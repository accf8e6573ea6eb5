//! Answers and failures as HTTP responses. A handler says what; the bytes are written once, by [`write()`], when it is
//! known in which format.

use super::dialect::Refused;
use crate::offload::{LARGE_BYTES, Offload};
use annuli_api::error::FailureBody;
use annuli_api::{ErrorCode, Failure, Format};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;

/// Room for an answer of a usual size.
const BYTES_USUAL: usize = 512;

/// A failed request.
pub struct HttpFailure(pub(super) Failure);

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
        let refused = Refused(self.0.clone());
        let mut response = Answer::new(status, FailureBody { error: self.0 }).into_response();
        // For who counts, and for who says it in another way.
        response.extensions_mut().insert(code);
        response.extensions_mut().insert(refused);
        if code == ErrorCode::Unauthenticated {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"annuli\""));
        }
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
    sized: SizedValue<T>,
}

/// A value, and how to tell about how many bytes it has when it is written, without looking further when they are
/// enough.
struct SizedValue<T> {
    value: T,
    bytes_about: fn(&T, usize) -> usize,
}

impl<T> Answer<T> {
    /// An answer of a usual size.
    pub(super) fn new(status: StatusCode, value: T) -> Self {
        Self { status, sized: SizedValue { value, bytes_about: |_, _| BYTES_USUAL } }
    }
}

impl<T: Serialize + Send + Sync + 'static> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(Unwritten(Arc::new(self.sized)));
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
pub(super) fn ok_large<T>(result: Result<T, Failure>, bytes_about: fn(&T, usize) -> usize) -> Reply<T> {
    Ok(Answer { status: StatusCode::OK, sized: SizedValue { value: result?, bytes_about } })
}

/// An answer of about so many bytes.
pub(super) fn weighed<T: Serialize + Send + Sync + 'static>(
    status: StatusCode,
    value: T,
    bytes_about: usize,
) -> Response {
    let mut response = status.into_response();
    response.extensions_mut().insert(Unwritten(Arc::new(Weighed { value, bytes_about })));
    response
}

/// A value whose size is known before it is written, about.
struct Weighed<T> {
    value: T,
    bytes_about: usize,
}

/// What a response will say.
#[derive(Clone)]
struct Unwritten(Arc<dyn Say>);

trait Say: Send + Sync {
    /// About how many bytes it will be, or at least `enough`.
    fn bytes_about(&self, enough: usize) -> usize;

    fn write(&self, format: Format) -> Result<Vec<u8>, Failure>;
}

impl<T: Serialize + Send + Sync> Say for SizedValue<T> {
    fn bytes_about(&self, enough: usize) -> usize {
        (self.bytes_about)(&self.value, enough)
    }

    fn write(&self, format: Format) -> Result<Vec<u8>, Failure> {
        format.write(&self.value, self.bytes_about(usize::MAX))
    }
}

impl<T: Serialize + Send + Sync> Say for Weighed<T> {
    fn bytes_about(&self, _: usize) -> usize {
        self.bytes_about
    }

    fn write(&self, format: Format) -> Result<Vec<u8>, Failure> {
        format.write(&self.value, self.bytes_about)
    }
}

/// Writes the body of a response that has none yet.
pub(super) async fn write(mut response: Response, format: Format, offload: &Offload) -> Response {
    let Some(Unwritten(value)) = response.extensions_mut().remove() else { return response };
    let written = offload.run(value.bytes_about(LARGE_BYTES), move || value.write(format)).await;
    match written.and_then(|written| written) {
        Ok(bytes) => {
            *response.body_mut() = Body::from(bytes);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
            // Who keeps the answer must not give it to a client that wants it in the other format.
            response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        }
        Err(failure) => {
            tracing::error!(%failure, "an answer cannot be written");
            *response.status_mut() = status_of(failure.code);
            *response.body_mut() = Body::from(failure.message);
        }
    }
    response
}
