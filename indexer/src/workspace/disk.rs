//! Files and folders that are there, whole, once a function here returns.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file or folder that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} `{}`: {reason}", path.display())]
pub struct DiskFault {
    doing: &'static str,
    path: PathBuf,
    #[source]
    reason: io::Error,
}

impl DiskFault {
    /// Returns whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        self.reason.kind() == io::ErrorKind::StorageFull
    }

    /// Names what was done to which path.
    pub(crate) fn of(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self { doing, path: path.to_owned(), reason }
    }
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), DiskFault> {
    fs::create_dir_all(path).map_err(DiskFault::of("make the folder", path))
}

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), DiskFault> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(DiskFault::of("sync the folder", path))
}

/// Writes a file of which a crash leaves the old contents or the new, never a part.
pub(crate) fn replace_file(path: &Path, contents: &[u8]) -> Result<(), DiskFault> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(contents)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(DiskFault::of("write", path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Renames a folder, durably.
pub(crate) fn rename_folder(from: &Path, to: &Path) -> Result<(), DiskFault> {
    fs::rename(from, to).map_err(DiskFault::of("rename", from))?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Removes a folder and all that is in it.
pub(crate) fn remove_folder(path: &Path) -> Result<(), DiskFault> {
    fs::remove_dir_all(path).map_err(DiskFault::of("remove", path))
}
