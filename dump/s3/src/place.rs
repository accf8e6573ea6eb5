//! Where in which bucket.

use crate::limits::PREFIX_BYTES_MAX;
use std::fmt;

/// `s3://bucket/prefix`: the objects of a bucket whose keys start with a prefix, or all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Place {
    bucket: String,
    /// Components, between which there are slashes.
    prefix: Vec<String>,
}

/// A text that names no place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidS3Place {
    /// Another scheme, or none.
    #[error("`{text}` is no place in a bucket: it is written s3://bucket/prefix")]
    Scheme {
        /// The text.
        text: String,
    },
    /// What comes before an `@` in a URL. It is not repeated.
    #[error(
        "a place in a bucket holds no credentials: leave out what stands before the `@`, and set AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY"
    )]
    Credentials,
    /// A name that no bucket has.
    #[error(
        "`{bucket}` cannot name a bucket: it has 3 to 63 lower-case letters, digits, `-` and `.`, and begins and ends with \
         a letter or a digit"
    )]
    Bucket {
        /// The name.
        bucket: String,
    },
    /// A prefix that not every store keeps apart from others.
    #[error(
        "`{prefix}` cannot be the prefix of dumps: its parts between slashes have letters, digits, `-`, `_` and `.`, none \
         of them is `.` or `..`, and it has at most {PREFIX_BYTES_MAX} bytes"
    )]
    Prefix {
        /// The prefix.
        prefix: String,
    },
}

impl S3Place {
    /// Reads `s3://bucket/prefix`.
    pub fn parse(text: &str) -> Result<Self, InvalidS3Place> {
        let rest = text.strip_prefix("s3://").ok_or_else(|| InvalidS3Place::Scheme { text: text.to_owned() })?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if rest.contains('@') {
            return Err(InvalidS3Place::Credentials);
        }
        if !is_bucket(bucket) {
            return Err(InvalidS3Place::Bucket { bucket: bucket.to_owned() });
        }
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let components: Vec<_> = if prefix.is_empty() { Vec::new() } else { prefix.split('/').collect() };
        if prefix.len() > PREFIX_BYTES_MAX || !components.iter().all(|component| is_component(component)) {
            return Err(InvalidS3Place::Prefix { prefix: prefix.to_owned() });
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: components.into_iter().map(str::to_owned).collect() })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The prefix without slashes around it; empty for a whole bucket.
    pub fn prefix(&self) -> String {
        self.prefix.join("/")
    }
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        self.prefix.iter().try_for_each(|component| write!(f, "/{component}"))
    }
}

fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| plain(*byte) || b"-.".contains(byte))
        && bytes.first().copied().is_some_and(plain)
        && bytes.last().copied().is_some_and(plain)
}

fn is_component(component: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !component.is_empty() && component != "." && component != ".." && component.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, bucket: &str, prefix: &str) {
        let place = S3Place::parse(text).unwrap();
        assert_eq!((place.bucket(), place.prefix().as_str()), (bucket, prefix));
        assert_eq!(S3Place::parse(&place.to_string()).unwrap(), place);
    }

    #[track_caller]
    fn check_refused(text: &str, says: &str) {
        let error = S3Place::parse(text).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        check("s3://dumps", "dumps", "");
        check("s3://dumps/", "dumps", "");
        check("s3://my.dumps-1/annuli", "my.dumps-1", "annuli");
        check("s3://dumps/a/B_2/c.d/", "dumps", "a/B_2/c.d");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        check_refused("/dumps", "`/dumps` is no place in a bucket: it is written s3://bucket/prefix");
        check_refused("S3://dumps", "`S3://dumps` is no place");
        for bucket in ["", "ab", "Dumps", "-dumps", "dumps.", "a_b_c"] {
            check_refused(&format!("s3://{bucket}/x"), &format!("`{bucket}` cannot name a bucket: "));
        }
        for prefix in ["a//b", "/a", "a/..", "./a", "ä", "a b", "a%2Fb"] {
            check_refused(&format!("s3://dumps/{prefix}"), &format!("`{prefix}` cannot be the prefix of dumps: "));
        }
        check_refused(&format!("s3://dumps/{}", "a".repeat(513)), "`aaa");
    }

    #[test]
    fn credentials_in_a_place_are_refused_and_not_repeated() {
        for text in ["s3://key:secret@dumps/x", "s3://dumps/key:secret@x"] {
            let error = S3Place::parse(text).unwrap_err().to_string();
            assert!(
                error.starts_with("a place in a bucket holds no credentials") && !error.contains("secret@"),
                "{error}"
            );
        }
    }
}
