//! HTTP by hand, for what a well-behaved client would not send.

use crate::client::Answer;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The longest that an answer may take.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to a server.
pub struct RawConnection {
    stream: BufReader<TcpStream>,
}

impl RawConnection {
    /// Connects to `address`.
    ///
    /// # Panics
    /// When nobody listens there.
    pub fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends bytes as they are. The server may have had enough of them before the end, and that is no error here.
    #[must_use]
    pub fn send(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
        self
    }

    /// Sends a request with a body in one piece.
    #[must_use]
    pub fn request(self, method: &str, path: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        self.send(format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{headers}\r\n{body}"))
    }

    /// Reads one answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn answer(&mut self) -> Answer {
        let status_line = self.line();
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {status_line:?}"));
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = self.line().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer {
            retry_after: headers.remove("retry-after"),
            connection: headers.remove("connection"),
            ..Answer::new(status, String::from_utf8(body).unwrap())
        }
    }

    /// Waits until the server closes the connection, and returns what it said before.
    ///
    /// # Panics
    /// When it does not.
    pub fn until_closed(&mut self) -> String {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
