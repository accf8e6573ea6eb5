//! Accepts connections until it is told to stop, then lets those that are open finish.
//!
//! Not `axum::serve`: that sets no time for a client to send its headers, so that slow clients would hold connections
//! for ever.

use super::sending::{Sending, SendingIo};
use super::threads::ConnectionThreads;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

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

/// Serves `service` on `listener` until it is told to end and no request is under way. Until then connections are
/// taken, so that who asks hears that the process is not ready, instead of nothing. Each connection belongs to one of
/// the `threads`.
pub async fn serve<Told, Idle>(
    listener: TcpListener,
    service: axum::Router,
    threads: &ConnectionThreads,
    end: End<Told, Idle>,
) -> Ended
where
    Told: Future<Output = ()>,
    Idle: Future<Output = ()>,
{
    let connections = GracefulShutdown::new();
    accept_until(end.told, &listener, &service, threads, &connections).await;
    let drained = async {
        accept_until(end.idle, &listener, &service, threads, &connections).await;
        drop(listener);
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
    listener: &TcpListener,
    service: &axum::Router,
    threads: &ConnectionThreads,
    connections: &GracefulShutdown,
) {
    let mut end = pin!(end);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    if let Err(error) = connect(stream, service.clone(), threads, connections) {
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
    service: axum::Router,
    threads: &ConnectionThreads,
    connections: &GracefulShutdown,
) -> io::Result<()> {
    // Else an answer may wait 40 ms for the client's acknowledgement. A connection that is closed already ends below.
    let _ = stream.set_nodelay(true);
    let stream = stream.into_std()?;
    let thread = threads.least_busy();
    let _its_runtime = thread.enter();
    let sending = Sending::default();
    let io = SendingIo::new(TokioIo::new(TcpStream::from_std(stream)?), sending.clone());
    let service = OfConnection { service: TowerToHyperService::new(service), sending };
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(io, service);
    let connection = connections.watch(connection);
    thread.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
    Ok(())
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
