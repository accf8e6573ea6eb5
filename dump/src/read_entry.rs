//! Reading one small file of an archive into memory.

use crate::entry_content::EntryContent;
use crate::entry_path::EntryPath;
use crate::frame::FrameDecoder;
use crate::manifest::{ShardRecord, archive_name};
use crate::refusal::EntryRefused;
use annuli_core::id::ShardId;
use std::io::{self, Read, Seek, SeekFrom};

/// A file that was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadEntryError {
    /// The dump has no such file.
    #[error("archive `{}` has no entry `{path}`", archive_name(*shard))]
    NoSuchEntry {
        /// Whose archive it is.
        shard: ShardId,
        /// The entry asked for.
        path: EntryPath,
    },
    /// The caller does not want that much in memory.
    #[error("entry `{path}` of archive `{}` has {bytes} bytes, the limit is {bytes_max}", archive_name(*shard))]
    TooLarge {
        /// Whose archive it is.
        shard: ShardId,
        /// The entry asked for.
        path: EntryPath,
        /// Its length.
        bytes: u64,
        /// The caller's limit.
        bytes_max: u64,
    },
    /// The archive could not be read, or zstd could not be set up.
    #[error("archive `{}` cannot be read: {error}", archive_name(*shard))]
    Read {
        /// Whose archive it is.
        shard: ShardId,
        /// What the system said.
        error: io::Error,
    },
    /// The entry is not what its record says.
    #[error(transparent)]
    Refused(#[from] EntryRefused),
}

/// Reads one file of an archive, decoding its frame only: its content is checked, the rest of the archive is not.
pub fn read_entry<R: Read + Seek>(
    record: &ShardRecord,
    path: &EntryPath,
    archive: &mut R,
    bytes_max: u64,
) -> Result<Vec<u8>, ReadEntryError> {
    let shard = record.shard;
    let Some(entry) = record.archive.entry(path) else {
        return Err(ReadEntryError::NoSuchEntry { shard, path: path.clone() });
    };
    if entry.bytes > bytes_max {
        return Err(ReadEntryError::TooLarge { shard, path: path.clone(), bytes: entry.bytes, bytes_max });
    }
    let read_error = |error| ReadEntryError::Read { shard, error };
    archive.seek(SeekFrom::Start(entry.frame.offset)).map_err(read_error)?;
    let mut decoder = FrameDecoder::new().map_err(read_error)?;
    let mut content = EntryContent::open(&mut decoder, archive, record, entry)?;
    // The buffer grows with what comes, not with what was promised.
    let mut bytes = Vec::new();
    while let Some(chunk) = content.next_chunk()? {
        bytes.extend_from_slice(chunk);
    }
    content.close()?;
    Ok(bytes)
}
