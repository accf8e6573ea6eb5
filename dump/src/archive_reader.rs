//! Reading an archive from its first byte to its last.

use crate::entry_content::EntryContent;
use crate::frame::FrameDecoder;
use crate::manifest::ShardRecord;
use crate::record::EntryRecord;
use crate::refusal::{EntryRefused, ReadArchiveError, TrailerFault};
use crate::tap::Tap;
use crate::tar_header::TRAILER;
use std::io::{self, Read};

/// Reads an archive against its record. Entries are asked for in the record's order, all of them, then `finish`.
pub(crate) struct ArchiveReader<'a> {
    shard: &'a ShardRecord,
    source: Tap<Watched<'a>>,
    decoder: FrameDecoder,
}

/// Tells how much was read, as it is read.
pub(crate) struct Watched<'a> {
    pub(crate) source: &'a mut dyn Read,
    pub(crate) progress: &'a mut dyn FnMut(u64),
}

impl Read for Watched<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        (self.progress)(read as u64);
        Ok(read)
    }
}

impl<'a> ArchiveReader<'a> {
    pub(crate) fn new(
        shard: &'a ShardRecord,
        source: &'a mut dyn Read,
        progress: &'a mut dyn FnMut(u64),
    ) -> Result<Self, ReadArchiveError> {
        let decoder = FrameDecoder::new().map_err(|error| ReadArchiveError::Read { shard: shard.shard, error })?;
        Ok(Self { shard, source: Tap::new(Watched { source, progress }), decoder })
    }

    /// The entry that the archive holds next, which must be the given one.
    pub(crate) fn entry<'b>(&'b mut self, entry: &'b EntryRecord) -> Result<EntryContent<'b>, EntryRefused> {
        EntryContent::open(&mut self.decoder, &mut self.source, self.shard, entry)
    }

    /// Checks the end of the tar, that nothing follows it, and that every byte was the recorded one.
    pub(crate) fn finish(mut self) -> Result<(), ReadArchiveError> {
        let shard = self.shard.shard;
        if let Err(fault) = self.read_trailer() {
            return Err(ReadArchiveError::Trailer { shard, fault });
        }
        let record = &self.shard.archive;
        if self.goes_on().map_err(|error| ReadArchiveError::Read { shard, error })? {
            return Err(ReadArchiveError::TrailingBytes { shard, recorded: record.bytes() });
        }
        let found = self.source.blake3();
        if found != record.blake3() {
            return Err(ReadArchiveError::Digest { shard, found, recorded: record.blake3() });
        }
        Ok(())
    }

    fn read_trailer(&mut self) -> Result<(), TrailerFault> {
        let mut left = TRAILER.len() as u64;
        let mut frame = self.decoder.open(&mut self.source, self.shard.archive.trailer().bytes, left)?;
        while left > 0 {
            let chunk = frame.take(left)?;
            if chunk.iter().any(|byte| *byte != 0) {
                return Err(TrailerFault::NotZero);
            }
            left -= chunk.len() as u64;
        }
        Ok(frame.close()?)
    }

    fn goes_on(&mut self) -> io::Result<bool> {
        loop {
            match self.source.read(&mut [0]) {
                Ok(read) => return Ok(read > 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
