//! A connection to a peer, and one call over it at a time.
//!
//! It is driven by the call that uses it, in the same task, and rests undriven between calls: no other task has to be
//! woken for a call, and a call that is dropped takes its connection with it, by which the peer knows that nobody waits.

use crate::call::Call;
use crate::limits::FAILURE_BYTES_MAX;
use crate::transport::Stream;
use annuli_api::Effect;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// A connection that is open, as far as one knows.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once the connection has ended.
    driver: Option<http1::Connection<Stream, Full<Bytes>>>,
}

/// What a peer said.
#[derive(Debug)]
pub(super) enum Heard {
    /// The answer of a shard.
    Answer(Bytes),
    /// Why there is none.
    Failure {
        /// Under which status.
        status: StatusCode,
        /// In JSON.
        bytes: Bytes,
    },
}

/// Why nothing, or not all, was heard.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    /// The peer cannot have the call.
    #[error("the connection was closed before the call was sent: {0}")]
    NotSent(hyper::Error),
    /// The peer may have the call.
    #[error("the connection was closed before an answer came: {0}")]
    Unanswered(hyper::Error),
    /// The peer had begun to answer.
    #[error("the connection was closed before the answer was there whole: {0}")]
    Torn(Box<dyn std::error::Error + Send + Sync>),
    /// The peer says more than it may.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The most that is read.
        limit: usize,
    },
}

impl Lost {
    /// Returns whether another connection may carry the call, if this one had been resting.
    pub(super) fn may_be_sent_again(&self, call: Call) -> bool {
        match self {
            Self::NotSent(_) => true,
            Self::Unanswered(_) => call.effect() == Effect::None,
            Self::Torn(_) | Self::TooLarge { .. } => false,
        }
    }
}

impl Connection {
    pub(super) async fn over(stream: Stream) -> hyper::Result<Self> {
        let (sender, driver) = http1::handshake(stream).await?;
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Sends a request and hears what the peer says, at most so many bytes of it.
    pub(super) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        answer_bytes_max: usize,
    ) -> Result<Heard, Lost> {
        let Self { sender, driver } = self;
        let mut conversation = pin!(converse(sender, request, answer_bytes_max));
        poll_fn(|context| {
            // It may hold what the peer has said, or know that the peer is gone: before anything is sent over it.
            drive(driver, context);
            if let Poll::Ready(heard) = conversation.as_mut().poll(context) {
                // The last turn lets the connection come to rest.
                drive(driver, context);
                return Poll::Ready(heard);
            }
            drive(driver, context);
            conversation.as_mut().poll(context)
        })
        .await
    }

    /// Returns whether another call may go over it.
    pub(super) fn is_reusable(&self) -> bool {
        self.driver.is_some() && self.sender.is_ready()
    }
}

fn drive(driver: &mut Option<http1::Connection<Stream, Full<Bytes>>>, context: &mut Context<'_>) {
    // How it ended, the conversation hears too.
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready()) {
        *driver = None;
    }
}

async fn converse(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    answer_bytes_max: usize,
) -> Result<Heard, Lost> {
    sender.ready().await.map_err(Lost::NotSent)?;
    let response = sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
        Some(_) => Lost::NotSent(error.into_error()),
        None => Lost::Unanswered(error.into_error()),
    })?;
    let status = response.status();
    let limit = if status == StatusCode::OK { answer_bytes_max } else { FAILURE_BYTES_MAX };
    let bytes = match Limited::new(response.into_body(), limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(Lost::TooLarge { limit }),
        Err(error) => return Err(Lost::Torn(error)),
    };
    Ok(if status == StatusCode::OK { Heard::Answer(bytes) } else { Heard::Failure { status, bytes } })
}
