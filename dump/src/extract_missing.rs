//! Turning an archive back into files where some of them are at hand already: only the others are read.

use crate::archive_reader::Watched;
use crate::entry_content::EntryContent;
use crate::extract::{ExtractArchiveError, Extraction};
use crate::frame::FrameDecoder;
use crate::manifest::ShardRecord;
use crate::record::{EntryRecord, FrameSpan};
use crate::refusal::ReadArchiveError;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Writes the files of an archive into a folder as [`crate::extract_archive`] does, but for those that `reuse` puts there.
/// It hears of each entry and of the path of its new file, and says whether that is there now, durably, with the recorded
/// content. `progress` hears of every portion, read or not, in bytes that add up to the archive's.
///
/// All that is read is checked. What is between, and the archive's own digest, is not: it takes no part in the files.
pub fn extract_missing<R: Read + Seek>(
    shard: &ShardRecord,
    archive: &mut R,
    folder: &Path,
    reuse: &mut dyn FnMut(&EntryRecord, &Path) -> bool,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ExtractArchiveError> {
    let read_error = |error| ReadArchiveError::Read { shard: shard.shard, error };
    let mut decoder = FrameDecoder::new().map_err(read_error)?;
    let mut extraction = Extraction::begin(folder);
    let mut at = 0;
    for entry in shard.archive.entries() {
        let FrameSpan { offset, bytes } = entry.frame;
        let path = extraction.place(&entry.path)?;
        if reuse(entry, &path) {
            extraction.placed(path);
            progress(bytes);
        } else {
            if at != offset {
                archive.seek(SeekFrom::Start(offset)).map_err(read_error)?;
            }
            let mut source = Watched { source: archive, progress };
            extraction.write(&entry.path, EntryContent::open(&mut decoder, &mut source, shard, entry)?)?;
            at = offset + bytes;
        }
    }
    progress(shard.archive.trailer().bytes);
    Ok(extraction.complete()?)
}
