//! Reading a request's body: its size, its time.

use annuli_api::{ErrorCode, Failure};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use std::time::{Duration, Instant};

/// Time for a peer to send a body, whatever time the call has. A peer that is slower holds a place that others wait for.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// Most bytes of a refused body that are read: a peer that sends more than this for nothing loses its connection.
const FORGOTTEN_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Longest time that this may take.
const FORGET_TIMEOUT: Duration = Duration::from_secs(10);

/// The body, whole.
pub(super) async fn read(body: Incoming, bytes_max: usize, deadline: Instant) -> Result<Bytes, Failure> {
    let whole = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect());
    match tokio::time::timeout_at(deadline.into(), whole).await {
        Ok(Ok(Ok(body))) => Ok(body.to_bytes()),
        Ok(Ok(Err(error))) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
        Ok(Ok(Err(error))) => {
            Err(Failure::new(ErrorCode::InvalidRequest, format_args!("the request did not arrive whole: {error}")))
        }
        Ok(Err(_)) => {
            let seconds = BODY_TIMEOUT.as_secs();
            let message = format!("the request did not arrive within {seconds} seconds");
            Err(Failure::new(ErrorCode::DeadlineExceeded, message))
        }
        Err(_) => {
            Err(Failure::new(ErrorCode::DeadlineExceeded, "the deadline passed before the request had arrived whole"))
        }
    }
}

pub(super) fn too_large(bytes_max: usize) -> Failure {
    let message = format!("the request to the shard is larger than {bytes_max} bytes: send smaller batches");
    Failure::new(ErrorCode::BodyTooLarge, message).with("limit", bytes_max)
}

/// Reads what nobody wants, within bounds. If the connection ended instead, a peer that is still sending would never
/// read why it was refused.
pub(super) fn forget(body: Incoming) {
    if body.is_end_stream() {
        return;
    }
    let mut rest = Limited::new(body, FORGOTTEN_BYTES_MAX);
    tokio::spawn(async move {
        let read = async { while let Some(Ok(_)) = rest.frame().await {} };
        // Either way the peer had its chance.
        let _ = tokio::time::timeout(FORGET_TIMEOUT, read).await;
    });
}
