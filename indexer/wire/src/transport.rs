//! What carries the bytes: TCP. The only place that knows, so that TLS has one place to go to.

use hyper_util::rt::TokioIo;
use std::io;
use tokio::net::TcpStream;

/// A connection between two processes.
pub(crate) type Stream = TokioIo<TcpStream>;

/// Reaches out to `address` (`host:port`); each address of a name is tried in turn.
pub(crate) async fn reach(address: &str) -> io::Result<Stream> {
    Ok(accepted(TcpStream::connect(address).await?))
}

/// A connection that was taken.
pub(crate) fn accepted(stream: TcpStream) -> Stream {
    // Else a message may wait 40 ms for the other side's acknowledgement. A connection that is closed already ends when
    // it is used.
    let _ = stream.set_nodelay(true);
    TokioIo::new(stream)
}
