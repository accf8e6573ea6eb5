//! Names in the store, and what stands under them.

use crate::limits::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
use std::fmt;
use std::sync::Arc;

/// A key: 1 to 512 bytes of UTF-8 without control characters, by custom a path such as `indexes/faces`. Ordered by
/// bytes; cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

/// A text that cannot be a key or a prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The empty text names nothing; as a prefix it means everything.
    #[error("a key is empty: it needs 1 to {KEY_BYTES_MAX} bytes")]
    Empty,
    /// Longer than a key may be.
    #[error("key `{start}...` has {bytes} bytes, the limit is {KEY_BYTES_MAX}")]
    TooLong {
        /// The first characters, enough to recognise it.
        start: String,
        /// Its length.
        bytes: usize,
    },
    /// It would garble listings and logs.
    #[error("key {key:?} has a control character: use printable ones")]
    Control {
        /// The text.
        key: String,
    },
}

impl Key {
    /// Checks length and characters.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        check(text)?;
        Ok(Self(Arc::from(text)))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), InvalidKey> {
    if text.len() > KEY_BYTES_MAX {
        return Err(InvalidKey::TooLong { start: text.chars().take(32).collect(), bytes: text.len() });
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidKey::Control { key: text.to_owned() });
    }
    Ok(())
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The start of keys: all those that begin with this text, or all there are. End it with `/` to mean a folder, else
/// `nodes/1` means `nodes/10` as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(Arc<str>);

impl Prefix {
    /// Checks length and characters; the empty text is the start of every key.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        check(text)?;
        Ok(Self(Arc::from(text)))
    }

    /// The start of every key.
    pub fn all() -> Self {
        Self(Arc::from(""))
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `key` begins with this.
    pub fn covers(&self, key: &Key) -> bool {
        key.as_str().starts_with(self.as_str())
    }
}

impl From<&Key> for Prefix {
    /// The key itself, and those that go on from it.
    fn from(key: &Key) -> Self {
        Self(Arc::clone(&key.0))
    }
}

/// What stands under a key: up to 1 MiB of bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Arc<[u8]>);

/// A value that no store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value has {bytes} bytes, the limit is {VALUE_BYTES_MAX}: keep large things in a file, and its place here")]
pub struct ValueTooLong {
    bytes: usize,
}

impl Value {
    /// Checks the length.
    pub fn new(bytes: &[u8]) -> Result<Self, ValueTooLong> {
        if bytes.len() > VALUE_BYTES_MAX {
            return Err(ValueTooLong { bytes: bytes.len() });
        }
        Ok(Self(Arc::from(bytes)))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nearly all values are JSON.
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let error = Key::new(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_key_has_bounds_that_its_refusal_names() {
        check_refused("", "a key is empty: it needs 1 to 512 bytes");
        check_refused(&"k".repeat(513), "has 513 bytes, the limit is 512");
        check_refused("a\nb", "key \"a\\nb\" has a control character");
        assert_eq!(Key::new(&"k".repeat(512)).unwrap().as_str().len(), 512);
    }

    #[test]
    fn a_prefix_may_be_empty_and_then_covers_every_key() {
        let key = Key::new("nodes/10").unwrap();
        assert!(Prefix::all().covers(&key));
        assert_eq!(Prefix::new("").unwrap(), Prefix::all());
        assert!(Prefix::new("nodes/").unwrap().covers(&key));
        assert!(!Prefix::new("nodes/1/").unwrap().covers(&key));
        assert!(Prefix::new(&"k".repeat(513)).is_err());
    }

    #[test]
    fn a_value_ends_at_a_mebibyte() {
        assert!(Value::new(&vec![0; VALUE_BYTES_MAX]).is_ok());
        let error = Value::new(&vec![0; VALUE_BYTES_MAX + 1]).unwrap_err().to_string();
        assert!(error.contains("has 1048577 bytes, the limit is 1048576"), "{error}");
    }
}
