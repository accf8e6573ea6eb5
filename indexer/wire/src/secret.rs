//! The secret that the processes of a cluster know.

use crate::limits::{SECRET_BYTES_MAX, SECRET_BYTES_MIN};
use hyper::header::HeaderValue;
use std::fmt;

/// A secret: 16 to 512 visible ASCII characters. It is never printed.
#[derive(Clone)]
pub struct ClusterSecret {
    header: HeaderValue,
    digest: blake3::Hash,
}

/// A text that is no secret. The text is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster's secret has to be {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} visible ASCII characters")]
pub struct InvalidSecret;

impl ClusterSecret {
    /// Checks length and characters.
    pub fn new(text: &str) -> Result<Self, InvalidSecret> {
        let well_formed = (SECRET_BYTES_MIN..=SECRET_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !well_formed {
            return Err(InvalidSecret);
        }
        let mut header = HeaderValue::from_str(text).map_err(|_| InvalidSecret)?;
        header.set_sensitive(true);
        Ok(Self { header, digest: blake3::hash(text.as_bytes()) })
    }

    /// The secret as it is sent.
    pub(crate) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// Returns whether `sent` is this secret, in a time that does not tell how much of it is: digests are compared, and
    /// those of blake3 in constant time.
    pub(crate) fn is(&self, sent: &HeaderValue) -> bool {
        self.digest == blake3::hash(sent.as_bytes())
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_again() {
        let secret = ClusterSecret::new("correct-horse-battery").unwrap();
        assert!(secret.is(secret.header()));
        assert!(!secret.is(&HeaderValue::from_static("correct-horse-batterz")));
        assert!(!secret.is(&HeaderValue::from_static("")));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = ClusterSecret::new("correct-horse-battery").unwrap();
        assert!(!format!("{secret:?}").contains("horse"));
        assert!(!format!("{:?}", secret.header()).contains("horse"));
    }

    #[test]
    fn what_can_be_guessed_or_sent_badly_is_no_secret() {
        for text in ["", "short", "has spaces in its middle", "ends with a line\n", "ümläute sind nicht sichtbar"] {
            assert_eq!(ClusterSecret::new(text).map(drop), Err(InvalidSecret), "{text:?}");
        }
        assert_eq!(ClusterSecret::new(&"x".repeat(SECRET_BYTES_MAX + 1)).map(drop), Err(InvalidSecret));
    }
}
