//! The stored schema, on one screen.
//!
//! A key is one byte of kind, then what the kind says. Integers in keys are big-endian, so that their bytes sort as
//! they do; values begin with a byte of version.
//!
//! | kind | key | value | is there |
//! |---|---|---|---|
//! | `Meta` | 0 | format version of the store | from creation |
//! | `Meta` | 1 | identity: index UUID, history, shard, schema | from creation, never changes |
//! | `Meta` | 2 | counters: last seq, next point | from creation, changed by every group |
//! | `Meta` | 3 | which changes the next opening goes through: those behind this seq | while segments hold all before |
//! | `Document` | id | seq, point, vector, metadata | while the document lives |
//! | `Change` | seq | id, kind, point born, point killed | the last million, and all that an opening goes through |
//! | `Segment` | number | checksum of its file, rows, which of them are dead | while its documents are served from it |

/// What a key is about.
// Persisted: keep stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyKind {
    /// A fact about the store.
    Meta = 1,
    /// A document.
    Document = 2,
    /// An entry of the change log.
    Change = 3,
    /// A segment.
    Segment = 4,
}

impl KeyKind {
    /// The key of this kind with that rest.
    pub(super) fn key(self, rest: &[u8]) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + rest.len());
        key.push(self.byte());
        key.extend_from_slice(rest);
        key
    }

    /// The rest of a key of this kind.
    pub(super) fn rest(self, key: &[u8]) -> Option<&[u8]> {
        key.strip_prefix(&[self.byte()])
    }

    const fn byte(self) -> u8 {
        self as u8
    }
}
