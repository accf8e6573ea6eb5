//! One process for each workspace: a locked file with the process's id in it.

use super::disk::DiskFault;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The lock, until it is dropped or the process ends in any way.
pub(crate) struct WorkspaceLock {
    _file: File,
}

/// Why the lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the workspace `{}` is in use by process {holder}: stop it, or choose another workspace", root.display())]
    InUse {
        /// The workspace.
        root: PathBuf,
        /// The id in the lock file.
        holder: String,
    },
    /// The file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

impl WorkspaceLock {
    pub(crate) fn take(root: &Path) -> Result<Self, LockError> {
        let path = root.join(".lock");
        let fault = |doing| DiskFault::of(doing, &path);
        // The file is never removed: who holds a lock on a removed file locks nobody out.
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(fault("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who the holder is only makes the message better.
                let _ = file.read_to_string(&mut holder);
                return Err(LockError::InUse { root: root.to_owned(), holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(fault("lock")(error).into()),
        }
        let write_id = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write_id(&mut file).map_err(fault("write"))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_has_one_holder() {
        let root = tempfile::tempdir().unwrap();
        let lock = WorkspaceLock::take(root.path()).unwrap();
        let error = WorkspaceLock::take(root.path()).err().unwrap().to_string();
        assert!(error.contains(&format!("is in use by process {}", std::process::id())), "{error}");
        drop(lock);
        assert!(WorkspaceLock::take(root.path()).is_ok());
    }
}
