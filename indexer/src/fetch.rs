//! The archive of a shard as it comes from where dumps are kept. Who has read a part of it and loses the rest goes on
//! where it broke off.

use crate::stop::Stop;
use annuli_core::ShardId;
use annuli_dump::{OpenArchiveError, StoredDump};
use crossbeam_channel::RecvTimeoutError;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

/// Times that reading is taken up again at one place, after these pauses: what a place does not give by then, it does not
/// give soon.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1)];

/// Reads an archive to its recorded end.
pub(crate) struct Fetch<'a> {
    dump: &'a StoredDump,
    shard: ShardId,
    /// Length of the archive.
    bytes: u64,
    at: u64,
    source: Option<Box<dyn Read + Send>>,
    /// Since something last came.
    failures: usize,
    stop: &'a Stop,
}

impl<'a> Fetch<'a> {
    /// Begins with the first of its `bytes`.
    pub(crate) fn new(dump: &'a StoredDump, shard: ShardId, bytes: u64, stop: &'a Stop) -> Self {
        Self { dump, shard, bytes, at: 0, source: None, failures: 0, stop }
    }

    fn read_on(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.source.is_none() {
            self.source = Some(self.dump.open_archive_from(self.shard, self.at).map_err(|error| match error {
                OpenArchiveError::Absent { .. } => io::Error::new(io::ErrorKind::NotFound, error),
                OpenArchiveError::Store(_) => io::Error::other(error),
            })?);
        }
        let read = self.source.as_mut().map_or(Ok(0), |source| source.read(into))?;
        if read == 0 && self.at < self.bytes && !into.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(read)
    }

    /// Waits before reading is taken up again; an error when that is no use.
    fn recover(&mut self, error: io::Error) -> io::Result<()> {
        self.source = None;
        if error.kind() == io::ErrorKind::NotFound {
            // Whoever lists it has seen it there: it was taken away since.
            return Err(error);
        }
        let Some(pause) = PAUSES.get(self.failures) else {
            let (at, bytes, times) = (self.at, self.bytes, self.failures + 1);
            let message = format!("it breaks off at byte {at} of {bytes}, after {times} attempts: {error}");
            return Err(io::Error::new(error.kind(), message));
        };
        self.failures += 1;
        tracing::warn!(shard = self.shard.0, at = self.at, %error, "an archive broke off, it is read on from there");
        match self.stop.told().recv_timeout(*pause) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("nobody waits for it any longer")),
        }
    }
}

impl Read for Fetch<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.is_told() {
                return Err(io::Error::other("nobody waits for it any longer"));
            }
            match self.read_on(into) {
                Ok(read) => {
                    self.at += read as u64;
                    self.failures = 0;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.recover(error)?,
            }
        }
    }
}

impl Seek for Fetch<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        if at != self.at {
            // The place is asked for what is wanted, and for nothing before it.
            (self.at, self.source) = (at, None);
        }
        Ok(at)
    }
}
