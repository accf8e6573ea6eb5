//! Writing an archive: one zstd frame an entry, in one pass, with bounded memory.

use crate::compression::{Compression, InvalidCompression};
use crate::entry_path::EntryPath;
use crate::limits::{BUFFER_BYTES, ENTRIES_MAX, ENTRY_BYTES_MAX};
use crate::record::{ArchiveRecord, EntryRecord, FrameSpan, InvalidArchiveRecord};
use crate::tap::Tap;
use crate::tar_header::{self, TRAILER, frame_content_bytes, padded};
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use zstd::zstd_safe::CCtx;

/// Writes an archive entry by entry. The same entries give the same bytes, whatever the number of threads.
pub struct ArchiveWriter<W: Write> {
    output: Tap<W>,
    compressor: Compressor,
    entries: Vec<EntryRecord>,
    paths: BTreeSet<EntryPath>,
    buffer: Vec<u8>,
    /// Set while an entry is being written: after a failure the archive holds half of it and can only be thrown away.
    broken: bool,
}

/// An entry that did not make it into the archive.
#[derive(Debug, thiserror::Error)]
pub enum AppendEntryError {
    /// The archive holds half an entry: throw it away.
    #[error("cannot append `{path}`: an earlier entry failed half-way")]
    Broken {
        /// The entry.
        path: EntryPath,
    },
    /// The entry cannot be part of this archive, which is as it was.
    #[error(transparent)]
    Refused(#[from] InvalidArchiveRecord),
    /// The source failed.
    #[error("cannot read the content of `{path}`: {error}")]
    Read {
        /// The entry.
        path: EntryPath,
        /// What the system said.
        error: io::Error,
    },
    /// The source ended early.
    #[error("the content of `{path}` ends after {found} bytes, {expected} were announced")]
    Shorter {
        /// The entry.
        path: EntryPath,
        /// What came.
        found: u64,
        /// What should have come.
        expected: u64,
    },
    /// The source goes on.
    #[error("the content of `{path}` goes on after the announced {expected} bytes")]
    Longer {
        /// The entry.
        path: EntryPath,
        /// What should have come.
        expected: u64,
    },
    /// The archive could not be written to, or compression failed.
    #[error("cannot write `{path}` to the archive: {error}")]
    Write {
        /// The entry.
        path: EntryPath,
        /// What the system said.
        error: io::Error,
    },
}

/// An archive that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum FinishArchiveError {
    /// The archive holds half an entry: throw it away.
    #[error("cannot finish the archive: an entry failed half-way")]
    Broken,
    /// No reader would accept it.
    #[error("the archive cannot be part of a dump: {0}")]
    Refused(#[from] InvalidArchiveRecord),
    /// The archive could not be written to.
    #[error("cannot write the end of the archive: {0}")]
    Write(io::Error),
}

impl<W: Write> ArchiveWriter<W> {
    /// Starts an archive. Nothing is written yet.
    pub fn new(output: W, compression: Compression) -> Result<Self, InvalidCompression> {
        compression.check()?;
        Ok(Self {
            output: Tap::new(output),
            compressor: Compressor { context: CCtx::create(), compression },
            entries: Vec::new(),
            paths: BTreeSet::new(),
            buffer: vec![0; BUFFER_BYTES],
            broken: false,
        })
    }

    /// Appends one file. The content must have exactly the announced length, which stands before it in the archive.
    pub fn append(&mut self, path: &EntryPath, bytes: u64, content: &mut dyn Read) -> Result<(), AppendEntryError> {
        if self.broken {
            return Err(AppendEntryError::Broken { path: path.clone() });
        }
        self.admit(path, bytes)?;
        self.broken = true;
        let offset = self.output.bytes();
        let blake3 = self.write_entry(path, bytes, content)?;
        let frame = FrameSpan { offset, bytes: self.output.bytes() - offset };
        self.entries.push(EntryRecord { path: path.clone(), bytes, blake3, frame });
        self.paths.insert(path.clone());
        self.broken = false;
        Ok(())
    }

    /// Writes the end of the tar and gives the output back, flushed. A file is yet to be synced.
    pub fn finish(mut self) -> Result<(ArchiveRecord, W), FinishArchiveError> {
        if self.broken {
            return Err(FinishArchiveError::Broken);
        }
        self.write_trailer().map_err(FinishArchiveError::Write)?;
        let record = ArchiveRecord::new(self.entries, self.output.bytes(), self.output.blake3())?;
        Ok((record, self.output.into_inner()))
    }

    /// Says early what [`ArchiveRecord::new`] would say after hours of compressing.
    fn admit(&self, path: &EntryPath, bytes: u64) -> Result<(), InvalidArchiveRecord> {
        if self.entries.len() >= ENTRIES_MAX {
            return Err(InvalidArchiveRecord::TooManyEntries { entries: self.entries.len() + 1 });
        }
        if bytes > ENTRY_BYTES_MAX {
            return Err(InvalidArchiveRecord::EntryTooLarge { path: path.clone(), bytes });
        }
        if self.paths.contains(path) {
            return Err(InvalidArchiveRecord::DuplicateEntry { path: path.clone() });
        }
        Ok(())
    }

    fn write_entry(
        &mut self,
        path: &EntryPath,
        bytes: u64,
        content: &mut dyn Read,
    ) -> Result<blake3::Hash, AppendEntryError> {
        let write_error = |error| AppendEntryError::Write { path: path.clone(), error };
        let read_error = |error| AppendEntryError::Read { path: path.clone(), error };

        let mut frame = self.compressor.frame(&mut self.output, frame_content_bytes(bytes)).map_err(write_error)?;
        frame.write_all(&tar_header::header(path, bytes)).map_err(write_error)?;
        let mut hasher = blake3::Hasher::new();
        let mut left = bytes;
        while left > 0 {
            let room = usize::try_from(left).map_or(BUFFER_BYTES, |left| left.min(BUFFER_BYTES));
            let filled = fill(content, &mut self.buffer[..room]).map_err(read_error)?;
            hasher.update(&self.buffer[..filled]);
            frame.write_all(&self.buffer[..filled]).map_err(write_error)?;
            left -= filled as u64;
            if filled < room {
                return Err(AppendEntryError::Shorter { path: path.clone(), found: bytes - left, expected: bytes });
            }
        }
        if fill(content, &mut [0]).map_err(read_error)? > 0 {
            return Err(AppendEntryError::Longer { path: path.clone(), expected: bytes });
        }
        io::copy(&mut io::repeat(0).take(padded(bytes) - bytes), &mut frame).map_err(write_error)?;
        frame.finish().map_err(write_error)?;
        Ok(hasher.finalize())
    }

    fn write_trailer(&mut self) -> io::Result<()> {
        let mut frame = self.compressor.frame(&mut self.output, TRAILER.len() as u64)?;
        frame.write_all(&TRAILER)?;
        frame.finish()?;
        self.output.flush()
    }
}

/// zstd's memory and threads, kept from frame to frame.
struct Compressor {
    context: CCtx<'static>,
    compression: Compression,
}

impl Compressor {
    /// Begins a frame. The announced length stands in its header, so that a reader can refuse it unopened.
    fn frame<'a, W: Write>(&'a mut self, output: W, content_bytes: u64) -> io::Result<zstd::Encoder<'a, W>> {
        let Compression { level, threads } = self.compression;
        let mut frame = zstd::Encoder::with_context(output, &mut self.context);
        frame.set_parameter(zstd::zstd_safe::CParameter::CompressionLevel(level))?;
        frame.include_checksum(true)?;
        // One thread is a thread too: without any, zstd cuts the content in other places, and the bytes differ.
        frame.multithread(threads)?;
        frame.set_pledged_src_size(Some(content_bytes))?;
        Ok(frame)
    }
}

/// Reads until the buffer is full or the source ends, so that what zstd sees does not depend on how the source
/// portions it.
fn fill(source: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
