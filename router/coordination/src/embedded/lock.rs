//! One commit at a time: a locked file, with the process's id in it.

use super::disk::DiskFault;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Between two tries. A commit takes a sync of the disk, some milliseconds.
pub(super) const RETRY: Duration = Duration::from_millis(2);

/// How long a commit waits for others, each of which holds the lock for milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The lock's file. It is never removed: who holds a lock on a removed file locks nobody out.
#[derive(Debug)]
pub(super) struct CommitLock {
    file: File,
    path: PathBuf,
}

/// The lock, held until this is dropped or the process ends in any way.
#[derive(Debug)]
pub(super) struct Held<'a>(&'a File);

/// The lock was not to be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "process {holder} has held `{}` for longer than {PATIENCE:?}: if it is stopped, let it go on or end it",
    path.display()
)]
pub(super) struct LockHeld {
    path: PathBuf,
    holder: String,
}

impl CommitLock {
    pub(super) fn open(folder: &Path) -> Result<Self, DiskFault> {
        let path = folder.join("lock");
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        Ok(Self { file: options.map_err(DiskFault::of("open", &path))?, path })
    }

    /// Takes the lock, unless another has it.
    pub(super) fn try_take(&self) -> Result<Option<Held<'_>>, DiskFault> {
        match self.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(DiskFault::of("lock", &self.path)(error)),
        }
        let held = Held(&self.file);
        // Who the holder is only makes a message better.
        let _ = self.file.write_all_at(format!("{:<10}\n", std::process::id()).as_bytes(), 0);
        Ok(Some(held))
    }

    /// Waits for the lock.
    pub(super) fn take(&self) -> Result<Held<'_>, TakeError> {
        let (_nobody, silence) = sync_channel::<()>(1);
        let mut waited = Duration::ZERO;
        loop {
            if let Some(held) = self.try_take()? {
                return Ok(held);
            }
            if waited >= PATIENCE {
                return Err(self.refusal().into());
            }
            // Nobody sends: this is a pause.
            let _ = silence.recv_timeout(RETRY);
            waited += RETRY;
        }
    }

    /// Names who has it.
    pub(super) fn refusal(&self) -> LockHeld {
        let mut holder = [0; 10];
        // Without its id, the message still says what to look for.
        let read = self.file.read_at(&mut holder, 0).unwrap_or(0);
        let holder = String::from_utf8_lossy(&holder[..read]).trim().to_owned();
        LockHeld { path: self.path.clone(), holder }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // A lock that cannot be given back goes with the process.
        let _ = self.0.unlock();
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error(transparent)]
    Held(#[from] LockHeld),
    #[error(transparent)]
    Disk(#[from] DiskFault),
}
