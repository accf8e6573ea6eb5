//! Another process that has shards: its address, and connections to it.

mod connection;
mod failing;
mod resting;

use crate::beside::Beside;
use crate::call::Target;
use crate::header;
use crate::limits::{ANSWER_BYTES_MAX, CONNECTIONS_PER_PEER_MAX};
use crate::secret::ClusterSecret;
use crate::transport;
use connection::{Connection, Heard, Lost};
pub(crate) use failing::{Asked, CallFailed};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use resting::Resting;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Time for a connection to be made: within a cluster it takes a millisecond, and another replica may be waiting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Bounds of what this process does to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerSettings {
    /// Time for a connection to be made.
    pub connect_timeout: Duration,
    /// Most connections, and so calls at once; more wait for one of them.
    pub connections_max: usize,
    /// Largest answer that is read, in bytes.
    pub answer_bytes_max: usize,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            connect_timeout: CONNECT_TIMEOUT,
            connections_max: CONNECTIONS_PER_PEER_MAX,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
    }
}

/// Another process, as all shards that live there share it.
pub struct Peer {
    address: Box<str>,
    host: HeaderValue,
    secret: Option<ClusterSecret>,
    settings: PeerSettings,
    connections: Semaphore,
    resting: Resting,
    pub(crate) beside: Beside,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is no address of a peer: it has the form `host:port`")]
pub struct InvalidAddress {
    address: String,
}

impl Peer {
    /// The process at `address` (`host:port`); nothing is connected yet.
    ///
    /// # Errors
    /// When the address is of another form.
    pub fn new(
        address: &str,
        secret: Option<ClusterSecret>,
        settings: PeerSettings,
    ) -> Result<Arc<Self>, InvalidAddress> {
        let invalid = || InvalidAddress { address: address.chars().take(256).collect() };
        let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        if host.is_empty() || !is_port || !address.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid());
        }
        Ok(Arc::new(Self {
            address: address.into(),
            host: HeaderValue::from_str(address).map_err(|_| invalid())?,
            secret,
            settings,
            connections: Semaphore::new(settings.connections_max),
            resting: Resting::new(settings.connections_max),
            beside: Beside::new(),
        }))
    }

    /// Where the process is.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends a call and waits for its answer. A call is sent again, once, when a connection that had been resting turns
    /// out to have been closed by the peer: always when nothing of it was sent; if it changes nothing, also when it was
    /// sent and nothing came back.
    pub(crate) async fn ask(&self, target: Target, body: Bytes, deadline: Instant) -> Result<Bytes, CallFailed> {
        let asked = Asked { address: &self.address, call: target.call };
        // A connection is not spent on a call that nobody waits for.
        if now() >= deadline {
            return Err(asked.never_sent_in_time());
        }
        let place = tokio::time::timeout_at(deadline.into(), self.connections.acquire()).await;
        let Ok(_place) = place else { return Err(asked.never_sent_in_time()) };
        if let Some(mut rested) = self.resting.take() {
            match self.exchange(&mut rested, target, body.clone(), deadline).await? {
                Ok(heard) => return self.heard(rested, heard, asked),
                Err(lost) if lost.may_be_sent_again(target.call) => self.resting.clear(),
                Err(lost) => return Err(asked.lost(&lost)),
            }
        }
        let mut fresh = self.connect(asked, deadline).await?;
        match self.exchange(&mut fresh, target, body, deadline).await? {
            Ok(heard) => self.heard(fresh, heard, asked),
            Err(lost) => Err(asked.lost(&lost)),
        }
    }

    async fn connect(&self, asked: Asked<'_>, deadline: Instant) -> Result<Connection, CallFailed> {
        let at_once = tokio::time::Instant::now() + self.settings.connect_timeout;
        let stream = tokio::time::timeout_at(at_once.min(deadline.into()), transport::reach(&self.address)).await;
        match stream {
            Ok(Ok(stream)) => Connection::over(stream).await.map_err(|error| asked.unreachable(&error)),
            Ok(Err(error)) => Err(asked.unreachable(&error)),
            Err(_) if now() >= deadline => Err(asked.never_sent_in_time()),
            Err(_) => Err(asked.unreachable(&"it did not take the connection in time")),
        }
    }

    /// Sends the call over `connection`; the outer failure is the deadline's.
    async fn exchange(
        &self,
        connection: &mut Connection,
        target: Target,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Result<Heard, Lost>, CallFailed> {
        let asked = Asked { address: &self.address, call: target.call };
        let left = deadline.saturating_duration_since(now());
        if left.is_zero() {
            return Err(asked.never_sent_in_time());
        }
        let request = self.request(target, body, left);
        let exchanged = connection.exchange(request, self.settings.answer_bytes_max);
        tokio::time::timeout_at(deadline.into(), exchanged).await.map_err(|_| asked.unanswered_in_time())
    }

    fn request(&self, target: Target, body: Bytes, left: Duration) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = target.to_string().parse().expect("a path of numbers and names");
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(CONTENT_TYPE, header::MESSAGE);
        headers.insert(header::DEADLINE_MS, header::time_left(left));
        if let Some(secret) = &self.secret {
            headers.insert(header::SECRET, secret.header().clone());
        }
        annuli_traces::hand_over(headers);
        request
    }

    fn heard(&self, connection: Connection, heard: Heard, asked: Asked<'_>) -> Result<Bytes, CallFailed> {
        if connection.is_reusable() {
            self.resting.keep(connection);
        }
        match heard {
            Heard::Answer(bytes) => Ok(bytes),
            Heard::Failure { status, bytes } => Err(asked.failed(status, &bytes)),
        }
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for address in ["127.0.0.1:7701", "[::1]:7701", "shard-0.annuli.svc:7701"] {
            assert_eq!(Peer::new(address, None, PeerSettings::default()).unwrap().address(), address);
        }
        for address in ["", "7701", "host", ":7701", "host:", "host:0", "host:99999", "ho st:1", "h\n:1", "höst:1"] {
            assert!(Peer::new(address, None, PeerSettings::default()).is_err(), "{address:?}");
        }
    }
}
