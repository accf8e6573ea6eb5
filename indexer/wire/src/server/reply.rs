//! Answers and failures as responses: a head and a body in one piece, so that they are sent by one write.

use crate::{failure, header};
use annuli_api::Failure;
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// The body of a response. It holds the call's place until the connection has taken it.
pub(super) struct Reply {
    body: Full<Bytes>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The answer of a shard.
pub(super) fn message(answer: Bytes, place: OwnedSemaphorePermit) -> Response<Reply> {
    let mut response = Response::new(Reply { body: Full::new(answer), _place: Some(place) });
    response.headers_mut().insert(CONTENT_TYPE, header::MESSAGE);
    response
}

/// A page of text, in the form that Prometheus reads as well.
pub(super) fn text(status: StatusCode, text: String) -> Response<Reply> {
    let mut response = Response::new(Reply { body: Full::from(text), _place: None });
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(prometheus::TEXT_FORMAT));
    response
}

/// A failure.
pub(super) fn failure(status: u16, failed: Failure, place: Option<OwnedSemaphorePermit>) -> Response<Reply> {
    let mut response = Response::new(Reply { body: Full::from(failure::write(failed)), _place: place });
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, header::JSON);
    response
}
