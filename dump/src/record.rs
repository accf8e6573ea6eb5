//! What is known of an archive: written down by the writer, stored in the manifest, demanded by the reader.

use crate::entry_path::EntryPath;
use crate::limits::{
    ARCHIVE_BYTES_MAX, COMPRESSION_RATIO_FLOOR_BYTES, COMPRESSION_RATIO_MAX, ENTRIES_MAX, ENTRY_BYTES_MAX,
};
use std::collections::BTreeSet;
use std::io::{self, Read};

/// One archive: its entries in order, its length and its digest. Consistent by construction: no path twice, frames
/// side by side from the first byte on, a trailer after them, everything within [`crate::limits`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveRecord {
    entries: Vec<EntryRecord>,
    bytes: u64,
    blake3: blake3::Hash,
}

/// One file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRecord {
    /// Where it belongs.
    pub path: EntryPath,
    /// Length of its content, uncompressed.
    pub bytes: u64,
    /// Digest of its content, uncompressed.
    pub blake3: blake3::Hash,
    /// Where its frame stands in the archive.
    pub frame: FrameSpan,
}

/// A stretch of an archive that holds one zstd frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSpan {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub bytes: u64,
}

/// A record that no writer can have made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidArchiveRecord {
    /// More files than a manifest should list.
    #[error("it has {entries} entries, the limit is {ENTRIES_MAX}")]
    TooManyEntries {
        /// How many.
        entries: usize,
    },
    /// Two files would be written to the same place.
    #[error("entry `{path}` occurs twice")]
    DuplicateEntry {
        /// The path.
        path: EntryPath,
    },
    /// A file too large to be one of a shard.
    #[error("entry `{path}` has {bytes} bytes, the limit is {ENTRY_BYTES_MAX}")]
    EntryTooLarge {
        /// The file.
        path: EntryPath,
        /// Its length.
        bytes: u64,
    },
    /// A gap or an overlap between frames.
    #[error("the frame of entry `{path}` is said to start at byte {offset}, the one before ends at {expected}")]
    FrameOffset {
        /// The file.
        path: EntryPath,
        /// Where its frame is said to start.
        offset: u64,
        /// Where it has to.
        expected: u64,
    },
    /// The archive is no longer than its entries: the end of the tar is missing.
    #[error("it has {bytes} bytes and its entries end at {entries_end}: there is no room for the end of the tar")]
    NoTrailer {
        /// Length of the archive.
        bytes: u64,
        /// End of the last frame.
        entries_end: u64,
    },
    /// An archive too large to be one of a shard.
    #[error("it has {bytes} bytes, the limit is {ARCHIVE_BYTES_MAX}")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// Files too large to be those of a shard.
    #[error("its files have {content_bytes} bytes together, the limit is {ARCHIVE_BYTES_MAX}")]
    ContentTooLarge {
        /// Their length.
        content_bytes: u64,
    },
    /// A decompression bomb.
    #[error(
        "its {bytes} bytes expand to {content_bytes}: more than {COMPRESSION_RATIO_MAX} for one, and more than \
         {COMPRESSION_RATIO_FLOOR_BYTES} in all"
    )]
    Ratio {
        /// Length of the archive.
        bytes: u64,
        /// Length of its content.
        content_bytes: u64,
    },
}

impl EntryRecord {
    /// Whether that is the content of the entry, to the last byte. Reads all of it.
    pub fn is_content(&self, content: &mut impl Read) -> io::Result<bool> {
        let mut hasher = blake3::Hasher::new();
        // One byte more than there should be tells that there is more.
        let read = io::copy(&mut content.take(self.bytes.saturating_add(1)), &mut hasher)?;
        Ok(read == self.bytes && hasher.finalize() == self.blake3)
    }
}

impl ArchiveRecord {
    /// Checks everything that numbers alone can tell.
    pub fn new(entries: Vec<EntryRecord>, bytes: u64, blake3: blake3::Hash) -> Result<Self, InvalidArchiveRecord> {
        if entries.len() > ENTRIES_MAX {
            return Err(InvalidArchiveRecord::TooManyEntries { entries: entries.len() });
        }
        if bytes > ARCHIVE_BYTES_MAX {
            return Err(InvalidArchiveRecord::TooLarge { bytes });
        }
        check_paths(&entries)?;
        check_frames(&entries, bytes)?;
        check_content(&entries, bytes)?;
        Ok(Self { entries, bytes, blake3 })
    }

    /// The files, in the archive's order.
    pub fn entries(&self) -> &[EntryRecord] {
        &self.entries
    }

    /// The file of that path.
    pub fn entry(&self, path: &EntryPath) -> Option<&EntryRecord> {
        self.entries.iter().find(|entry| entry.path == *path)
    }

    /// Length of the archive.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Digest of the archive, byte by byte. The entries' digests leave out headers, padding and whatever zstd may
    /// write in more than one way; this one makes every bit count.
    pub const fn blake3(&self) -> blake3::Hash {
        self.blake3
    }

    /// Length of all files together: the room that extracting takes.
    pub fn content_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    /// The end of the tar, in a frame of its own.
    pub(crate) fn trailer(&self) -> FrameSpan {
        let offset = entries_end(&self.entries);
        FrameSpan { offset, bytes: self.bytes - offset }
    }
}

fn check_paths(entries: &[EntryRecord]) -> Result<(), InvalidArchiveRecord> {
    let mut paths = BTreeSet::new();
    for entry in entries {
        if !paths.insert(&entry.path) {
            return Err(InvalidArchiveRecord::DuplicateEntry { path: entry.path.clone() });
        }
    }
    Ok(())
}

fn check_frames(entries: &[EntryRecord], bytes: u64) -> Result<(), InvalidArchiveRecord> {
    let mut expected = 0_u64;
    for entry in entries {
        let FrameSpan { offset, bytes: frame_bytes } = entry.frame;
        if offset != expected {
            return Err(InvalidArchiveRecord::FrameOffset { path: entry.path.clone(), offset, expected });
        }
        expected = offset.saturating_add(frame_bytes);
    }
    if bytes <= expected {
        return Err(InvalidArchiveRecord::NoTrailer { bytes, entries_end: expected });
    }
    Ok(())
}

fn check_content(entries: &[EntryRecord], bytes: u64) -> Result<(), InvalidArchiveRecord> {
    for entry in entries {
        if entry.bytes > ENTRY_BYTES_MAX {
            return Err(InvalidArchiveRecord::EntryTooLarge { path: entry.path.clone(), bytes: entry.bytes });
        }
    }
    let content_bytes = entries.iter().map(|entry| entry.bytes).sum();
    if content_bytes > ARCHIVE_BYTES_MAX {
        return Err(InvalidArchiveRecord::ContentTooLarge { content_bytes });
    }
    if content_bytes > COMPRESSION_RATIO_FLOOR_BYTES.max(bytes.saturating_mul(COMPRESSION_RATIO_MAX)) {
        return Err(InvalidArchiveRecord::Ratio { bytes, content_bytes });
    }
    Ok(())
}

fn entries_end(entries: &[EntryRecord]) -> u64 {
    entries.last().map_or(0, |entry| entry.frame.offset + entry.frame.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, bytes: u64, offset: u64, frame_bytes: u64) -> EntryRecord {
        EntryRecord {
            path: EntryPath::new(path).unwrap(),
            bytes,
            blake3: blake3::hash(b""),
            frame: FrameSpan { offset, bytes: frame_bytes },
        }
    }

    #[track_caller]
    fn check(entries: Vec<EntryRecord>, bytes: u64, expected: Result<(), &str>) {
        let found = ArchiveRecord::new(entries, bytes, blake3::hash(b""));
        assert_eq!(found.map(|_| ()).map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn frames_stand_side_by_side_and_a_trailer_follows() {
        check(vec![], 1, Ok(()));
        check(vec![entry("a", 1, 0, 10), entry("b", 1, 10, 10)], 21, Ok(()));
        check(
            vec![entry("a", 1, 1, 10)],
            21,
            Err("the frame of entry `a` is said to start at byte 1, the one before ends at 0"),
        );
        check(
            vec![entry("a", 1, 0, 10), entry("b", 1, 9, 10)],
            21,
            Err("the frame of entry `b` is said to start at byte 9, the one before ends at 10"),
        );
        check(
            vec![entry("a", 1, 0, 10)],
            10,
            Err("it has 10 bytes and its entries end at 10: there is no room for the end of the tar"),
        );
    }

    #[test]
    fn lengths_that_overflow_are_refused() {
        check(
            vec![entry("a", 1, 0, u64::MAX), entry("b", 1, u64::MAX, u64::MAX)],
            21,
            Err("it has 21 bytes and its entries end at 18446744073709551615: there is no room for the end of the tar"),
        );
        check(vec![], u64::MAX, Err("it has 18446744073709551615 bytes, the limit is 17592186044416"));
        check(
            vec![entry("a", u64::MAX, 0, 10)],
            21,
            Err("entry `a` has 18446744073709551615 bytes, the limit is 1099511627776"),
        );
    }

    #[test]
    fn a_path_occurs_once() {
        check(vec![entry("a", 1, 0, 10), entry("a", 1, 10, 10)], 21, Err("entry `a` occurs twice"));
    }

    #[test]
    fn an_archive_has_at_most_100_000_entries() {
        let row = |n: u64| entry(&format!("db/{n}"), 0, n, 1);
        check((0..100_000).map(row).collect(), 100_001, Ok(()));
        check((0..100_001).map(row).collect(), 100_002, Err("it has 100001 entries, the limit is 100000"));
    }

    #[test]
    fn an_archive_expands_a_thousandfold_or_to_1_gib() {
        check(vec![entry("a", 1 << 30, 0, 10)], 11, Ok(()));
        check(
            vec![entry("a", (1 << 30) + 1, 0, 10)],
            11,
            Err("its 11 bytes expand to 1073741825: more than 1000 for one, and more than 1073741824 in all"),
        );
        check(vec![entry("a", 4_000_000_000, 0, 3_999_999)], 4_000_000, Ok(()));
        check(
            vec![entry("a", 4_000_000_001, 0, 3_999_999)],
            4_000_000,
            Err("its 4000000 bytes expand to 4000000001: more than 1000 for one, and more than 1073741824 in all"),
        );
    }

    #[test]
    fn the_files_of_an_archive_have_at_most_16_tib() {
        let row = |n: u64| entry(&format!("db/{n}"), 1 << 40, n << 35, 1 << 35);
        check((0..16).map(row).collect(), 1 << 40, Ok(()));
        check(
            (0..17).map(row).collect(),
            1 << 40,
            Err("its files have 18691697672192 bytes together, the limit is 17592186044416"),
        );
    }
}
