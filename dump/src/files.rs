//! Where the files of dumps are kept: the seam between the format, which is this crate's, and a place, which may be a
//! folder or a bucket.

use crate::disk::DiskError;
use crate::dump_id::DumpId;
use crate::file::{DumpFile, DumpKey};
use annuli_core::id::IndexUuid;
use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

/// A place that keeps files of dumps. It knows their names and nothing of what is in them. `dump/contract` holds every
/// implementor to what is said here.
///
/// Calls block, each for a bounded time. Of what they promise, one thing may be weaker than it looks: a place that has
/// no atomic step for "write it unless it is there" looks first and writes then. Two processes that write the same file
/// at the same moment are kept apart by whoever coordinates them; these promises catch a late one.
pub trait DumpFiles: fmt::Debug + Send + Sync {
    /// The place as messages name it, without any secret.
    fn place(&self) -> String;

    /// Whether all of it is in that folder, and so belongs to whoever has the folder.
    fn lies_in(&self, folder: &Path) -> bool;

    /// Makes room for a dump whose id was never used here, and remembers the id.
    fn begin(&self, dump: DumpKey) -> Result<(), BeginDumpError>;

    /// Begins a file of a dump that was begun, perhaps by another process.
    fn create(&self, dump: DumpKey, file: DumpFile) -> Result<Box<dyn NewFile>, StoreFault>;

    /// A published file from the byte `from` on; beyond its end there is nothing. `None` if there is no such file.
    fn open(&self, dump: DumpKey, file: DumpFile, from: u64) -> Result<Option<Box<dyn Read + Send>>, StoreFault>;

    /// Length of a published file, if there is one.
    fn bytes(&self, dump: DumpKey, file: DumpFile) -> Result<Option<u64>, StoreFault>;

    /// Every dump that was begun and not removed, in any order.
    fn dumps(&self) -> Result<Vec<DumpKey>, StoreFault>;

    /// Removes a dump, its manifest before anything else, so that a dump half removed is never taken for a whole one.
    /// Says whether there was anything of it; if it fails it can be called again.
    fn remove(&self, dump: DumpKey) -> Result<bool, StoreFault>;
}

/// A file in the making. Dropped before it is published it leaves nothing.
pub trait NewFile: io::Write + Send {
    /// Gives it its name: from now on it is there, whole, and stays there if the power is cut.
    fn publish(self: Box<Self>) -> Result<(), PublishError>;
}

/// A place that does not do what is asked of it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{object}`: {reason}")]
pub struct StoreFault {
    action: &'static str,
    object: String,
    reason: Box<dyn Error + Send + Sync>,
}

/// A dump that was not begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginDumpError {
    /// Ids are never used twice, not even after a failure.
    #[error("dump {dump} of index {index} exists already: a dump needs a new id")]
    Exists {
        /// The index.
        index: IndexUuid,
        /// The dump.
        dump: DumpId,
    },
    /// The place could not be written to.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

/// A file that was not published. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Published files never change: another process has written this one.
    #[error("`{object}` exists already: another process has written it, and what is published never changes")]
    Exists {
        /// Where.
        object: String,
    },
    /// The place could not be written to, or the dump was removed meanwhile.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl StoreFault {
    /// Says what was tried, with what, and what became of it.
    pub fn new(
        action: &'static str,
        object: impl Into<String>,
        reason: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { action, object: object.into(), reason: reason.into() }
    }
}

impl From<DiskError> for StoreFault {
    fn from(error: DiskError) -> Self {
        Self::new(error.action, error.path.display().to_string(), error.error)
    }
}

impl From<DiskError> for BeginDumpError {
    fn from(error: DiskError) -> Self {
        Self::Store(error.into())
    }
}

impl From<DiskError> for PublishError {
    fn from(error: DiskError) -> Self {
        Self::Store(error.into())
    }
}
