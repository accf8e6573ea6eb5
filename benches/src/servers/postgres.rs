//! As much of PostgreSQL's protocol (version 3) as a benchmark needs: statements, prepared queries with binary
//! parameters and results, and binary COPY. One write for each query, so that the client is not what is measured.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Building an index of a large set is one statement.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// No message of the server is longer than this here.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A statement that was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostgresFailed {
    #[error("the connection: {0}")]
    Broken(#[from] io::Error),
    #[error("the server said: {0}")]
    Refused(String),
    #[error("a message that this client does not know: `{0}`")]
    Unexpected(char),
}

/// A connection as the superuser of a cluster that trusts.
pub(super) struct Postgres {
    stream: BufReader<TcpStream>,
    /// Kept from query to query.
    message: Vec<u8>,
}

impl Postgres {
    pub(super) fn connect(address: &str) -> Result<Self, PostgresFailed> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let mut postgres = Self { stream: BufReader::with_capacity(64 * 1024, stream), message: Vec::new() };
        const PROTOCOL: u32 = 3 << 16;
        let parameters = b"user\0postgres\0database\0postgres\0\0";
        let mut startup = (8 + length(parameters.len())).to_be_bytes().to_vec();
        startup.extend(PROTOCOL.to_be_bytes());
        startup.extend(parameters);
        postgres.stream.get_mut().write_all(&startup)?;
        postgres.until_ready(|_, _| ())?;
        Ok(postgres)
    }

    /// Carries out a statement without parameters.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), PostgresFailed> {
        self.begin(b'Q', |message| text(message, sql));
        self.send()?;
        self.until_ready(|_, _| ())
    }

    /// Makes `sql` ready to be asked with parameters.
    pub(super) fn prepare(&mut self, sql: &str) -> Result<(), PostgresFailed> {
        self.begin(b'P', |message| {
            text(message, "");
            text(message, sql);
            message.extend(0_u16.to_be_bytes());
        });
        self.add(b'S', |_| ());
        self.send()?;
        self.until_ready(|_, _| ())
    }

    /// Asks what was prepared last with one binary parameter; returns the first column of each row, a 32-bit number.
    pub(super) fn ask(&mut self, parameter: &[u8]) -> Result<Vec<u32>, PostgresFailed> {
        const BINARY: [u8; 4] = [0, 1, 0, 1];
        self.begin(b'B', |message| {
            text(message, "");
            text(message, "");
            message.extend(BINARY);
            message.extend(1_u16.to_be_bytes());
            message.extend(length(parameter.len()).to_be_bytes());
            message.extend(parameter);
            message.extend(BINARY);
        });
        self.add(b'E', |message| {
            text(message, "");
            message.extend(0_u32.to_be_bytes());
        });
        self.add(b'S', |_| ());
        self.send()?;
        let mut found = Vec::new();
        self.until_ready(|kind, body| {
            if kind == b'D'
                && let Some(number) = body.get(6..10).and_then(|bytes| bytes.try_into().ok())
            {
                found.push(u32::from_be_bytes(number));
            }
        })?;
        Ok(found)
    }

    /// Copies rows in binary form into what `sql` names; `rows` come without the format's header and trailer.
    pub(super) fn copy(&mut self, sql: &str, rows: impl Iterator<Item = Vec<u8>>) -> Result<(), PostgresFailed> {
        const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
        const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
        const FLUSH_AT: usize = 1 << 20;
        self.begin(b'Q', |message| text(message, sql));
        self.send()?;
        match self.read()? {
            (b'G', _) => {}
            (b'E', body) => return Err(refused(&body)),
            (kind, _) => return Err(PostgresFailed::Unexpected(char::from(kind))),
        }
        self.begin(b'd', |message| message.extend(HEADER));
        for row in rows {
            self.add(b'd', |message| message.extend(row));
            if self.message.len() >= FLUSH_AT {
                self.send()?;
                self.message.clear();
            }
        }
        self.add(b'd', |message| message.extend(TRAILER));
        self.add(b'c', |_| ());
        self.send()?;
        self.until_ready(|_, _| ())
    }

    fn begin(&mut self, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
        self.message.clear();
        self.add(kind, body);
    }

    fn add(&mut self, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
        self.message.push(kind);
        let start = self.message.len();
        self.message.extend([0; 4]);
        body(&mut self.message);
        let bytes = length(self.message.len() - start).to_be_bytes();
        self.message[start..start + 4].copy_from_slice(&bytes);
    }

    fn send(&mut self) -> io::Result<()> {
        self.stream.get_mut().write_all(&self.message)
    }

    /// Reads up to the server's word that it waits for more. After an error of the server it says that word too.
    fn until_ready(&mut self, mut see: impl FnMut(u8, &[u8])) -> Result<(), PostgresFailed> {
        let mut error = None;
        loop {
            let (kind, body) = self.read()?;
            match kind {
                b'Z' => return error.map_or(Ok(()), Err),
                b'E' => error = Some(refused(&body)),
                kind => see(kind, &body),
            }
        }
    }

    fn read(&mut self) -> Result<(u8, Vec<u8>), PostgresFailed> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let body = usize::try_from(u32::from_be_bytes(length)).ok().and_then(|length| length.checked_sub(4));
        let body =
            body.filter(|body| *body <= MESSAGE_BYTES_MAX).ok_or(PostgresFailed::Unexpected(char::from(kind)))?;
        let mut bytes = vec![0; body];
        self.stream.read_exact(&mut bytes)?;
        Ok((kind, bytes))
    }
}

/// A vector as pgvector takes and gives it in binary.
pub(super) fn vector(components: &[f32]) -> Vec<u8> {
    let dim = u16::try_from(components.len()).expect("no set has more dimensions");
    let mut bytes = [dim.to_be_bytes(), [0, 0]].concat();
    bytes.extend(components.iter().flat_map(|component| component.to_be_bytes()));
    bytes
}

/// A row of a binary copy.
pub(super) fn row(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = u16::try_from(fields.len()).expect("a handful").to_be_bytes().to_vec();
    for field in fields {
        bytes.extend(length(field.len()).to_be_bytes());
        bytes.extend(*field);
    }
    bytes
}

fn text(message: &mut Vec<u8>, text: &str) {
    message.extend(text.as_bytes());
    message.push(0);
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("messages are flushed long before")
}

/// The field `M` of an error: its message.
fn refused(body: &[u8]) -> PostgresFailed {
    let message = body.split(|&byte| byte == 0).find_map(|field| field.strip_prefix(b"M")).unwrap_or_default();
    PostgresFailed::Refused(String::from_utf8_lossy(message).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_in_network_order() {
        assert_eq!(vector(&[1.0]), [0, 1, 0, 0, 0x3f, 0x80, 0, 0]);
    }

    #[test]
    fn a_row_tells_the_length_of_each_field() {
        assert_eq!(row(&[&[7], &[]]), [0, 2, 0, 0, 0, 1, 7, 0, 0, 0, 0]);
    }

    #[test]
    fn an_error_is_its_message() {
        let error = refused(b"SERROR\0C42601\0Msyntax error\0\0");
        assert_eq!(error.to_string(), "the server said: syntax error");
    }
}
