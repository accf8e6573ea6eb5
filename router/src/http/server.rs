//! Accepts connections until it is told to stop, then lets those that are open finish.
//!
//! Not `axum::serve`: that sets no time for a client to send its headers, so that slow clients would hold connections
//! for ever.

use super::sending::{Sending, SendingIo};
use super::threads::ConnectionThreads;
use super::tls::{HANDSHAKE_TIMEOUT, Tls};
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Time for a client to send the headers of a request, and the longest that a connection stays open between two.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause after the operating system gave no connection, most often because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Time for the last answers to reach their clients, and for connections without a request to be closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every request had its answer.
    Drained,
    /// Some had not when the time was over.
    TimedOut,
}

/// When a server ends.
pub struct End<Told, Idle> {
    /// Done when it is told to.
    pub told: Told,
    /// From then on: done when no request is under way.
    pub idle: Idle,
    /// The longest time from then on.
    pub drain: Duration,
}

/// Where connections come in, and how they speak.
pub struct Port {
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
}

impl Port {
    /// With TLS alone.
    pub fn with_tls(listener: TcpListener, tls: Arc<Tls>) -> Self {
        Self { listener, tls: Some(tls) }
    }
}

/// Without TLS.
impl From<TcpListener> for Port {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None }
    }
}

/// Serves `service` on `port` until it is told to end and no request is under way. Until then connections are
/// taken, so that who asks hears that the process is not ready, instead of nothing. Each connection belongs to one of
/// the `threads`.
pub async fn serve<Told, Idle>(
    port: impl Into<Port>,
    service: axum::Router,
    threads: &ConnectionThreads,
    end: End<Told, Idle>,
) -> Ended
where
    Told: Future<Output = ()>,
    Idle: Future<Output = ()>,
{
    let (port, connections) = (port.into(), GracefulShutdown::new());
    accept_until(end.told, &port, &service, threads, &connections).await;
    let drained = async {
        accept_until(end.idle, &port, &service, threads, &connections).await;
        drop(port);
        // Every request has its answer: what is left are answers that their clients have not taken yet, and connections
        // that ask for nothing. What is not taken in this time is cut off.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, connections.shutdown()).await;
    };
    match tokio::time::timeout(end.drain, drained).await {
        Ok(()) => Ended::Drained,
        Err(_) => Ended::TimedOut,
    }
}

async fn accept_until(
    end: impl Future<Output = ()>,
    port: &Port,
    service: &axum::Router,
    threads: &ConnectionThreads,
    connections: &GracefulShutdown,
) {
    let mut end = pin!(end);
    loop {
        tokio::select! {
            accepted = port.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = connect(stream, port.tls.as_deref(), service.clone(), threads, connections.watcher()) {
                        pause(&error).await;
                    }
                }
                Err(error) => pause(&error).await,
            },
            () = &mut end => return,
        }
    }
}

fn connect(
    stream: TcpStream,
    tls: Option<&Tls>,
    service: axum::Router,
    threads: &ConnectionThreads,
    watcher: Watcher,
) -> io::Result<()> {
    // Else an answer may wait 40 ms for the client's acknowledgement. A connection that is closed already ends below.
    let _ = stream.set_nodelay(true);
    let stream = stream.into_std()?;
    let thread = threads.least_busy();
    let _its_runtime = thread.enter();
    let stream = TcpStream::from_std(stream)?;
    match tls.map(Tls::acceptor) {
        None => thread.spawn(converse(stream, service, watcher)),
        Some(acceptor) => thread.spawn(agree(acceptor, stream, service, watcher)),
    }
    Ok(())
}

/// Agrees on keys with a client, then answers its requests.
async fn agree<Io>(acceptor: TlsAcceptor, stream: Io, service: axum::Router, watcher: Watcher)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => converse(stream, service, watcher).await,
        Ok(Err(error)) => tracing::debug!(%error, "a client and this server agree on no keys"),
        Err(_) => tracing::debug!("a client takes too long to agree on keys"),
    }
}

/// Answers the requests of a connection, with the same bounds of time whether it is encrypted or not.
async fn converse<Io>(stream: Io, service: axum::Router, watcher: Watcher)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let sending = Sending::default();
    let io = SendingIo::new(TokioIo::new(stream), sending.clone());
    let service = OfConnection { service: TowerToHyperService::new(service), sending };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(io, service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The service, for requests of one connection: each carries what is needed to tell when its answer has been sent.
struct OfConnection {
    service: TowerToHyperService<axum::Router>,
    sending: Sending,
}

impl Service<Request<Incoming>> for OfConnection {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<axum::Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(self.sending.clone());
        self.service.call(request)
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "no connection can be accepted");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::post;
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    /// A server with TLS behind one connection, and what a client connects with.
    fn encrypted() -> (DuplexStream, TlsConnector) {
        encrypted_through(64 * 1024)
    }

    /// The same, where so many bytes are on their way at most.
    fn encrypted_through(bytes: usize) -> (DuplexStream, TlsConnector) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let server = server.unwrap().with_no_client_auth();
        let server = server.with_single_cert(vec![made.cert.der().clone()], made.signing_key.into()).unwrap();
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let client = client.with_root_certificates(roots).with_no_client_auth();
        let (near, far) = duplex(bytes);
        let service = axum::Router::new().route("/", post(|body: String| async { body }));
        let connections = GracefulShutdown::new();
        let watcher = connections.watcher();
        tokio::spawn(async move {
            agree(Tls::new(server).acceptor(), far, service, watcher).await;
            // A watch that is dropped tells its connections to end.
            drop(connections);
        });
        (near, TlsConnector::from(Arc::new(client)))
    }

    async fn connect() -> TlsStream<DuplexStream> {
        let (stream, connector) = encrypted();
        connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    }

    /// After how many seconds the server hangs up.
    async fn seconds_until_the_end(mut stream: impl AsyncRead + Unpin) -> u64 {
        let began = Instant::now();
        let _ = stream.read_to_end(&mut Vec::new()).await;
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_agree_on_keys_is_left_after_ten_seconds() {
        assert_eq!(seconds_until_the_end(encrypted().0).await, 10);
        let (mut half, _) = encrypted();
        half.write_all(b"\x16\x03\x01").await.unwrap();
        assert_eq!(seconds_until_the_end(half).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_take_an_answer_is_left_after_two_minutes_with_tls_too() {
        let (stream, connector) = encrypted_through(4 * 1024);
        let mut client = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        // Less than TLS holds back: each write of it is done at once, and its flush never.
        let body = "x".repeat(32 * 1024);
        let head = format!("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(body.as_bytes()).await.unwrap();
        client.flush().await.unwrap();
        client.read_exact(&mut [0; 15]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(121)).await;
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        assert!(rest.len() < body.len(), "the answer was sent whole");
    }

    #[tokio::test(start_paused = true)]
    async fn heads_and_pauses_have_their_bound_of_time_with_tls_too() {
        assert_eq!(seconds_until_the_end(connect().await).await, 60);
        let mut half = connect().await;
        half.write_all(b"POST / HTTP/1.1\r\nhost: te").await.unwrap();
        half.flush().await.unwrap();
        assert_eq!(seconds_until_the_end(half).await, 60);
        let mut idle = connect().await;
        idle.write_all(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
        idle.flush().await.unwrap();
        let mut answer = vec![0; 15];
        idle.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 200 OK");
        assert_eq!(seconds_until_the_end(idle).await, 60);
    }
}
