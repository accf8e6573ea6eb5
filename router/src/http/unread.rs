//! Bodies that nobody read to their end.
//!
//! A request that is refused early leaves its body unread. If the connection then ended, a client that is still
//! sending would never read why; so the rest is read and forgotten, within bounds.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Most bytes of a refused body that are read: a client that sends more than this for nothing loses its connection.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest time that this may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of a stranger's body that are read: a client that has forgotten its key should hear so, and nobody else is
/// worth more.
const STRANGER_BYTES_MAX: usize = 1024 * 1024;

/// Longest time for that.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(2);

/// A body whose rest is read when it is dropped.
pub(super) struct ReadToEnd(Body);

impl ReadToEnd {
    /// Wraps the body of a request.
    pub(super) fn wrap(body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(Self(body)) }
    }
}

impl HttpBody for ReadToEnd {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for ReadToEnd {
    fn drop(&mut self) {
        if self.0.is_end_stream() {
            return;
        }
        forget(std::mem::take(&mut self.0), BYTES_MAX, TIMEOUT);
    }
}

/// Reads what a client without a key has sent already, so that it hears why it is refused.
pub(super) fn hear_a_stranger(body: Body) {
    if !body.is_end_stream() {
        forget(body, STRANGER_BYTES_MAX, STRANGER_TIMEOUT);
    }
}

fn forget(rest: Body, bytes_max: usize, timeout: Duration) {
    // Without a runtime the process ends, and every connection with it.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let mut rest = Limited::new(rest, bytes_max);
    runtime.spawn(async move {
        let read = async { while let Some(Ok(_)) = rest.frame().await {} };
        // Either way the client had its chance.
        let _ = tokio::time::timeout(timeout, read).await;
    });
}
