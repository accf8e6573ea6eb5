//! An object in the making, part by part.

use crate::bucket::Bucket;
use crate::fault::S3Fault;
use crate::limits::{ABORT_TIMEOUT, LARGE_PART_BYTES, PART_BYTES, PARTS_IN_FLIGHT_MAX, PARTS_MAX, SMALL_PARTS};
use crate::worker::{Pending, WorkerFailed};
use annuli_dump::{NewFile, PublishError, StoreFault};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload,
};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use uuid::Uuid;

/// Name of the metadata that says who has written an object.
const TOKEN: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("annuli-upload"));

/// An object that is not there before it is published. What fits into one part is sent by one request; more, as it comes,
/// by as many as it takes.
pub(crate) struct Upload {
    bucket: Arc<Bucket>,
    key: Path,
    /// The object without which this one must not come to be.
    begun: Option<Path>,
    /// Unlike that of every other upload.
    token: String,
    /// What is not sent yet.
    part: Vec<u8>,
    parts: Option<Parts>,
}

/// The parts of an object that has more than one.
struct Parts {
    upload: Box<dyn MultipartUpload>,
    count: usize,
    in_flight: VecDeque<Pending<object_store::Result<()>>>,
}

impl Upload {
    /// Nothing is sent yet.
    pub(crate) fn new(bucket: Arc<Bucket>, key: Path, begun: Option<Path>) -> Self {
        Self { bucket, key, begun, token: Uuid::now_v7().to_string(), part: Vec::new(), parts: None }
    }

    fn part_bytes(&self) -> usize {
        match &self.parts {
            Some(parts) if parts.count >= SMALL_PARTS => LARGE_PART_BYTES,
            Some(_) | None => PART_BYTES,
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::from_iter([(TOKEN, self.token.clone())])
    }

    /// Sends what has gathered as a part of its own, once there is room on the line.
    fn send_part(&mut self) -> Result<(), StoreFault> {
        let mut parts = match self.parts.take() {
            Some(parts) => parts,
            None => self.begin_parts()?,
        };
        if parts.count == PARTS_MAX {
            self.parts = Some(parts);
            let bytes_max = (SMALL_PARTS * PART_BYTES + (PARTS_MAX - SMALL_PARTS) * LARGE_PART_BYTES) as u64;
            return Err(self.bucket.fault("write", &self.key, S3Fault::TooLarge { bytes_max }));
        }
        let part = std::mem::take(&mut self.part);
        let sent = self.bucket.spawn(parts.upload.put_part(PutPayload::from(part)));
        parts.in_flight.push_back(sent);
        parts.count += 1;
        let waited = self.wait_for_parts(&mut parts, PARTS_IN_FLIGHT_MAX);
        self.parts = Some(parts);
        waited
    }

    fn begin_parts(&self) -> Result<Parts, StoreFault> {
        let (store, key) = (self.bucket.store.clone(), self.key.clone());
        let options = PutMultipartOptions { attributes: self.attributes(), ..PutMultipartOptions::default() };
        let begin = async move { store.put_multipart_opts(&key, options).await };
        let upload = self.bucket.request("write", &self.key, begin)?;
        let upload = upload.ok_or_else(|| self.bucket.fault("write", &self.key, S3Fault::NoBucket))?;
        Ok(Parts { upload, count: 0, in_flight: VecDeque::new() })
    }

    /// Waits until no more parts than that are on their way.
    fn wait_for_parts(&self, parts: &mut Parts, in_flight_max: usize) -> Result<(), StoreFault> {
        while parts.in_flight.len() > in_flight_max {
            if let Some(sent) = parts.in_flight.pop_front() {
                let sent = self.bucket.answer("write", &self.key, sent)?;
                // The upload was given up, by somebody else.
                sent.ok_or_else(|| self.bucket.fault("write", &self.key, S3Fault::NoDump))?;
            }
        }
        Ok(())
    }

    /// Nothing is there yet, and something is to be.
    fn check_before(&self) -> Result<(), PublishError> {
        if let Some(begun) = &self.begun
            && self.head(begun)?.is_none()
        {
            return Err(self.bucket.fault("publish", &self.key, S3Fault::NoDump).into());
        }
        if self.head(&self.key)?.is_some() { Err(self.exists()) } else { Ok(()) }
    }

    /// Whoever wrote last has written what is there.
    fn check_after(&self, done: Result<(), StoreFault>) -> Result<(), PublishError> {
        match (self.head(&self.key)?, done) {
            (Some(Some(token)), _) if token == self.token => Ok(()),
            // A store that keeps no metadata: its word is all there is.
            (Some(None), Ok(())) => Ok(()),
            (Some(None), Err(fault)) => Err(fault.into()),
            (Some(Some(_)), _) => Err(self.exists()),
            (None, Err(fault)) => Err(fault.into()),
            (None, Ok(())) => Err(self.bucket.fault("publish", &self.key, S3Fault::NoDump).into()),
        }
    }

    /// Whether an object is there, and the token of who has written it.
    fn head(&self, key: &Path) -> Result<Option<Option<String>>, StoreFault> {
        let (store, head) = (self.bucket.store.clone(), key.clone());
        let options = GetOptions { head: true, ..GetOptions::default() };
        let found = self.bucket.request("find", key, async move { store.get_opts(&head, options).await })?;
        Ok(found.map(|found| found.attributes.get(&TOKEN).map(|token| token.as_ref().to_owned())))
    }

    fn failed(&self, failed: WorkerFailed) -> StoreFault {
        StoreFault::new("publish", self.bucket.object(&self.key), failed)
    }

    fn exists(&self) -> PublishError {
        PublishError::Exists { object: self.bucket.object(&self.key) }
    }

    /// By one request, under a condition where the store knows conditions.
    fn put_whole(&mut self) -> Result<(), StoreFault> {
        let payload = PutPayload::from(std::mem::take(&mut self.part));
        let options = PutOptions { mode: PutMode::Create, attributes: self.attributes(), ..PutOptions::default() };
        let (store, key) = (self.bucket.store.clone(), self.key.clone());
        let put = async move {
            match store.put_opts(&key, payload.clone(), options.clone()).await {
                Err(object_store::Error::NotImplemented { .. }) => {
                    store.put_opts(&key, payload, PutOptions { mode: PutMode::Overwrite, ..options }).await
                }
                put => put,
            }
        };
        self.bucket.request("write", &self.key, put)?;
        Ok(())
    }

    fn complete(&mut self) -> Result<(), StoreFault> {
        if !self.part.is_empty() {
            self.send_part()?;
        }
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        if let Err(fault) = self.wait_for_parts(&mut parts, 0) {
            self.parts = Some(parts);
            return Err(fault);
        }
        let mut upload = parts.upload;
        let complete = async move { (upload.complete().await, upload) };
        let (done, upload) = self.bucket.spawn(complete).wait().map_err(|failed| self.failed(failed))?;
        // Kept, to be given up if it was not completed.
        self.parts = Some(Parts { upload, ..parts });
        let done = self.bucket.meaning("publish", &self.key, done)?;
        done.map(|_| ()).ok_or_else(|| self.bucket.fault("publish", &self.key, S3Fault::NoDump))
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.part_bytes() - self.part.len();
        let portion = bytes.len().min(room);
        self.part.extend_from_slice(&bytes[..portion]);
        if portion == room {
            self.send_part().map_err(io::Error::other)?;
        }
        Ok(portion)
    }

    /// What has gathered stays here: a part is sent when it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for Upload {
    fn publish(mut self: Box<Self>) -> Result<(), PublishError> {
        self.check_before()?;
        let done = if self.parts.is_some() { self.complete() } else { self.put_whole() };
        self.check_after(done)?;
        // Nothing is left to be given up.
        self.parts = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(Parts { mut upload, in_flight, .. }) = self.parts.take() else { return };
        // No part may come after the end of its upload: it would stay, and be paid for.
        drop(in_flight);
        let abort = async move { tokio::time::timeout(ABORT_TIMEOUT, upload.abort()).await };
        let aborted = matches!(self.bucket.spawn(abort).wait(), Ok(Ok(Ok(()))));
        if !aborted {
            let object = self.bucket.object(&self.key);
            tracing::warn!(%object, "parts of an upload that was given up are left: a lifecycle rule removes such parts");
        }
    }
}
