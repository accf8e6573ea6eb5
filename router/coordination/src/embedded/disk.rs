//! What the file system refuses, in words.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file system refused something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{}`: {error}", path.display())]
pub(super) struct DiskFault {
    doing: &'static str,
    path: PathBuf,
    #[source]
    error: io::Error,
}

impl DiskFault {
    /// For `map_err`: says what was tried, and where.
    pub(super) fn of(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self { doing, path: path.to_owned(), error }
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.error.kind() == io::ErrorKind::NotFound
    }
}

/// Makes the names in a folder last. A file's own sync does not cover the name that leads to it.
pub(super) fn sync_folder(folder: &Path) -> Result<(), DiskFault> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(DiskFault::of("sync", folder))
}

/// Makes a folder and those above it that are missing, each of them lasting.
pub(super) fn make_folder(folder: &Path) -> Result<(), DiskFault> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folder(parent)?;
    }
    match fs::create_dir(folder) {
        // Another process begins at the same moment.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(DiskFault::of("create", folder))?,
    }
    sync_folder(parent.unwrap_or(Path::new(".")))
}
