//! Which calls are worked on at all: decided by their heads, before a byte of a body is read.

use super::ShardServer;
use crate::call::{InvalidTarget, Target};
use crate::header;
use annuli_api::{Effect, ErrorCode, Failure};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::net::IpAddr;
use std::time::Instant;

/// A call that may be worked on.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) target: Target,
    pub(super) deadline: Instant,
}

/// A call that the shard will not see.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) failure: Failure,
}

impl Refusal {
    /// Under the status of its code.
    pub(super) fn of(failure: Failure) -> Self {
        Self { status: failure.code.status(), failure: failure.with_effect(Effect::None) }
    }

    /// Under a status of its own. Not a failure of the client, who cannot know the peers' secret or release: to it, the
    /// shard is not available.
    fn between_peers(status: StatusCode, message: impl std::fmt::Display) -> Self {
        let failure = Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None);
        Self { status: status.as_u16(), failure }
    }
}

/// Whether the call of this head, from a peer at `address`, may be worked on.
pub(super) fn admit(server: &ShardServer, head: &Parts, address: IpAddr) -> Result<Admitted, Refusal> {
    check_peer(server, &head.headers, address)?;
    if head.method != Method::POST {
        let message = format!("a shard is called by POST, not by {}", head.method);
        return Err(Refusal::of(Failure::new(ErrorCode::MethodNotAllowed, message)));
    }
    let target = Target::of_path(head.uri.path()).map_err(|error| match error {
        InvalidTarget::Version { .. } => Refusal::between_peers(StatusCode::BAD_REQUEST, error),
        InvalidTarget::Path | InvalidTarget::Call => Refusal::of(Failure::new(ErrorCode::NotFound, error)),
    })?;
    let left = head.headers.get(header::DEADLINE_MS).and_then(header::read_time_left).ok_or_else(|| {
        let message = format!("a call has the header `{}`: the milliseconds that it has left", header::DEADLINE_MS);
        Refusal::of(Failure::new(ErrorCode::InvalidRequest, message))
    })?;
    let deadline = tokio::time::Instant::now().into_std() + left;
    check_size(&head.headers, server.settings.request_bytes_max)?;
    Ok(Admitted { target, deadline })
}

/// The peer has to know the secret; where there is none, to be on this machine.
fn check_peer(server: &ShardServer, headers: &HeaderMap, address: IpAddr) -> Result<(), Refusal> {
    let Some(secret) = &server.secret else {
        // A machine may name itself by an IPv4 address inside an IPv6 one.
        if address.to_canonical().is_loopback() {
            return Ok(());
        }
        let message = "this shard has no cluster secret, so it answers only peers on its own machine: configure one";
        return Err(Refusal::between_peers(StatusCode::FORBIDDEN, message));
    };
    if headers.get(header::SECRET).is_some_and(|sent| secret.is(sent)) {
        return Ok(());
    }
    let message = "the cluster secret is missing or not that of this shard: configure the same one on both sides";
    Err(Refusal::between_peers(StatusCode::UNAUTHORIZED, message))
}

fn check_size(headers: &HeaderMap, bytes_max: usize) -> Result<(), Refusal> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    match announced {
        Some(bytes) if bytes > bytes_max => Err(Refusal::of(super::body::too_large(bytes_max))),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::ClusterSecret;
    use crate::server::{ServerSettings, Shards};
    use annuli_api::ShardApi;
    use annuli_core::{Generation, IndexUuid, ShardId};
    use hyper::Request;
    use std::sync::Arc;

    struct NoShards;

    impl Shards for NoShards {
        fn shard(&self, _: IndexUuid, _: ShardId, _: Option<Generation>) -> Result<Arc<dyn ShardApi>, Failure> {
            Err(Failure::new(ErrorCode::IndexNotFound, "there is none"))
        }
    }

    const PATH: &str = "/shard/v1/00000000-0000-0000-0000-000000000007/0/search";

    fn status(secret: Option<&str>, sent: Option<&str>, address: &str) -> Option<u16> {
        let secret = secret.map(|text| ClusterSecret::new(text).unwrap());
        let server = ShardServer::new(Arc::new(NoShards), secret, ServerSettings::default());
        let mut request = Request::post(PATH).header(header::DEADLINE_MS, "1000");
        if let Some(sent) = sent {
            request = request.header(header::SECRET, sent);
        }
        let head = request.body(()).unwrap().into_parts().0;
        admit(&server, &head, address.parse().unwrap()).err().map(|refusal| refusal.status)
    }

    #[test]
    fn without_a_secret_only_this_machine_is_answered() {
        for here in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(status(None, None, here), None, "{here}");
        }
        for elsewhere in ["10.0.0.1", "0.0.0.0", "fe80::1", "::ffff:10.0.0.1"] {
            assert_eq!(status(None, Some("a-secret-of-the-peer"), elsewhere), Some(403), "{elsewhere}");
        }
    }

    #[test]
    fn with_a_secret_who_knows_it_is_answered_wherever_it_is() {
        let secret = Some("a-secret-of-the-cluster");
        assert_eq!(status(secret, secret, "10.0.0.1"), None);
        for address in ["10.0.0.1", "127.0.0.1"] {
            assert_eq!(status(secret, None, address), Some(401));
            assert_eq!(status(secret, Some("a-secret-of-somebody"), address), Some(401));
        }
    }
}
