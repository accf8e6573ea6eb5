//! Small JSON files with a format version, written so that a crash leaves the old contents or the new.

use super::disk::{DiskFault, replace_file};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Version of the workspace's files that this release writes; it reads every one up to this.
const FORMAT: u32 = 2;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JsonFileError {
    /// It cannot be opened.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// It is not what was written.
    #[error("`{}` cannot be read: {reason}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: serde_json::Error,
    },
    /// A later release wrote it.
    #[error("`{}` has format version {found}, this release reads up to {FORMAT}: use a newer one", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// What is in every version of a file.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format_version: u32,
    #[serde(flatten)]
    contents: T,
}

/// The contents of the file; `None` if there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, JsonFileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskFault::of("read", path)(error).into()),
    };
    let json = |reason| JsonFileError::Json { path: path.to_owned(), reason };
    // First, so that what a later release added is not called a mistake.
    let Version { format_version } = serde_json::from_slice(&bytes).map_err(json)?;
    if format_version > FORMAT {
        return Err(JsonFileError::NewerFormat { path: path.to_owned(), found: format_version });
    }
    let file: Versioned<T> = serde_json::from_slice(&bytes).map_err(json)?;
    Ok(Some(file.contents))
}

/// Replaces the contents of the file.
pub(crate) fn write<T: Serialize>(path: &Path, contents: T) -> Result<(), DiskFault> {
    let file = Versioned { format_version: FORMAT, contents };
    let bytes = serde_json::to_vec_pretty(&file).expect("the files hold texts and numbers");
    replace_file(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    type Contents = BTreeMap<String, u32>;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.json");
        fs::write(&path, text).unwrap();
        let got = match read::<Contents>(&path) {
            Ok(contents) => format!("{contents:?}"),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(want), "{got}");
    }

    #[test]
    fn a_file_is_read_up_to_its_version() {
        check(r#"{"format_version": 1, "a": 7}"#, r#"Some({"a": 7})"#);
        check(r#"{"format_version": 2, "a": 7}"#, r#"Some({"a": 7})"#);
        check(r#"{"format_version": 3, "a": []}"#, "file.json` has format version 3, this release reads up to 2");
        check(r#"{"format_version": 1, "a": []}"#, "file.json` cannot be read: invalid type");
        check("", "file.json` cannot be read: EOF");
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.json");
        assert_eq!(read::<Contents>(&path).unwrap(), None);
        let contents = Contents::from([("a".to_owned(), 1)]);
        write(&path, &contents).unwrap();
        assert_eq!(read(&path).unwrap(), Some(contents));
    }
}
