//! An object on its way here, range by range.

use crate::bucket::Bucket;
use crate::fault::S3Fault;
use crate::limits::RANGE_BYTES;
use crate::worker::Pending;
use annuli_dump::StoreFault;
use bytes::{Buf, Bytes};
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};
use std::io::{self, Read};
use std::sync::Arc;

/// Reads an object in order, the next range being under way while one is read. A range whose connection is cut goes on
/// where it was; one that cannot is an error, after which a new download may begin at the byte that was not read.
pub(crate) struct Download {
    bucket: Arc<Bucket>,
    object: ObjectMeta,
    /// What has come and was not read.
    range: Bytes,
    /// Where the next request begins.
    next_at: u64,
    next: Option<Pending<object_store::Result<Bytes>>>,
}

impl Download {
    /// Nothing is asked for yet.
    pub(crate) fn new(bucket: Arc<Bucket>, object: ObjectMeta, from: u64) -> Self {
        Self { bucket, object, range: Bytes::new(), next_at: from, next: None }
    }

    /// Begins the next request, if anything is left.
    fn ask(&mut self) {
        if self.next.is_some() || self.next_at >= self.object.size {
            return;
        }
        let end = self.next_at.saturating_add(RANGE_BYTES).min(self.object.size);
        let range = self.next_at..end;
        self.next_at = end;
        let (store, key) = (self.bucket.store.clone(), self.object.location.clone());
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: self.object.e_tag.clone(),
            ..GetOptions::default()
        };
        self.next = Some(self.bucket.spawn(async move { store.get_opts(&key, options).await?.bytes().await }));
    }

    /// Waits for the next range; an empty one is the end.
    fn take(&mut self) -> Result<Bytes, StoreFault> {
        self.ask();
        let Some(next) = self.next.take() else { return Ok(Bytes::new()) };
        let key = &self.object.location;
        match self.bucket.answer("read", key, next)? {
            Some(range) if !range.is_empty() => Ok(range),
            Some(_) | None => Err(self.bucket.fault("read", key, S3Fault::Changed)),
        }
    }
}

impl Read for Download {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.range.is_empty() {
            self.range = self.take().map_err(io::Error::other)?;
            self.ask();
        }
        let portion = self.range.len().min(into.len());
        self.range.copy_to_slice(&mut into[..portion]);
        Ok(portion)
    }
}
