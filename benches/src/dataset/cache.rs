//! The folder, outside the repository, that keeps what was fetched or took long to compute.

use crate::files::{self, FileFailed};
use crate::tool::{self, ToolFailed};
use std::env;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::process::Command;
use twox_hash::XxHash64;

/// A file that is not the one that was published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} has sha256 {found}, not {expected}: delete it, it will be fetched again", path.display())]
pub(crate) struct WrongChecksum {
    path: PathBuf,
    expected: &'static str,
    found: String,
}

/// No home to put the cache into.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no folder for data sets: set ANNULI_DATA or HOME")]
pub(crate) struct NoCacheFolder;

/// Where data sets are kept.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The given folder, else `~/.cache/annuli/data`.
    pub(crate) fn new(folder: Option<PathBuf>) -> Result<Self, NoCacheFolder> {
        let at_home = || Some(env::home_dir()?.join(".cache/annuli/data"));
        Ok(Self { folder: folder.or_else(at_home).ok_or(NoCacheFolder)? })
    }

    /// The folder of one data set.
    pub(crate) fn folder_of(&self, dataset: &str) -> Result<PathBuf, FileFailed> {
        let folder = self.folder.join(dataset);
        files::create_folder(&folder)?;
        Ok(folder)
    }
}

/// Why a file is not taken for the published one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unverified {
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error(transparent)]
    Checksum(#[from] WrongChecksum),
}

/// Compares a file with the checksum of the one that was published.
pub(crate) fn verify_sha256(path: &Path, expected: &'static str) -> Result<(), Unverified> {
    let line = tool::output(Command::new("sha256sum").arg("--binary").arg("--").arg(path))?;
    let line = String::from_utf8_lossy(&line);
    let found = line.split_whitespace().next().unwrap_or_default();
    if found == expected {
        return Ok(());
    }
    Err(WrongChecksum { path: path.to_owned(), expected, found: found.to_owned() }.into())
}

/// Tells our own cached files from damaged ones and from those of other inputs; no protection against malice.
#[derive(Default)]
pub(crate) struct Checksum(XxHash64);

impl Checksum {
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.write(bytes);
        self
    }

    pub(crate) fn floats<'a>(mut self, floats: impl IntoIterator<Item = &'a f32>) -> Self {
        for float in floats {
            self.0.write(&float.to_le_bytes());
        }
        self
    }

    pub(crate) fn hexadecimal(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_than_the_published_one_is_named() {
        const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive");
        files::write(&path, b"").unwrap();
        verify_sha256(&path, EMPTY).unwrap();
        files::write(&path, b"x").unwrap();
        let error = verify_sha256(&path, EMPTY).unwrap_err().to_string();
        assert!(error.contains("archive has sha256 2d711642b726b04401627ca9fbac32f5"), "{error}");
    }

    #[test]
    fn a_checksum_tells_numbers_apart() {
        let of = |floats: &[f32]| Checksum::default().bytes(b"x").floats(floats).hexadecimal();
        assert_eq!(of(&[1.0, 2.0]), of(&[1.0, 2.0]));
        assert_ne!(of(&[1.0, 2.0]), of(&[2.0, 1.0]));
    }
}
