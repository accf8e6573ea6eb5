//! The path of a file within an archive, safe to join to a folder by construction.

use crate::limits::{ENTRY_PATH_BYTES_MAX, ENTRY_PATH_COMPONENTS_MAX};
use std::fmt;

/// A relative path like `db/000012.sst`: one to three components of `[A-Za-z0-9._-]`, none of them `.` or `..`. It fits
/// the name field of a plain ustar header and cannot lead out of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryPath(Box<str>);

/// A text that cannot be the path of an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{start:?} cannot be the path of an entry: it needs 1 to {ENTRY_PATH_COMPONENTS_MAX} components of letters, \
     digits, `.`, `_` or `-`, none of them `.` or `..`, in at most {ENTRY_PATH_BYTES_MAX} bytes"
)]
pub struct InvalidEntryPath {
    start: String,
}

impl EntryPath {
    /// Checks the form.
    pub fn new(text: &str) -> Result<Self, InvalidEntryPath> {
        let well_formed = text.len() <= ENTRY_PATH_BYTES_MAX
            && text.split('/').count() <= ENTRY_PATH_COMPONENTS_MAX
            && text.split('/').all(is_component);
        if well_formed {
            Ok(Self(Box::from(text)))
        } else {
            Err(InvalidEntryPath { start: text.chars().take(ENTRY_PATH_BYTES_MAX + 1).collect() })
        }
    }

    /// A file of the shard's RocksDB checkpoint, which is a flat folder: `db/<file>`.
    pub fn db(file: &str) -> Result<Self, InvalidEntryPath> {
        Self::in_folder("db", file)
    }

    /// A file of one of the shard's segments: `segments/<n>/<file>`.
    pub fn segment(number: u64, file: &str) -> Result<Self, InvalidEntryPath> {
        Self::in_folder(&format!("segments/{number}"), file)
    }

    /// The segment that the file is of, if it is of one.
    pub fn segment_number(&self) -> Option<u64> {
        let (number, file) = self.0.strip_prefix("segments/")?.split_once('/')?;
        let number = number.parse().ok()?;
        // One spelling: a number with zeros before it is another path.
        (Self::segment(number, file).as_ref() == Ok(self)).then_some(number)
    }

    /// The sample queries: `canaries.json`.
    pub fn canaries() -> Self {
        Self(Box::from("canaries.json"))
    }

    fn in_folder(folder: &str, file: &str) -> Result<Self, InvalidEntryPath> {
        if is_component(file) {
            Self::new(&format!("{folder}/{file}"))
        } else {
            Err(InvalidEntryPath { start: file.chars().take(ENTRY_PATH_BYTES_MAX + 1).collect() })
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The empty component refuses absolute paths, `a//b` and `a/` as well.
fn is_component(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !matches!(text, "" | "." | "..") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(EntryPath::new(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn a_file_of_a_segment_is_known_by_its_path() {
        let number = |text: &str| EntryPath::new(text).unwrap().segment_number();
        assert_eq!(EntryPath::segment(12, "segment").unwrap().segment_number(), Some(12));
        assert_eq!(number("segments/012/segment"), None);
        assert_eq!(number("segments/12"), None);
        assert_eq!(number("segments/x/segment"), None);
        assert_eq!(number("db/12/segment"), None);
    }

    #[test]
    fn a_path_stays_within_its_folder() {
        for text in
            ["canaries.json", "db/000012.sst", "db/OPTIONS-000007", "segments/0/vectors", "...", &"a".repeat(100)]
        {
            check(text, true);
        }
        for text in [
            "",
            "/",
            "/etc/passwd",
            "..",
            ".",
            "../a",
            "db/../a",
            "db/./a",
            "db//a",
            "db/",
            "a/b/c/d",
            "db\\a",
            "db/a b",
            "db/a\0",
            "db/ä",
            "C:/a",
            &"a".repeat(101),
        ] {
            check(text, false);
        }
    }

    #[test]
    fn an_archive_has_three_kinds_of_entries() {
        assert_eq!(EntryPath::db("000012.sst").unwrap().as_str(), "db/000012.sst");
        assert_eq!(EntryPath::segment(7, "ids").unwrap().as_str(), "segments/7/ids");
        assert_eq!(EntryPath::new("canaries.json").unwrap(), EntryPath::canaries());
        for file in ["", "..", "archive/000012.log", "/etc/passwd"] {
            assert!(EntryPath::db(file).is_err(), "{file}");
            assert!(EntryPath::segment(7, file).is_err(), "{file}");
        }
    }
}
