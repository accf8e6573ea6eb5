//! Files and folders that are still there after a power cut.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The file system refused something.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {error}", path.display())]
pub struct DiskError {
    pub(crate) action: &'static str,
    /// Where.
    pub path: PathBuf,
    /// What the system said.
    pub error: io::Error,
}

impl DiskError {
    /// For `map_err`: says what was tried, and where.
    pub(crate) fn at(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self { action, path: path.to_owned(), error }
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.error.kind() == io::ErrorKind::NotFound
    }
}

/// Makes the names in a folder last. A file's own sync does not cover the name that leads to it.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), DiskError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(DiskError::at("sync", folder))
}

/// Makes a folder and those above it that are missing, each of them lasting.
pub(crate) fn create_folders(folder: &Path) -> Result<(), DiskError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parent != Path::new(".") {
        create_folders(parent)?;
    }
    match fs::create_dir(folder) {
        // Another dump may be beginning at the same moment.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other.map_err(DiskError::at("create", folder))?,
    }
    sync_folder(parent)
}

/// Opens a regular file. A pipe in a store that was copied from elsewhere would be waited for without end.
pub(crate) fn open_regular(path: &Path) -> Result<File, DiskError> {
    let metadata = fs::metadata(path).map_err(DiskError::at("open", path))?;
    if !metadata.is_file() {
        return Err(DiskError::at("open", path)(io::Error::other("it is not a regular file")));
    }
    File::open(path).map_err(DiskError::at("open", path))
}

/// Names of the folders within a folder. A folder that does not exist has none.
pub(crate) fn folder_names(folder: &Path) -> Result<Vec<String>, DiskError> {
    let error = DiskError::at("list", folder);
    let rows = match fs::read_dir(folder) {
        Err(absent) if absent.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        rows => rows.map_err(&error)?,
    };
    let mut names = Vec::new();
    for row in rows {
        let row = row.map_err(&error)?;
        if row.file_type().map_err(&error)?.is_dir() {
            // A name that is not UTF-8 is not one of ours.
            names.extend(row.file_name().into_string());
        }
    }
    Ok(names)
}
