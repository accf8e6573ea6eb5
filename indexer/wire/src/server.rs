//! Answers the calls of peers from the shards of this process.

mod admission;
mod body;
mod meters;
mod reply;
mod watch;
mod work;

pub use meters::CallMeters;
pub use watch::Watched;

use crate::beside::Beside;
use crate::call::Target;
use crate::limits::{ANSWER_BYTES_MAX, CONCURRENT_CALLS_MAX, CONNECTIONS_MAX, REQUEST_BYTES_MAX};
use crate::secret::ClusterSecret;
use crate::transport;
use admission::{Admitted, Refusal};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_core::{Generation, IndexUuid, ShardId};
use annuli_traces::{Span, Traces};
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;
use meters::Outcome;
use reply::Reply;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use watch::Page;

/// Time for a peer to send the head of a call, and the longest that a connection stays open between two. Peers close
/// theirs earlier.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause after the operating system gave no connection, most often because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The shards that this process has.
pub trait Shards: Send + Sync {
    /// The shard of that index: that generation of it, or, without one, the primary's.
    ///
    /// # Errors
    /// When it is not here, or cannot be served.
    fn shard(
        &self,
        index: IndexUuid,
        shard: ShardId,
        generation: Option<Generation>,
    ) -> Result<Arc<dyn ShardApi>, Failure>;
}

/// Bounds of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSettings {
    /// Largest request, in bytes.
    pub request_bytes_max: usize,
    /// Largest answer, in bytes.
    pub answer_bytes_max: usize,
    /// Most calls at once; more are refused, to be sent again in a moment.
    pub concurrent_calls_max: usize,
    /// Most connections at once; more wait to be accepted.
    pub connections_max: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            request_bytes_max: REQUEST_BYTES_MAX,
            answer_bytes_max: ANSWER_BYTES_MAX,
            concurrent_calls_max: CONCURRENT_CALLS_MAX,
            connections_max: CONNECTIONS_MAX,
        }
    }
}

/// The shards of this process, for peers that know the secret.
pub struct ShardServer {
    shards: Arc<dyn Shards>,
    secret: Option<ClusterSecret>,
    settings: ServerSettings,
    calls: Arc<Semaphore>,
    beside: Beside,
    /// What watchers are told; without it, there are no pages for them.
    watched: Option<Arc<dyn Watched>>,
    meters: CallMeters,
    /// Who begins the spans of calls that are traced; without it, none is.
    traces: Option<Traces>,
}

impl ShardServer {
    /// A server of `shards`. Without a secret it answers only peers on this machine.
    pub fn new(shards: Arc<dyn Shards>, secret: Option<ClusterSecret>, settings: ServerSettings) -> Arc<Self> {
        Arc::new(Self::of(shards, secret, settings))
    }

    /// The same, with pages for those who watch over the process: they need no secret. Calls that are traced get spans
    /// here too, if there is who begins them.
    pub fn watched(
        shards: Arc<dyn Shards>,
        secret: Option<ClusterSecret>,
        settings: ServerSettings,
        watched: Arc<dyn Watched>,
        meters: CallMeters,
        traces: Option<Traces>,
    ) -> Arc<Self> {
        Arc::new(Self { watched: Some(watched), meters, traces, ..Self::of(shards, secret, settings) })
    }

    fn of(shards: Arc<dyn Shards>, secret: Option<ClusterSecret>, settings: ServerSettings) -> Self {
        let calls = Arc::new(Semaphore::new(settings.concurrent_calls_max));
        let meters = CallMeters::default();
        Self { shards, secret, settings, calls, beside: Beside::new(), watched: None, meters, traces: None }
    }

    /// Answers one request of a peer at `address`.
    async fn answer(self: Arc<Self>, request: Request<Incoming>, address: IpAddr) -> Response<Reply> {
        let (head, body) = request.into_parts();
        if let (Some(watched), Some(page)) = (&self.watched, Page::of(&head)) {
            body::forget(body);
            return page.answer(&**watched).await;
        }
        let admitted = match admission::admit(&self, &head, address) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                body::forget(body);
                self.meters.refused();
                return refused(refusal, address);
            }
        };
        let (target, place) = (admitted.target, self.place());
        let Ok(place) = place else {
            body::forget(body);
            self.meters.refused();
            let message = "too many calls at once: wait a moment";
            return refused(Refusal::of(Failure::new(ErrorCode::Overloaded, message)), address);
        };
        let underway = self.meters.begin(target.call);
        let span = self.span(&head.headers, target);
        let carried_out = span.around(self.carry_out(admitted, body), Stopped::tell).await;
        underway.end(if carried_out.is_ok() { Outcome::Answered } else { Outcome::Failed });
        match carried_out {
            Ok(answer) => reply::message(answer, place),
            Err(Stopped::Refused(refusal)) => refused(refusal, address),
            Err(Stopped::Failed(failure)) => {
                tracing::debug!(%address, path = %target, code = %failure.code, message = %failure.message, "a call failed");
                reply::failure(failure.code.status(), failure, Some(place))
            }
        }
    }

    /// What the call is in the trace of its caller, if there is one: from its head to its answer.
    fn span(&self, headers: &HeaderMap, target: Target) -> Span {
        let Some(traces) = &self.traces else { return Span::NONE };
        let span = traces.go_on(headers, target.call.name());
        span.set("annuli.shard", i64::from(target.shard.0));
        span
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, tokio::sync::TryAcquireError> {
        Arc::clone(&self.calls).try_acquire_owned()
    }

    /// Reads the request and lets the shard work on it, until the deadline.
    async fn carry_out(&self, admitted: Admitted, body: Incoming) -> Result<Bytes, Stopped> {
        let Admitted { target, deadline } = admitted;
        let body = body::read(body, self.settings.request_bytes_max, deadline).await.map_err(Refusal::of)?;
        let shard = self.shards.shard(target.index, target.shard, target.generation);
        let shard = shard.map_err(|failure| Stopped::Failed(failure.with_effect(Effect::None)))?;
        let worked = work::work(target.call, shard, body, deadline, &self.beside);
        let Ok(answer) = tokio::time::timeout_at(deadline.into(), worked).await else {
            let message = format!("shard {} had no answer before the deadline", target.shard);
            let failure = Failure::new(ErrorCode::DeadlineExceeded, message).with_effect(target.call.effect());
            return Err(Stopped::Failed(failure));
        };
        let (answer, bytes_max) = (answer?, self.settings.answer_bytes_max);
        if answer.len() > bytes_max {
            let message = format!(
                "the answer of shard {} has {} bytes, the limit is {bytes_max}: ask for less",
                target.shard,
                answer.len()
            );
            return Err(Stopped::Failed(Failure::new(ErrorCode::LimitExceeded, message).with("limit", bytes_max)));
        }
        Ok(answer)
    }
}

/// Why a call has no answer.
enum Stopped {
    /// The shard has not seen it.
    Refused(Refusal),
    /// The shard failed.
    Failed(Failure),
}

impl Stopped {
    /// Tells a call's span what came of it.
    fn tell(span: &Span, carried_out: &Result<Bytes, Self>) {
        match carried_out {
            Ok(_) => {}
            Err(Self::Refused(Refusal { failure, .. }) | Self::Failed(failure)) => span.fail(failure.code),
        }
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn refused(refusal: Refusal, address: IpAddr) -> Response<Reply> {
    let Refusal { status, failure } = refusal;
    // Peers of another secret or release are set up wrongly, and only an operator can help them.
    if failure.code == ErrorCode::ShardUnavailable {
        tracing::warn!(%address, message = %failure.message, "a peer was refused");
    } else {
        tracing::debug!(%address, code = %failure.code, message = %failure.message, "a call was refused");
    }
    reply::failure(status, failure, None)
}

/// Serves peers on `listener` until it is told to end; then no connection is taken, and calls under way have `drain` to
/// get their answers. Connections are dropped with this future.
pub async fn serve(listener: TcpListener, server: Arc<ShardServer>, told: impl Future<Output = ()>, drain: Duration) {
    let places = Arc::new(Semaphore::new(server.settings.connections_max));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut told = pin!(told);
    loop {
        tokio::select! {
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, peer, place)) => {
                    let connection = connect(stream, peer.ip(), Arc::clone(&server));
                    let connection = graceful.watch(connection);
                    connections.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%peer, %error, "a connection ended early");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = &mut told => break,
        }
    }
    drop(listener);
    // What has no answer by then is cut off; its caller is told so by the connection's end.
    let _ = tokio::time::timeout(drain, graceful.shutdown()).await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

/// A connection that answers one call after the other. When the peer leaves, what is under way is dropped.
fn connect(
    stream: TcpStream,
    address: IpAddr,
    server: Arc<ShardServer>,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    let answer = move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, Infallible>(server.answer(request, address).await) }
    };
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(transport::accepted(stream), service_fn(answer))
}
