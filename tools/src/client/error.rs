//! How a call fails, from the caller's side.

use annuli_api::{ErrorCode, Failure, error::FailureBody};
use rustls::CertificateError;
use std::fmt;
use std::io;
use std::time::Duration;
use ureq::Timeout;

/// A text that is no server's URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URL, or not one of HTTP.
    #[error("`{url}` is no URL of a server: write it like http://127.0.0.1:7700")]
    Malformed {
        /// The text.
        url: String,
    },
}

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody is there.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    /// Somebody is there, and shows a certificate that is not believed.
    #[error(transparent)]
    NotBelieved(#[from] NotBelieved),
    /// The server was reached, and no answer came.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The server said no, and why.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The answer is not one of Annuli.
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
}

/// No connection, or one that broke.
#[derive(Debug, thiserror::Error)]
#[error("no server at {url}: {reason} (start one with `annuli serve`, or name another with --url or ANNULI_URL)")]
pub struct Unreachable {
    url: String,
    reason: ureq::Error,
}

/// A certificate by which nobody can tell that this is the server that was meant.
#[derive(Debug, thiserror::Error)]
#[error("the certificate of {url} is not believed: {reason} ({})", mend(reason))]
pub struct NotBelieved {
    url: String,
    reason: CertificateError,
}

/// What whoever asks, or whoever runs the server, does about it.
fn mend(reason: &CertificateError) -> &'static str {
    if matches!(reason, CertificateError::UnknownIssuer) {
        "name the certificates of whoever issued it with --ca-file or ANNULI_CA_FILE"
    } else if matches!(reason, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }) {
        "name the server in --url or ANNULI_URL by a name that the certificate has"
    } else {
        "the server needs another one: --tls-cert"
    }
}

/// A server that took the request and did not answer it in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer from {url}: {reason}")]
pub struct NoAnswer {
    url: String,
    reason: ureq::Error,
}

/// A refusal in the form of the API.
#[derive(Debug, thiserror::Error)]
#[error("{failure} ({}, HTTP {status})", failure.code)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// What the server said.
    pub failure: Failure,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

/// An answer that is not in the form of the API: from a proxy, from another program, or from a newer server.
#[derive(Debug, thiserror::Error)]
#[error("unexpected answer from {url}, HTTP {status}{}: {start:?}{problem}", Busy(*retry_after))]
pub struct Unexpected {
    url: String,
    status: u16,
    retry_after: Option<Duration>,
    /// The first characters of the body.
    start: String,
    /// What is wrong with it.
    problem: String,
}

/// Characters of an unexpected answer that are shown: the title of an error page fits.
const START_CHARS: usize = 200;

struct Busy(Option<Duration>);

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(wait) => write!(f, " (retry after {} s)", wait.as_secs()),
            None => Ok(()),
        }
    }
}

impl Unexpected {
    pub(super) fn new(url: String, status: u16, body: &[u8], problem: &serde_json::Error) -> Self {
        Self { url, status, retry_after: None, start: start_of(body), problem: format!(" ({problem})") }
    }
}

fn start_of(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(START_CHARS).collect()
}

impl ClientError {
    pub(super) fn of_transport(url: &str, reason: ureq::Error) -> Self {
        let url = url.to_owned();
        if let Some(reason) = not_believed(&reason) {
            return NotBelieved { url, reason: reason.clone() }.into();
        }
        if reached(&reason) { NoAnswer { url, reason }.into() } else { Unreachable { url, reason }.into() }
    }

    pub(super) fn of_refusal(url: String, status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        match serde_json::from_slice::<FailureBody>(body) {
            Ok(FailureBody { error: failure }) => Refused { status, failure, retry_after }.into(),
            Err(_) => {
                let start = start_of(body);
                Unexpected { url, status, retry_after, start, problem: String::new() }.into()
            }
        }
    }

    /// The code, if the server gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(refused) => Some(refused.failure.code),
            Self::Unreachable(_) | Self::NotBelieved(_) | Self::NoAnswer(_) | Self::Unexpected(_) => None,
        }
    }

    /// Returns whether the same request may succeed a moment later: 429 and 503, unless the server says that it needs
    /// its operator.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused(refused) => refused.failure.code.is_transient(),
            // A proxy in front of the server, which has its own pages for these.
            Self::Unexpected(unexpected) => matches!(unexpected.status, 429 | 503),
            Self::Unreachable(_) | Self::NotBelieved(_) | Self::NoAnswer(_) => false,
        }
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refused) => refused.retry_after,
            Self::Unexpected(unexpected) => unexpected.retry_after,
            Self::Unreachable(_) | Self::NotBelieved(_) | Self::NoAnswer(_) => None,
        }
    }
}

/// Why the server's certificate is not believed, if that is what has gone wrong.
fn not_believed(error: &ureq::Error) -> Option<&CertificateError> {
    let tls = if let ureq::Error::Rustls(error) = error {
        Some(error)
    } else if let ureq::Error::Io(error) = error {
        error.get_ref().and_then(|error| error.downcast_ref())
    } else {
        None
    };
    let Some(rustls::Error::InvalidCertificate(reason)) = tls else { return None };
    Some(reason)
}

/// Whether there was a server to talk to.
fn reached(error: &ureq::Error) -> bool {
    if let ureq::Error::Io(error) = error {
        // The connection was there and broke.
        let broke = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe, io::ErrorKind::UnexpectedEof];
        return broke.contains(&error.kind());
    }
    !matches!(
        error,
        ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed
            | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)
    )
}
