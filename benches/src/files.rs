//! Reading and writing files, with errors that name them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file or folder that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub(crate) struct FileFailed {
    pub path: PathBuf,
    pub source: io::Error,
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileFailed> {
    fs::read(path).map_err(|source| FileFailed { path: path.to_owned(), source })
}

/// Writes a file that is there as a whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileFailed> {
    let failed = |source| FileFailed { path: path.to_owned(), source };
    let partial = path.with_added_extension("partial");
    fs::write(&partial, bytes).map_err(failed)?;
    fs::rename(&partial, path).map_err(failed)
}

/// Makes sure that there is a folder.
pub(crate) fn create_folder(path: &Path) -> Result<(), FileFailed> {
    fs::create_dir_all(path).map_err(|source| FileFailed { path: path.to_owned(), source })
}
