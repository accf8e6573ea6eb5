//! The only ways to name a thing: documents, indexes, shards, sequence numbers.

use crate::limits::{ID_BYTES_MAX, INDEX_NAME_BYTES_MAX, SHARDS_MAX};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use uuid::Uuid;

/// A document's id: 1 to 512 bytes of UTF-8, unique within its index. Cheap to clone; ordered by bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocId(Arc<str>);

/// A text that cannot be a document id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocId {
    /// The empty text names nothing.
    #[error("a document id is empty: it needs 1 to {ID_BYTES_MAX} bytes")]
    Empty,
    /// Longer than a key may be.
    #[error("document id `{start}...` has {bytes} bytes, the limit is {ID_BYTES_MAX}")]
    TooLong {
        /// The first characters, enough to recognise the document.
        start: String,
        /// Its length.
        bytes: usize,
    },
}

impl DocId {
    /// Checks the length.
    pub fn new(text: &str) -> Result<Self, InvalidDocId> {
        match text.len() {
            0 => Err(InvalidDocId::Empty),
            bytes if bytes > ID_BYTES_MAX => {
                Err(InvalidDocId::TooLong { start: text.chars().take(32).collect(), bytes })
            }
            _ => Ok(Self(Arc::from(text))),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// Name of an index or of an alias: `[a-z0-9][a-z0-9_-]{0,63}`. It is also a folder's name, which is why it can hold
/// no dot and no slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexName(Arc<str>);

/// A text that cannot name an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{start}` cannot name an index: a name starts with a lower-case letter or a digit, \
     goes on with lower-case letters, digits, `_` or `-`, and has at most {INDEX_NAME_BYTES_MAX} characters"
)]
pub struct InvalidIndexName {
    start: String,
}

impl IndexName {
    /// Checks the form.
    pub fn new(text: &str) -> Result<Self, InvalidIndexName> {
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let well_formed = text.len() <= INDEX_NAME_BYTES_MAX
            && text.bytes().next().is_some_and(alphanumeric)
            && text.bytes().all(|byte| alphanumeric(byte) || byte == b'_' || byte == b'-');
        if well_formed {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidIndexName { start: text.chars().take(INDEX_NAME_BYTES_MAX + 1).collect() })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Identity of an index from its creation to its deletion. Another index of the same name has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IndexUuid(pub Uuid);

impl fmt::Display for IndexUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Identity of one shard's line of writes, new at every creation and every restore. A [`Seq`] means something only
/// within a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HistoryId(pub Uuid);

impl fmt::Display for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A shard's write counter. The first write of a history is 1; 0 stands before every write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Seq(pub u64);

impl Seq {
    /// Before every write.
    pub const ZERO: Self = Self(0);

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a state of an index that replicas may serve: a dump gets it when it becomes one. The first is 1, and a larger
/// one is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of one version of one document within a shard's history. A write gives birth to a new point and kills the
/// point that the document had before; numbers are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Point(pub u64);

/// One shard of an index, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u32);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many shards an index has: 1 to 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShardCount(NonZeroU32);

/// A number of shards that no index may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an index cannot have {shards} shards: it needs 1 to {SHARDS_MAX}")]
pub struct InvalidShardCount {
    shards: u32,
}

impl ShardCount {
    /// An index in one piece.
    pub const ONE: Self = Self(NonZeroU32::MIN);

    /// Checks the bounds.
    pub fn new(shards: u32) -> Result<Self, InvalidShardCount> {
        match NonZeroU32::new(shards) {
            Some(count) if shards <= SHARDS_MAX => Ok(Self(count)),
            Some(_) | None => Err(InvalidShardCount { shards }),
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// Every shard, in order.
    pub fn shards(self) -> impl Iterator<Item = ShardId> {
        (0..self.get()).map(ShardId)
    }
}

impl fmt::Display for ShardCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_id_has_1_to_512_bytes() {
        assert_eq!(DocId::new(""), Err(InvalidDocId::Empty));
        assert!(DocId::new(&"a".repeat(512)).is_ok());
        let error = DocId::new(&"ä".repeat(257)).unwrap_err();
        assert_eq!(error.to_string(), format!("document id `{}...` has 514 bytes, the limit is 512", "ä".repeat(32)));
    }

    #[track_caller]
    fn check_name(text: &str, valid: bool) {
        assert_eq!(IndexName::new(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn an_index_name_is_a_safe_folder_name() {
        check_name("faces", true);
        check_name("0-a_b", true);
        check_name(&"a".repeat(64), true);
        for text in ["", "-a", "_a", "Faces", "a.b", "../a", "a/b", ".dumps", "ä", "a b", &"a".repeat(65)] {
            check_name(text, false);
        }
    }

    #[test]
    fn an_index_has_1_to_256_shards() {
        assert!(ShardCount::new(0).is_err());
        assert!(ShardCount::new(257).is_err());
        assert_eq!(ShardCount::new(256).unwrap().shards().last(), Some(ShardId(255)));
    }
}
