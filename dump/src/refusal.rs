//! Why an archive was not accepted.

use crate::entry_path::EntryPath;
use crate::frame::FrameFault;
use crate::manifest::{ShardRecord, archive_name};
use crate::record::EntryRecord;
use crate::tar_header::HeaderFault;
use annuli_core::id::ShardId;
use std::io;

/// An archive that is not what its record says.
#[derive(Debug, thiserror::Error)]
pub enum ReadArchiveError {
    /// zstd could not be set up, or the source failed after the last entry.
    #[error("archive `{}` cannot be read: {error}", archive_name(*shard))]
    Read {
        /// Whose archive it is.
        shard: ShardId,
        /// What zstd or the system said.
        error: io::Error,
    },
    /// One of its entries is wrong.
    #[error(transparent)]
    Entry(#[from] EntryRefused),
    /// Something else stands where the tar should end.
    #[error("the end of archive `{}` is wrong: {fault}", archive_name(*shard))]
    Trailer {
        /// Whose archive it is.
        shard: ShardId,
        /// What is wrong with it.
        fault: TrailerFault,
    },
    /// Bytes after the recorded end.
    #[error("archive `{}` goes on after its recorded {recorded} bytes", archive_name(*shard))]
    TrailingBytes {
        /// Whose archive it is.
        shard: ShardId,
        /// Where it should end.
        recorded: u64,
    },
    /// Everything in it is right, but it is not the archive that was written.
    #[error("archive `{}` has blake3 {found}, {recorded} is recorded", archive_name(*shard))]
    Digest {
        /// Whose archive it is.
        shard: ShardId,
        /// What was read.
        found: blake3::Hash,
        /// What was written.
        recorded: blake3::Hash,
    },
}

impl ReadArchiveError {
    /// What the source said that could not be read. `None`: it was read, and is not what its record says.
    pub fn unread(&self) -> Option<&io::Error> {
        let frame = match self {
            Self::Read { error, .. } => return Some(error),
            Self::Entry(EntryRefused { fault: EntryFault::Frame(frame), .. })
            | Self::Trailer { fault: TrailerFault::Frame(frame), .. } => frame,
            Self::Entry(_) | Self::Trailer { .. } | Self::TrailingBytes { .. } | Self::Digest { .. } => return None,
        };
        match frame {
            FrameFault::Read(error) => Some(error),
            FrameFault::ArchiveEnds { .. }
            | FrameFault::Header(_)
            | FrameFault::Decode(_)
            | FrameFault::Unfinished
            | FrameFault::EndsEarly { .. }
            | FrameFault::Shorter { .. }
            | FrameFault::Longer => None,
        }
    }
}

/// An entry that is not what its record says.
#[derive(Debug, thiserror::Error)]
#[error("entry `{entry}` of archive `{}` is refused: {fault}", archive_name(*shard))]
pub struct EntryRefused {
    /// Whose archive it is.
    pub shard: ShardId,
    /// The entry recorded for this place.
    pub entry: EntryPath,
    /// What is wrong with it.
    pub fault: EntryFault,
}

/// What can be wrong with an entry.
#[derive(Debug, thiserror::Error)]
pub enum EntryFault {
    /// Its zstd frame.
    #[error(transparent)]
    Frame(#[from] FrameFault),
    /// Its tar header.
    #[error(transparent)]
    Header(#[from] HeaderFault),
    /// Its content.
    #[error("its content has blake3 {found}, {recorded} is recorded")]
    Digest {
        /// What was read.
        found: blake3::Hash,
        /// What was written.
        recorded: blake3::Hash,
    },
    /// What follows its content.
    #[error("its padding is not zero")]
    Padding,
}

/// What can be wrong with the end of an archive.
#[derive(Debug, thiserror::Error)]
pub enum TrailerFault {
    /// Its zstd frame.
    #[error(transparent)]
    Frame(#[from] FrameFault),
    /// Another entry, perhaps.
    #[error("it is not zero")]
    NotZero,
}

impl EntryRefused {
    pub(crate) fn new(shard: &ShardRecord, entry: &EntryRecord, fault: EntryFault) -> Self {
        Self { shard: shard.shard, entry: entry.path.clone(), fault }
    }
}
