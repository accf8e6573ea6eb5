//! Reading a request's body: its type, its size, its time, its JSON.

use super::failure::HttpFailure;
use crate::Router;
use annuli_api::{ErrorCode, Failure};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::sync::Arc;
use std::time::Duration;

/// Time for a client to send a body. A client that is slower holds a place that others wait for.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// A body of JSON.
pub(super) struct Json<T>(pub(super) T);

/// A body of JSON; no body at all is an empty object.
pub(super) struct OptionalJson<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Router>> for Json<T> {
    type Rejection = HttpFailure;

    async fn from_request(request: Request, router: &Arc<Router>) -> Result<Self, HttpFailure> {
        check_type(request.headers())?;
        let bytes = read(request, router.limits.body_bytes_max).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Router>> for OptionalJson<T> {
    type Rejection = HttpFailure;

    async fn from_request(request: Request, router: &Arc<Router>) -> Result<Self, HttpFailure> {
        let typed = check_type(request.headers());
        let bytes = read(request, router.limits.body_bytes_max).await?;
        if bytes.is_empty() {
            return Ok(Self(parse(b"{}")?));
        }
        typed?;
        Ok(Self(parse(&bytes)?))
    }
}

/// Only a body that says it is JSON is read: a page in a browser can send others to this machine unasked.
fn check_type(headers: &HeaderMap) -> Result<(), Failure> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let got = if essence.is_empty() { "no content type".to_owned() } else { format!("`{essence}`") };
    Err(Failure::new(
        ErrorCode::UnsupportedMediaType,
        format_args!("the body has {got}: send it with the header `content-type: application/json`"),
    ))
}

async fn read(request: Request<Body>, bytes_max: usize) -> Result<Vec<u8>, Failure> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    let body = Limited::new(request.into_body(), bytes_max).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
        Ok(Err(error)) => {
            Err(Failure::new(ErrorCode::InvalidRequest, format_args!("the body did not arrive whole: {error}")))
        }
        Err(_) => Err(Failure::new(
            ErrorCode::DeadlineExceeded,
            format_args!("the body did not arrive within {} seconds", BODY_TIMEOUT.as_secs()),
        )),
    }
}

fn too_large(bytes_max: usize) -> Failure {
    Failure::new(
        ErrorCode::BodyTooLarge,
        format_args!("the body is larger than {bytes_max} bytes: send smaller batches, or vectors as base64"),
    )
    .with("limit", bytes_max)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        // A number that no float holds is JSON all the same, and so is what is nested deeper than anyone would.
        let text = error.to_string();
        let is_json = text.starts_with("number out of range") || text.starts_with("recursion limit exceeded");
        match error.classify() {
            Category::Syntax | Category::Eof | Category::Io if !is_json => {
                Failure::new(ErrorCode::MalformedJson, format_args!("the body is not JSON: {error}"))
            }
            Category::Syntax | Category::Eof | Category::Io | Category::Data => {
                Failure::new(ErrorCode::InvalidRequest, error)
            }
        }
    })
}
