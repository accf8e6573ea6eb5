//! Which rows of a file are stored, for the next run of the same import.

use crate::checkpoint::{self, CheckpointError};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Shortest time between two writes: what is sent again after a crash is at most what was sent meanwhile.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// What is imported where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// The index.
    #[serde(with = "uuid::serde::hyphenated")]
    pub(super) index: Uuid,
    /// Length of the file.
    pub(super) bytes: u64,
    /// Rows of the file.
    pub(super) rows: u64,
}

/// What the file holds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    about: About,
    /// Rows from the first on that are stored, all of them.
    stored: u64,
}

/// A checkpoint of another import.
#[derive(Debug, thiserror::Error)]
#[error(
    "the checkpoint `{}` is of another import: the file had {} bytes and {} rows for an index with the UUID {}, and now \
     has {} bytes and {} rows for one with the UUID {}; choose another checkpoint, or remove it", path.display(),
    was.bytes, was.rows, was.index, is.bytes, is.rows, is.index
)]
pub struct OtherImport {
    path: PathBuf,
    was: About,
    is: About,
}

/// An open checkpoint.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    about: About,
    stored: u64,
    written: Instant,
}

/// Why a checkpoint cannot be begun with.
#[derive(Debug, thiserror::Error)]
pub enum OpenCheckpointError {
    /// The file.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// What it is about.
    #[error(transparent)]
    Other(#[from] Box<OtherImport>),
}

impl Checkpoint {
    /// Opens one, or makes the first.
    pub(super) fn open(path: &Path, about: About, now: Instant) -> Result<Self, OpenCheckpointError> {
        let mut checkpoint = Self { path: path.to_owned(), about, stored: 0, written: now };
        match checkpoint::read::<Record>(path)? {
            // Also to learn now that it can be written.
            None => checkpoint.write(now)?,
            Some(record) if record.about == about => checkpoint.stored = record.stored,
            Some(Record { about: was, .. }) => {
                return Err(Box::new(OtherImport { path: path.to_owned(), was, is: about }).into());
            }
        }
        Ok(checkpoint)
    }

    /// Rows from the first on that are stored.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// Takes down how many are now, if it is time.
    pub(super) fn reach(&mut self, stored: u64, now: Instant) -> Result<(), CheckpointError> {
        self.stored = stored;
        if now.duration_since(self.written) < WRITE_EVERY { Ok(()) } else { self.write(now) }
    }

    /// Takes it down whatever the time.
    pub(super) fn write(&mut self, now: Instant) -> Result<(), CheckpointError> {
        self.written = now;
        checkpoint::write(&self.path, &Record { about: self.about, stored: self.stored })
    }
}
