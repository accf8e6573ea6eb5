//! Reading a request's body: its type, its size, its time, its value.

use super::answer::HttpFailure;
use super::pace::{Pace, TooSlow};
use crate::{Arrival, Router};
use annuli_api::{ErrorCode, Failure, Format};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// A body of JSON or MessagePack, and how it came.
pub(super) struct Content<T>(pub(super) T, pub(super) Arrival);

/// The same; no body at all is an empty object.
pub(super) struct OptionalContent<T>(pub(super) T, pub(super) Arrival);

/// The body of a request that has nothing to say: `{}`. It must be there all the same: a page in a browser cannot send it
/// unasked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl<T: DeserializeOwned + Send + 'static> FromRequest<Arc<Router>> for Content<T> {
    type Rejection = HttpFailure;

    async fn from_request(request: Request, router: &Arc<Router>) -> Result<Self, HttpFailure> {
        let format = format(request.headers())?;
        let bytes = read(request, router.limits.body_bytes_max).await?;
        let arrived = Arrival { at: super::now(), bytes: bytes.len() };
        Ok(Self(parse(router, arrived, format, bytes).await?, arrived))
    }
}

impl<T: DeserializeOwned + Send + 'static> FromRequest<Arc<Router>> for OptionalContent<T> {
    type Rejection = HttpFailure;

    async fn from_request(request: Request, router: &Arc<Router>) -> Result<Self, HttpFailure> {
        let format = format(request.headers());
        let bytes = read(request, router.limits.body_bytes_max).await?;
        let arrived = Arrival { at: super::now(), bytes: bytes.len() };
        if bytes.is_empty() {
            return Ok(Self(Format::Json.read(b"{}", router.limits.read_bounds())?, arrived));
        }
        let format = format?;
        Ok(Self(parse(router, arrived, format, bytes).await?, arrived))
    }
}

/// The value of a body. How much time the request has is known only when it has been read: the longest, till then.
async fn parse<T: DeserializeOwned + Send + 'static>(
    router: &Router,
    arrived: Arrival,
    format: Format,
    bytes: Bytes,
) -> Result<T, Failure> {
    let deadline = arrived.at + Duration::from_millis(router.limits.timeout_ms_max);
    let bounds = router.limits.read_bounds();
    router.offload.run_by(deadline, arrived.bytes, move || format.read(&bytes, bounds)).await?
}

/// Only a body that says what it is is read: a page in a browser can send others to this machine unasked.
fn format(headers: &HeaderMap) -> Result<Format, Failure> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    Format::of_content_type(essence).ok_or_else(|| {
        let got = if essence.is_empty() { "no content type".to_owned() } else { format!("`{essence}`") };
        let message = format_args!(
            "the body has {got}: send it with the header `content-type: application/json`, or `application/msgpack`"
        );
        Failure::new(ErrorCode::UnsupportedMediaType, message)
    })
}

async fn read(request: Request<Body>, bytes_max: usize) -> Result<Bytes, Failure> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let failed = |why| match why {
        Lost::TooSlow(late) => Failure::new(ErrorCode::DeadlineExceeded, late),
        Lost::Torn(error) if error.is::<LengthLimitError>() => too_large(bytes_max),
        Lost::Torn(error) => {
            Failure::new(ErrorCode::InvalidRequest, format_args!("the body did not arrive whole: {error}"))
        }
    };
    collect(Limited::new(request.into_body(), bytes_max), announced).await.map_err(failed)
}

/// Why a body is not there.
enum Lost {
    TooSlow(TooSlow),
    Torn(axum::BoxError),
}

impl From<TooSlow> for Lost {
    fn from(late: TooSlow) -> Self {
        Self::TooSlow(late)
    }
}

/// The body in one piece. What came in one is not copied; what came in several is copied once, as it comes.
async fn collect(mut body: Limited<Body>, announced: Option<usize>) -> Result<Bytes, Lost> {
    let (mut pieces, mut pace) = (Pieces::default(), Pace::new());
    while let Some(frame) = pace.keep(body.frame()).await? {
        if let Ok(piece) = frame.map_err(Lost::Torn)?.into_data() {
            pace.came(piece.len());
            pieces.push(piece, announced);
        }
    }
    Ok(pieces.whole())
}

#[derive(Default)]
struct Pieces {
    first: Bytes,
    all: Vec<u8>,
}

impl Pieces {
    fn push(&mut self, piece: Bytes, announced: Option<usize>) {
        if self.first.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            // What is announced is below the limit. Memory that nobody writes to costs nothing.
            self.all.reserve(announced.unwrap_or(0));
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
    }

    fn whole(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.into() }
    }
}

fn too_large(bytes_max: usize) -> Failure {
    Failure::new(
        ErrorCode::BodyTooLarge,
        format_args!("the body is larger than {bytes_max} bytes: send smaller batches, or vectors as base64"),
    )
    .with("limit", bytes_max)
}
