//! What a request holds until its answer has been sent, and how long that may take.
//!
//! A place among the requests at once bounds the memory of all of them. An answer takes memory until the client has
//! it: so the place is given back then, and not when the handler is done.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

/// Time for a client to take an answer, from when it first would not take more. The largest answers are some hundred
/// megabytes.
const SEND_TIMEOUT: Duration = Duration::from_secs(120);

/// Places of the answers that a connection is sending.
#[derive(Debug, Clone, Default)]
pub(super) struct Sending(Arc<Mutex<Vec<OwnedSemaphorePermit>>>);

impl Sending {
    /// An answer that gives its place back when it has been sent.
    pub(super) fn hold(&self, place: OwnedSemaphorePermit, answer: Body) -> Body {
        Body::new(HeldBody { answer, place: Some(place), sending: self.clone() })
    }

    fn places(&self) -> std::sync::MutexGuard<'_, Vec<OwnedSemaphorePermit>> {
        // Nobody panics while they push or clear.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The body of an answer, with its place.
struct HeldBody {
    answer: Body,
    place: Option<OwnedSemaphorePermit>,
    sending: Sending,
}

impl HttpBody for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.answer).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        // The body is in the connection's buffer now; its next flush is when it has been sent.
        self.sending.places().extend(self.place.take());
    }
}

/// A connection that gives places back when what it wrote has been sent, and ends when that takes too long.
pub(super) struct SendingIo<Io> {
    io: Io,
    sending: Sending,
    /// Runs from when the client would not take more.
    slow: Option<Pin<Box<Sleep>>>,
}

impl<Io> SendingIo<Io> {
    pub(super) fn new(io: Io, sending: Sending) -> Self {
        Self { io, sending, slow: None }
    }

    /// Bounds what waits for the client: a write, or with TLS, which takes bytes before they are sent, a flush.
    fn in_time<T>(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_pending() {
            let slow = self.slow.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + SEND_TIMEOUT)));
            ready!(slow.as_mut().poll(context));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answer")));
        }
        sent
    }
}

impl<Io: Read + Unpin> Read for SendingIo<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<Io: Write + Unpin> Write for SendingIo<Io> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper calls it when its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        ready!(self.in_time(context, flushed))?;
        self.slow = None;
        self.sending.places().clear();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(context);
        self.in_time(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::Semaphore;

    const ANSWER_BYTES: usize = 1_000_000;

    /// A connection whose one request has a large answer, and the one place that there is.
    fn connect() -> (DuplexStream, impl Future<Output = hyper::Result<()>>, Arc<Semaphore>) {
        let places = Arc::new(Semaphore::new(1));
        let sending = Sending::default();
        let handler = {
            let (places, sending) = (Arc::clone(&places), sending.clone());
            move || async move { sending.hold(places.try_acquire_owned().unwrap(), Body::from("x".repeat(ANSWER_BYTES))) }
        };
        let service = TowerToHyperService::new(axum::Router::new().route("/", get(handler)));
        let (client, server) = duplex(1_000);
        let io = SendingIo::new(TokioIo::new(server), sending);
        (client, hyper::server::conn::http1::Builder::new().serve_connection(io, service), places)
    }

    async fn ask(client: &mut DuplexStream) {
        client.write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        client.read_exact(&mut [0; 100]).await.unwrap();
    }

    #[tokio::test]
    async fn a_place_is_held_until_the_answer_has_been_sent() {
        let (mut client, connection, places) = connect();
        let connection = tokio::spawn(connection);
        ask(&mut client).await;
        assert_eq!(places.available_permits(), 0);
        let mut rest = vec![0; ANSWER_BYTES - 1_000];
        client.read_exact(&mut rest).await.unwrap();
        assert_eq!(places.available_permits(), 0);
        drop(client);
        let _ = connection.await.unwrap();
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn the_place_of_an_answer_that_was_taken_is_free_while_the_connection_goes_on() {
        let (mut client, connection, places) = connect();
        let connection = tokio::spawn(connection);
        for _ in 0..2 {
            ask(&mut client).await;
            let mut taken = 100;
            while taken < ANSWER_BYTES || places.available_permits() == 0 {
                let mut part = [0; 1_000];
                tokio::select! {
                    read = client.read(&mut part) => taken += read.unwrap(),
                    () = tokio::task::yield_now() => {}
                }
            }
        }
        assert!(!connection.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_take_its_answer_loses_its_connection() {
        let (mut client, connection, places) = connect();
        let connection = tokio::spawn(connection);
        ask(&mut client).await;
        let error = connection.await.unwrap().unwrap_err();
        assert!(format!("{error:?}").contains("does not take its answer"), "{error:?}");
        assert_eq!(places.available_permits(), 1);
    }
}
