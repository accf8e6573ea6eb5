//! A log: what the store held when the log began, then one frame for each transaction since. Persisted:
//!
//! ```text
//! log.<generation>   magic, format version, frame of the state, frames of records
//! frame              length of the payload (u32), checksum (u64, seeded with the generation), payload
//! ```
//!
//! A frame is synced before the next is begun, so a crash leaves at most the last one torn; that one was never
//! acknowledged. A frame that is not as it was written, before one that is, is damage.

use super::disk::{DiskFault, sync_folder};
use super::field::{Fields, put_u32, put_u64};
use super::record::Record;
use super::state::State;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use twox_hash::XxHash3_64;

const MAGIC: [u8; 8] = *b"annulico";
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 12;
const FRAME_HEADER_BYTES: usize = 12;

/// An open log.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    path: PathBuf,
    generation: u64,
    /// Behind the last frame that was read or written.
    end: u64,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    /// The file system refused.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// It is not as it was written.
    #[error(transparent)]
    Damaged(#[from] DamagedLog),
    /// A later release wrote it.
    #[error("`{}` has format version {found}, this release reads up to {FORMAT}: use a newer one", path.display())]
    NewerFormat { path: PathBuf, found: u32 },
}

/// A log that is not as it was written.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` is damaged at byte {at}: stop every process that uses this folder, then bring it back from a copy, or start \
     with an empty one",
    path.display()
)]
pub(super) struct DamagedLog {
    path: PathBuf,
    at: u64,
}

impl Log {
    /// Where the log of that generation is.
    pub(super) fn path(folder: &Path, generation: u64) -> PathBuf {
        folder.join(format!("log.{generation}"))
    }

    /// The generation that a file's name tells of.
    pub(super) fn generation_of(name: &str) -> Option<u64> {
        name.strip_prefix("log.")?.parse().ok()
    }

    /// Begins a log. It appears whole, under its name, or not at all.
    pub(super) fn create(folder: &Path, generation: u64, state: &State) -> Result<Self, DiskFault> {
        let mut bytes = MAGIC.to_vec();
        put_u32(&mut bytes, FORMAT);
        let mut payload = Vec::new();
        state.encode(&mut payload);
        put_frame(&mut bytes, generation, &payload);
        let (unnamed, path) = (folder.join("log.tmp"), Self::path(folder, generation));
        let mut file = File::create(&unnamed).map_err(DiskFault::of("create", &unnamed))?;
        file.write_all(&bytes).map_err(DiskFault::of("write", &unnamed))?;
        file.sync_all().map_err(DiskFault::of("sync", &unnamed))?;
        fs::rename(&unnamed, &path).map_err(DiskFault::of("rename", &unnamed))?;
        sync_folder(folder)?;
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(DiskFault::of("open", &path))?;
        Ok(Self { file, path, generation, end: bytes.len() as u64 })
    }

    /// Opens a log, and reads the state that it begins with.
    pub(super) fn open(folder: &Path, generation: u64) -> Result<(Self, State), LogError> {
        let path = Self::path(folder, generation);
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(DiskFault::of("open", &path))?;
        let mut log = Self { file, path, generation, end: 0 };
        let header = log.bytes_to((HEADER_BYTES + FRAME_HEADER_BYTES) as u64)?;
        let Some((magic, mut rest)) = header.split_at_checked(MAGIC.len()).map(|(m, rest)| (m, Fields::of(rest)))
        else {
            return Err(log.damaged_at(0).into());
        };
        let (Some(format), Some(length)) = (rest.u32(), rest.u32()) else { return Err(log.damaged_at(0).into()) };
        if magic != MAGIC || format == 0 {
            return Err(log.damaged_at(0).into());
        }
        if format > FORMAT {
            return Err(LogError::NewerFormat { path: log.path, found: format });
        }
        log.end = HEADER_BYTES as u64;
        let bytes = log.bytes_to(log.end + FRAME_HEADER_BYTES as u64 + u64::from(length))?;
        let state = frame(&bytes, generation).and_then(|payload| State::decode(&mut Fields::of(payload)));
        let Some(state) = state else { return Err(log.damaged_at(log.end).into()) };
        log.end += bytes.len() as u64;
        Ok((log, state))
    }

    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Bytes of the whole file.
    pub(super) fn length(&self) -> Result<u64, DiskFault> {
        Ok(self.file.metadata().map_err(DiskFault::of("look at", &self.path))?.len())
    }

    /// The records up to `end`, all of which are durable: one that cannot be read is damage.
    pub(super) fn read_to(&mut self, end: u64) -> Result<Vec<Record>, DamagedOr> {
        let bytes = self.bytes_to(end)?;
        let (records, read) = self.records(&bytes)?;
        if read < bytes.len() || self.end + (read as u64) < end {
            return Err(self.damaged_at(self.end + read as u64).into());
        }
        self.end += read as u64;
        Ok(records)
    }

    /// Every record that there is, adopting what somebody wrote and did not live to acknowledge, and cutting off what is
    /// torn. Only for who holds the lock. Up to `durable` nothing can be torn.
    pub(super) fn read_rest(&mut self, durable: u64) -> Result<Vec<Record>, DamagedOr> {
        let bytes = self.bytes_to(self.length()?)?;
        let (records, read) = self.records(&bytes)?;
        let (torn_at, torn) = (self.end + read as u64, &bytes[read..]);
        if torn_at < durable || holds_a_frame(torn, self.generation) {
            return Err(self.damaged_at(torn_at).into());
        }
        if !torn.is_empty() {
            tracing::warn!(log = %self.path.display(), at = torn_at, bytes = torn.len(), "cut off a torn record");
            self.file.set_len(torn_at).map_err(DiskFault::of("cut", &self.path))?;
        }
        if !torn.is_empty() || torn_at > durable {
            self.file.sync_all().map_err(DiskFault::of("sync", &self.path))?;
        }
        self.end = torn_at;
        Ok(records)
    }

    /// Writes a record behind the others, durably. Only for who holds the lock, and has read all there is.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), AppendError> {
        let (mut payload, mut bytes) = (Vec::new(), Vec::new());
        record.encode(&mut payload);
        put_frame(&mut bytes, self.generation, &payload);
        let written = self.file.write_all_at(&bytes, self.end).map_err(DiskFault::of("write", &self.path));
        let durable = written.and_then(|()| self.file.sync_data().map_err(DiskFault::of("sync", &self.path)));
        if let Err(fault) = durable {
            let cut = self.file.set_len(self.end).and_then(|()| self.file.sync_all());
            return Err(match cut {
                Ok(()) => AppendError::Undone(fault),
                Err(_) => AppendError::Unknown(fault),
            });
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn bytes_to(&self, end: u64) -> Result<Vec<u8>, DiskFault> {
        let end = end.min(self.length()?);
        let length = usize::try_from(end.saturating_sub(self.end)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, self.end).map_err(DiskFault::of("read", &self.path))?;
        Ok(bytes)
    }

    /// The records at the start of `bytes`, and how many bytes they take.
    fn records(&self, bytes: &[u8]) -> Result<(Vec<Record>, usize), DamagedLog> {
        let (mut records, mut read) = (Vec::new(), 0);
        while let Some(payload) = frame(&bytes[read..], self.generation) {
            // The checksum fits, so this is no torn frame.
            let record = Record::decode(&mut Fields::of(payload));
            records.push(record.ok_or_else(|| self.damaged_at(self.end + read as u64))?);
            read += FRAME_HEADER_BYTES + payload.len();
        }
        Ok((records, read))
    }

    pub(super) fn damaged_at(&self, at: u64) -> DamagedLog {
        DamagedLog { path: self.path.clone(), at }
    }
}

/// A log that was opened cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum DamagedOr {
    #[error(transparent)]
    Disk(#[from] DiskFault),
    #[error(transparent)]
    Damaged(#[from] DamagedLog),
}

/// A record that was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    /// It is not there.
    #[error(transparent)]
    Undone(DiskFault),
    /// It may be found there by who takes the lock next.
    #[error(transparent)]
    Unknown(DiskFault),
}

fn put_frame(into: &mut Vec<u8>, generation: u64, payload: &[u8]) {
    put_u32(into, u32::try_from(payload.len()).expect("the store's bytes are bounded"));
    put_u64(into, XxHash3_64::oneshot_with_seed(generation, payload));
    into.extend_from_slice(payload);
}

/// The payload of the frame at the start of `bytes`, if one is there, whole and as it was written.
fn frame(bytes: &[u8], generation: u64) -> Option<&[u8]> {
    let (header, rest) = bytes.split_at_checked(FRAME_HEADER_BYTES)?;
    let mut header = Fields::of(header);
    let (length, checksum) = (header.u32()?, header.u64()?);
    // No payload is empty; a hole in a file is zeros.
    let payload = rest.get(..usize::try_from(length).ok()?).filter(|payload| !payload.is_empty())?;
    (XxHash3_64::oneshot_with_seed(generation, payload) == checksum).then_some(payload)
}

fn holds_a_frame(bytes: &[u8], generation: u64) -> bool {
    (1..bytes.len()).any(|start| frame(&bytes[start..], generation).is_some())
}
