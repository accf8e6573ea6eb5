//! One HTTP/1.1 connection, kept alive: whole requests as bytes in, whole replies out.
//!
//! Client and program share one machine, so what the client costs is missing from the program's figures. Requests
//! are therefore made beforehand, and nothing of a reply is looked at but its status and length.

use annuli_api::error::FailureBody;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::time::Duration;

/// A reply takes no longer than this, or something is wrong: the program's own limit is ten minutes, what the
/// benchmark asks for takes seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

/// No reply that the benchmark asks for is larger than this.
const BODY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A request that got no reply, or not the reply that was wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeFailed {
    #[error("{address}: {source}")]
    Connect { address: String, source: io::Error },
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("not HTTP/1.1 with a content-length: {line}")]
    Malformed { line: String },
    #[error("status {status}: {message}")]
    Refused { status: u16, message: String },
    #[error("the reply answers {answered} queries, {asked} were asked")]
    Answers { answered: usize, asked: usize },
    #[error("the reply is not what the API documents: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// The line that shows the key in `ANNULI_API_KEY`, for a program that asks for one.
static AUTHORIZATION: LazyLock<String> = LazyLock::new(|| {
    let key = std::env::var("ANNULI_API_KEY").unwrap_or_default();
    if key.is_empty() { key } else { format!("authorization: Bearer {}\r\n", key.trim()) }
});

/// A connection to the program.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer of any status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    pub(crate) fn open(address: &str) -> Result<Self, ExchangeFailed> {
        let connect = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            Ok(Self { stream: BufReader::with_capacity(64 * 1024, stream) })
        };
        connect().map_err(|source| ExchangeFailed::Connect { address: address.to_owned(), source })
    }

    /// Several connections to `host:port`.
    pub(crate) fn open_many(address: &str, count: usize) -> Result<Vec<Self>, ExchangeFailed> {
        (0..count).map(|_| Self::open(address)).collect()
    }

    /// Sends a request made by [`request`] and waits for the reply.
    pub(crate) fn send(&mut self, request: &[u8]) -> Result<Reply, ExchangeFailed> {
        self.stream.get_mut().write_all(request)?;
        read_reply(&mut self.stream)
    }
}

impl Reply {
    /// The body of a reply of success.
    pub(crate) fn expect_success(self) -> Result<Vec<u8>, ExchangeFailed> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let message = match serde_json::from_slice::<FailureBody>(&self.body) {
            Ok(body) => format!("{} ({})", body.error.message, body.error.code),
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        Err(ExchangeFailed::Refused { status: self.status, message })
    }

    /// The value in the body of a reply of success.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, ExchangeFailed> {
        Ok(serde_json::from_slice(&self.expect_success()?)?)
    }
}

/// A whole request; an empty body is none.
pub(crate) fn request(method: &str, address: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{}content-type: application/json\r\ncontent-length: {length}\r\n\r\n",
        *AUTHORIZATION
    );
    [head.as_bytes(), body].concat()
}

/// Reads one reply and not a byte beyond it.
fn read_reply(stream: &mut impl BufRead) -> Result<Reply, ExchangeFailed> {
    let status_line = read_line(stream)?;
    let status = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let Some(status) = status else { return Err(ExchangeFailed::Malformed { line: status_line }) };
    // Without content there is no length to tell.
    let mut length = (status == 204).then_some(0);
    loop {
        let line = read_line(stream)?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok().filter(|length| *length <= BODY_BYTES_MAX);
        }
    }
    let Some(length) = length else { return Err(ExchangeFailed::Malformed { line: status_line }) };
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Reply { status, body })
}

fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    /// Longer than any line of a head.
    const LINE_BYTES_MAX: u64 = 16 * 1024;
    let mut line = String::new();
    if stream.take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_ends_where_its_length_says() {
        let mut stream: &[u8] =
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 404 Not Found\r\nx: y\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(read_reply(&mut stream).unwrap(), Reply { status: 200, body: b"{}".to_vec() });
        assert_eq!(read_reply(&mut stream).unwrap(), Reply { status: 404, body: Vec::new() });
        assert_eq!(read_reply(&mut stream).unwrap_err().to_string(), "the connection broke: unexpected end of file");
    }

    #[test]
    fn a_reply_without_content_has_no_length() {
        let mut stream: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(read_reply(&mut stream).unwrap(), Reply { status: 204, body: Vec::new() });
        assert_eq!(read_reply(&mut stream).unwrap().body, b"{}");
    }

    #[track_caller]
    fn check_malformed(mut reply: &[u8], line: &str) {
        let error = read_reply(&mut reply).unwrap_err().to_string();
        assert_eq!(error, format!("not HTTP/1.1 with a content-length: {line}"));
    }

    #[test]
    fn what_is_no_reply_is_named() {
        check_malformed(b"SSH-2.0-OpenSSH\r\n", "SSH-2.0-OpenSSH");
        check_malformed(b"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK");
        check_malformed(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", "HTTP/1.1 200 OK");
    }

    #[test]
    fn a_refusal_says_what_the_program_said() {
        let body = br#"{"error": {"code": "empty_batch", "message": "no documents"}}"#.to_vec();
        let error = Reply { status: 422, body }.expect_success().unwrap_err();
        assert_eq!(error.to_string(), "status 422: no documents (empty_batch)");
        let error = Reply { status: 502, body: b"bad gateway".to_vec() }.expect_success().unwrap_err();
        assert_eq!(error.to_string(), "status 502: bad gateway");
    }

    #[test]
    fn a_request_tells_its_length() {
        let request = request("POST", "localhost:1", "/x", b"{}");
        let request = String::from_utf8(request).unwrap();
        assert!(request.starts_with("POST /x HTTP/1.1\r\nhost: localhost:1\r\n"), "{request}");
        assert!(request.ends_with("\r\ncontent-length: 2\r\n\r\n{}"), "{request}");
    }
}
