//! A pipe that measures what flows through it.

use std::io::{self, Read, Write};

/// Counts and digests the bytes of an archive on their way to or from where it is stored.
pub(crate) struct Tap<S> {
    inner: S,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl<S> Tap<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, hasher: blake3::Hasher::new(), bytes: 0 }
    }

    /// How many bytes have passed.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Digest of what has passed.
    pub(crate) fn blake3(&self) -> blake3::Hash {
        self.hasher.finalize()
    }

    pub(crate) fn into_inner(self) -> S {
        self.inner
    }

    fn passed(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<S: Write> Write for Tap<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.passed(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<S: Read> Read for Tap<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.passed(&into[..read]);
        Ok(read)
    }
}
