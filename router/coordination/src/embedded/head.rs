//! Where the log ends: a small file that every process looks at many times a second.
//!
//! It is written after the log was synced, so what it tells of is durable. It is a hint only: who holds the lock looks at
//! the log itself, and a head that a power cut has spoilt is written again.

use super::disk::DiskFault;
use super::field::{Fields, put_u64};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use twox_hash::XxHash3_64;

/// Generation, end, checksum.
const BYTES: usize = 24;
const SEED: u64 = 0x6865_6164;

/// Which log is the last, and up to where it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) generation: u64,
    /// In bytes.
    pub(super) end: u64,
}

/// The file.
#[derive(Debug)]
pub(super) struct HeadFile {
    file: File,
    path: PathBuf,
}

impl HeadFile {
    pub(super) fn open(folder: &Path) -> Result<Self, DiskFault> {
        let path = folder.join("head");
        let options = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        Ok(Self { file: options.map_err(DiskFault::of("open", &path))?, path })
    }

    /// `None` where it is being written, or was never.
    pub(super) fn read(&self) -> Result<Option<Head>, DiskFault> {
        let mut bytes = [0; BYTES];
        match self.file.read_exact_at(&mut bytes, 0) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read.map_err(DiskFault::of("read", &self.path))?,
        }
        let mut fields = Fields::of(&bytes);
        let numbers = (fields.u64(), fields.u64(), fields.u64());
        let (Some(generation), Some(end), Some(checksum)) = numbers else { return Ok(None) };
        Ok((checksum == checksum_of(&bytes[..16])).then_some(Head { generation, end }))
    }

    pub(super) fn write(&self, head: Head) -> Result<(), DiskFault> {
        let mut bytes = Vec::with_capacity(BYTES);
        put_u64(&mut bytes, head.generation);
        put_u64(&mut bytes, head.end);
        let checksum = checksum_of(&bytes);
        put_u64(&mut bytes, checksum);
        self.file.write_all_at(&bytes, 0).map_err(DiskFault::of("write", &self.path))
    }
}

fn checksum_of(numbers: &[u8]) -> u64 {
    XxHash3_64::oneshot_with_seed(SEED, numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_not_at_all_when_it_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let file = HeadFile::open(folder.path()).unwrap();
        assert_eq!(file.read().unwrap(), None);
        let head = Head { generation: 3, end: 77 };
        file.write(head).unwrap();
        assert_eq!(HeadFile::open(folder.path()).unwrap().read().unwrap(), Some(head));
        file.file.write_all_at(&[9], 8).unwrap();
        assert_eq!(file.read().unwrap(), None);
    }
}
