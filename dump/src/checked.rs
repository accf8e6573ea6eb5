//! A small file with its digest beside it, which is written first: either both are there and agree, or it is refused.

use crate::file::{DumpFile, DumpKey};
use crate::files::{DumpFiles, PublishError, StoreFault};
use std::io::{self, Read, Write};

/// A file, and the one that holds its digest.
pub(crate) struct Checked<'a> {
    pub(crate) files: &'a dyn DumpFiles,
    pub(crate) dump: DumpKey,
    pub(crate) file: DumpFile,
    pub(crate) digest: DumpFile,
}

/// Why there is nothing to read.
#[derive(Debug)]
pub(crate) enum ReadCheckedError {
    Absent,
    NoDigest,
    Digest,
    TooLarge,
    Store(StoreFault),
}

/// Why it was not written.
#[derive(Debug)]
pub(crate) enum PutCheckedError {
    /// Something else stands there, or its digest does.
    Differs,
    Store(StoreFault),
}

impl Checked<'_> {
    pub(crate) fn read(&self, bytes_max: u64) -> Result<Vec<u8>, ReadCheckedError> {
        let bytes = self.content(self.file, bytes_max)?.ok_or(ReadCheckedError::Absent)?;
        if bytes.len() as u64 > bytes_max {
            return Err(ReadCheckedError::TooLarge);
        }
        let expected = digest_text(&bytes);
        let digest = self.content(self.digest, expected.len() as u64)?.ok_or(ReadCheckedError::NoDigest)?;
        if digest == expected.as_bytes() { Ok(bytes) } else { Err(ReadCheckedError::Digest) }
    }

    /// Writes both, or finds them written already.
    pub(crate) fn put(&self, bytes: &[u8]) -> Result<(), PutCheckedError> {
        self.put_one(self.digest, digest_text(bytes).as_bytes())?;
        self.put_one(self.file, bytes)
    }

    fn put_one(&self, file: DumpFile, bytes: &[u8]) -> Result<(), PutCheckedError> {
        let fault = |error| self.fault("write", file, error);
        let mut new = self.files.create(self.dump, file)?;
        new.write_all(bytes).map_err(fault)?;
        match new.publish() {
            Ok(()) => Ok(()),
            Err(PublishError::Exists { .. }) => match self.content(file, bytes.len() as u64)? {
                Some(found) if found == bytes => Ok(()),
                Some(_) | None => Err(PutCheckedError::Differs),
            },
            Err(PublishError::Store(fault)) => Err(fault.into()),
        }
    }

    /// Reads one byte above the limit at most: enough to see that it is too long.
    fn content(&self, file: DumpFile, bytes_max: u64) -> Result<Option<Vec<u8>>, StoreFault> {
        let Some(source) = self.files.open(self.dump, file, 0)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = source.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| self.fault("read", file, error))?;
        Ok(Some(bytes))
    }

    fn fault(&self, action: &'static str, file: DumpFile, error: io::Error) -> StoreFault {
        StoreFault::new(action, format!("{}/{}/{file}", self.files.place(), self.dump), error)
    }
}

/// The digest as `b3sum --no-names` prints it.
pub(crate) fn digest_text(bytes: &[u8]) -> String {
    format!("{}\n", blake3::hash(bytes).to_hex())
}

impl From<StoreFault> for ReadCheckedError {
    fn from(fault: StoreFault) -> Self {
        Self::Store(fault)
    }
}

impl From<StoreFault> for PutCheckedError {
    fn from(fault: StoreFault) -> Self {
        Self::Store(fault)
    }
}
