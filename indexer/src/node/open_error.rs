//! Why the folder of a node is not opened.

use super::Role;
use crate::workspace::disk::DiskFault;
use crate::workspace::json_file::JsonFileError;
use crate::workspace::lock::LockError;
use std::path::PathBuf;

/// Why a node or a replica does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenNodeError {
    /// Another process has the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The folder or a file in it cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The file that says what the folder is cannot be read.
    #[error(transparent)]
    PlaceFile(#[from] JsonFileError),
    /// The folder belongs to another part of the cluster.
    #[error(
        "`{}` holds shard {} of {}, not shard {} of {}: start it as what it is, or choose another folder",
        root.display(), found.0, found.1, wanted.0, wanted.1
    )]
    OtherPlace {
        /// The folder.
        root: PathBuf,
        /// Shard and number of shards in the folder.
        found: (u32, u32),
        /// Those asked for.
        wanted: (u32, u32),
    },
    /// The folder is a primary's, and was to be a replica's, or the other way round.
    #[error(
        "`{}` is the folder of a {found} of this shard, not of a {wanted}: start it as what it is, or choose another folder",
        root.display()
    )]
    OtherRole {
        /// The folder.
        root: PathBuf,
        /// What it is.
        found: Role,
        /// What it was to be.
        wanted: Role,
    },
    /// The folder was made by `annuli serve`.
    #[error("`{}` is the workspace of a server that holds every shard: choose another folder", root.display())]
    Workspace {
        /// The folder.
        root: PathBuf,
    },
}
