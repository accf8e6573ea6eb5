//! What a store's answers mean, and what to do about them.

use crate::limits::SERVER_TEXT_CHARS_MAX;
use object_store::client::{HttpError, HttpErrorKind};
use std::error::Error;

/// Why a request was not done. Nothing of it is a secret: of what a server says, its code and its message alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum S3Fault {
    /// The bucket is not there.
    #[error("there is no such bucket: make it, or choose another place")]
    NoBucket,
    /// Nobody says who asks.
    #[error("there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role")]
    NoCredentials,
    /// The server does not take them.
    #[error(
        "the credentials are not valid ({code}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
    )]
    Credentials {
        /// The server's word for it.
        code: String,
    },
    /// The server knows who asks, and does not permit it; or does not know, and does not say.
    #[error(
        "the credentials do not permit it ({code}): they must be valid, and permit reading, writing, listing and \
         deleting objects of the bucket"
    )]
    Denied {
        /// The server's word for it.
        code: String,
    },
    /// Another region has the bucket.
    #[error("the bucket is in another region, or at another endpoint: set AWS_REGION or the endpoint")]
    Elsewhere,
    /// No connection comes about.
    #[error("{endpoint} cannot be reached: {reason}; check the endpoint, the region and the network")]
    Unreachable {
        /// Where.
        endpoint: String,
        /// What the system said.
        reason: String,
    },
    /// Nothing came in time.
    #[error("{endpoint} did not answer in time")]
    TimedOut {
        /// Where.
        endpoint: String,
    },
    /// Another object is there now.
    #[error("it changed while it was read")]
    Changed,
    /// The dump is gone, or never was.
    #[error("the dump was never begun, or was deleted meanwhile")]
    NoDump,
    /// An object that S3 does not take.
    #[error("it has more than {bytes_max} bytes, which is the most that can be uploaded in parts")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The server refuses for another reason.
    #[error("the server refuses: {code}: {message}")]
    Refused {
        /// Its word for it.
        code: String,
        /// Its explanation.
        message: String,
    },
    /// Anything else.
    #[error("{reason}")]
    Other {
        /// What is known.
        reason: String,
    },
}

impl S3Fault {
    /// What a failed request means. `None` if there is just no such object.
    pub(crate) fn of(error: &object_store::Error, endpoint: &str) -> Option<Self> {
        let text = error.to_string();
        // Of the machine itself, where nothing else has credentials.
        if text.contains("/latest/api/token") || text.contains("/latest/meta-data/iam") {
            return Some(Self::NoCredentials);
        }
        let code = between(&text, "<Code>", "</Code>");
        if let Some(fault) = code.as_deref().and_then(Self::of_code) {
            return Some(fault);
        }
        if let Some(fault) = transport(error, endpoint) {
            return Some(fault);
        }
        if matches!(error, object_store::Error::NotFound { .. }) {
            return None;
        }
        if matches!(error, object_store::Error::Precondition { .. }) {
            return Some(Self::Changed);
        }
        if matches!(error, object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. }) {
            return Some(Self::Denied { code: code.unwrap_or_else(|| "403 Forbidden".to_owned()) });
        }
        if text.contains("incorrectly configured region") {
            return Some(Self::Elsewhere);
        }
        Some(match code {
            Some(code) => {
                Self::Refused { code, message: between(&text, "<Message>", "</Message>").unwrap_or_default() }
            }
            None => Self::Other { reason: innermost(error) },
        })
    }

    fn of_code(code: &str) -> Option<Self> {
        match code {
            "NoSuchBucket" => Some(Self::NoBucket),
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "ExpiredToken"
            | "TokenRefreshRequired"
            | "AuthorizationHeaderMalformed" => Some(Self::Credentials { code: code.to_owned() }),
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Some(Self::Denied { code: code.to_owned() }),
            "PermanentRedirect" => Some(Self::Elsewhere),
            _ => None,
        }
    }
}

/// A failure below HTTP.
fn transport(error: &object_store::Error, endpoint: &str) -> Option<S3Fault> {
    let mut current: &(dyn Error + 'static) = error;
    loop {
        if let Some(http) = current.downcast_ref::<HttpError>() {
            let endpoint = endpoint.to_owned();
            return Some(if http.kind() == HttpErrorKind::Timeout {
                S3Fault::TimedOut { endpoint }
            } else {
                S3Fault::Unreachable { endpoint, reason: innermost(http) }
            });
        }
        current = current.source()?;
    }
}

/// The first cause, without what a server may have repeated after it.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    let text = current.to_string();
    let first = text.split(['<', '{', '\n']).next().unwrap_or_default();
    short(first.trim_end_matches([' ', ':']))
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    let (found, _) = rest.split_once(end)?;
    Some(short(found))
}

fn short(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(SERVER_TEXT_CHARS_MAX).collect()
}
