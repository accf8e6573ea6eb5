//! Reading an archive for the sake of knowing that it is sound.

use crate::archive_reader::ArchiveReader;
use crate::manifest::ShardRecord;
use crate::refusal::ReadArchiveError;
use std::io::Read;

/// Reads a whole archive and checks every byte of it against the record. Writes nothing. `progress` hears of every
/// portion of the archive, in bytes.
pub fn verify_archive(
    shard: &ShardRecord,
    archive: &mut dyn Read,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ReadArchiveError> {
    let mut reader = ArchiveReader::new(shard, archive, progress)?;
    for entry in shard.archive.entries() {
        let mut content = reader.entry(entry)?;
        while content.next_chunk()?.is_some() {}
        content.close()?;
    }
    reader.finish()
}
