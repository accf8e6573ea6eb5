//! Which server is talked to, and by what key.

use std::fmt;
use std::path::{Path, PathBuf};
use ureq::http::header::HeaderValue;

/// A server: where it is, and the key that it asks for. The key is never printed.
#[derive(Clone)]
pub struct Server {
    pub(super) url: String,
    pub(super) authorization: Option<HeaderValue>,
}

/// Why there is no key although one was named. Its text is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The file cannot be read.
    #[error("cannot read the API key from `{}`: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// A text that cannot be sent.
    #[error("the API key from {place} has characters that cannot be sent: it is visible ASCII, on one line")]
    Text {
        /// Where it came from.
        place: String,
    },
}

impl Server {
    /// One that asks for no key.
    pub fn without_key(url: &str) -> Self {
        Self { url: url.to_owned(), authorization: None }
    }

    /// One whose key is in a file, or else in the variable `ANNULI_API_KEY`, if anywhere.
    ///
    /// # Errors
    /// When a key is named and cannot be used.
    pub fn with_key(url: &str, file: Option<&Path>) -> Result<Self, NoKey> {
        let (text, place) = match file {
            Some(path) => {
                let failed = |reason| NoKey::File { path: path.to_owned(), reason };
                (std::fs::read_to_string(path).map_err(failed)?, format!("`{}`", path.display()))
            }
            None => match std::env::var("ANNULI_API_KEY") {
                Ok(text) => (text, "the environment variable ANNULI_API_KEY".to_owned()),
                Err(_) => return Ok(Self::without_key(url)),
            },
        };
        Self::of_key(url, &text).ok_or(NoKey::Text { place })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Editors end a file with a line break, which is no part of the key.
    fn of_key(url: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let mut authorization = HeaderValue::from_str(&format!("Bearer {text}")).ok()?;
        authorization.set_sensitive(true);
        Some(Self { url: url.to_owned(), authorization: Some(authorization) })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_and_never_shown() {
        let server = Server::of_key("http://h", "correct-horse-battery\n").unwrap();
        assert_eq!(server.authorization.as_ref().unwrap(), "Bearer correct-horse-battery");
        assert!(!format!("{server:?} {:?}", server.authorization).contains("horse"));
    }

    #[test]
    fn what_cannot_be_sent_is_no_key() {
        for text in ["", "\n", "two words", "two\nlines", "schl\u{fc}ssel"] {
            assert!(Server::of_key("http://h", text).is_none(), "{text:?}");
        }
    }
}
