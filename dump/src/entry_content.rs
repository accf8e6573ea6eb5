//! One entry of an archive, streaming by under the eyes of its record.

use crate::frame::{Frame, FrameDecoder, FrameFault};
use crate::manifest::ShardRecord;
use crate::record::EntryRecord;
use crate::refusal::{EntryFault, EntryRefused};
use crate::tar_header::{BLOCK_BYTES, check_header, frame_content_bytes, padded};
use std::io::Read;

/// The content of an entry, chunk by chunk. Its digest is known to be right only once `close` has said so.
pub(crate) struct EntryContent<'a> {
    shard: &'a ShardRecord,
    entry: &'a EntryRecord,
    frame: Frame<'a>,
    hasher: blake3::Hasher,
    left: u64,
}

impl<'a> EntryContent<'a> {
    /// Opens the entry whose frame is what the source holds next, and checks its header.
    pub(crate) fn open(
        decoder: &'a mut FrameDecoder,
        source: &'a mut dyn Read,
        shard: &'a ShardRecord,
        entry: &'a EntryRecord,
    ) -> Result<Self, EntryRefused> {
        open_frame(decoder, source, entry)
            .map(|frame| Self { shard, entry, frame, hasher: blake3::Hasher::new(), left: entry.bytes })
            .map_err(|fault| EntryRefused::new(shard, entry, fault))
    }

    /// The next bytes, or `None` after the last recorded one.
    pub(crate) fn next_chunk(&mut self) -> Result<Option<&[u8]>, EntryRefused> {
        if self.left == 0 {
            return Ok(None);
        }
        match self.frame.take(self.left) {
            Ok(chunk) => {
                self.hasher.update(chunk);
                self.left -= chunk.len() as u64;
                Ok(Some(chunk))
            }
            Err(fault) => Err(EntryRefused::new(self.shard, self.entry, fault.into())),
        }
    }

    /// Checks the digest, the padding, and that nothing follows. All chunks must have been taken.
    pub(crate) fn close(self) -> Result<(), EntryRefused> {
        let Self { shard, entry, frame, hasher, .. } = self;
        close_frame(entry, frame, hasher.finalize()).map_err(|fault| EntryRefused::new(shard, entry, fault))
    }
}

fn open_frame<'a>(
    decoder: &'a mut FrameDecoder,
    source: &'a mut dyn Read,
    entry: &EntryRecord,
) -> Result<Frame<'a>, EntryFault> {
    let mut frame = decoder.open(source, entry.frame.bytes, frame_content_bytes(entry.bytes))?;
    check_header(&read_header(&mut frame)?, &entry.path, entry.bytes)?;
    Ok(frame)
}

fn read_header(frame: &mut Frame<'_>) -> Result<[u8; BLOCK_BYTES], FrameFault> {
    let mut header = [0; BLOCK_BYTES];
    let mut filled = 0;
    while filled < BLOCK_BYTES {
        let chunk = frame.take((BLOCK_BYTES - filled) as u64)?;
        header[filled..filled + chunk.len()].copy_from_slice(chunk);
        filled += chunk.len();
    }
    Ok(header)
}

fn close_frame(entry: &EntryRecord, mut frame: Frame<'_>, found: blake3::Hash) -> Result<(), EntryFault> {
    if found != entry.blake3 {
        return Err(EntryFault::Digest { found, recorded: entry.blake3 });
    }
    let mut padding_left = padded(entry.bytes) - entry.bytes;
    while padding_left > 0 {
        let padding = frame.take(padding_left)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(EntryFault::Padding);
        }
        padding_left -= padding.len() as u64;
    }
    Ok(frame.close()?)
}
