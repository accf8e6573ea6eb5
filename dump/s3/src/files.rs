//! The files of dumps, as objects.

use crate::bucket::{Bucket, OpenS3Error, S3Settings};
use crate::download::Download;
use crate::fault::S3Fault;
use crate::place::S3Place;
use crate::upload::Upload;
use annuli_core::id::IndexUuid;
use annuli_dump::{BeginDumpError, DumpFile, DumpFiles, DumpId, DumpKey, NewFile, PublishError, StoreFault};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::fmt;
use std::io::Read;
use std::sync::Arc;
use uuid::Uuid;

/// The name of the object that says that a dump's id is used.
const BEGUN: &str = "begun";

/// Files of dumps in a bucket.
#[derive(Clone)]
pub struct S3Files {
    bucket: Arc<Bucket>,
}

impl S3Files {
    /// The files at that place. Nothing is asked yet: what is wrong with the place is said by the first request.
    pub fn open(place: S3Place, settings: &S3Settings) -> Result<Self, OpenS3Error> {
        Ok(Self { bucket: Arc::new(Bucket::open(place, settings)?) })
    }

    /// What is known of an object.
    fn head(&self, key: &Path) -> Result<Option<ObjectMeta>, StoreFault> {
        let (store, head) = (self.bucket.store.clone(), key.clone());
        self.bucket.request("find", key, async move { store.head(&head).await })
    }

    /// Every object of a dump.
    fn objects(&self, dump: DumpKey) -> Result<Vec<Path>, StoreFault> {
        let folder = self.bucket.folder(dump);
        let (store, prefix) = (self.bucket.store.clone(), folder.clone());
        let list = async move { store.list(Some(&prefix)).map_ok(|object| object.location).try_collect().await };
        Ok(self.bucket.request("list", &folder, list)?.unwrap_or_default())
    }

    fn is_empty(&self, dump: DumpKey) -> Result<bool, StoreFault> {
        let folder = self.bucket.folder(dump);
        let (store, prefix) = (self.bucket.store.clone(), folder.clone());
        let first = async move { store.list(Some(&prefix)).next().await.transpose() };
        Ok(self.bucket.request("list", &folder, first)?.flatten().is_none())
    }

    /// The names of what is directly below a key, as of folders.
    fn folders(&self, key: &Path) -> Result<Vec<String>, StoreFault> {
        let (store, prefix) = (self.bucket.store.clone(), key.clone());
        let list = async move { store.list_with_delimiter(Some(&prefix)).await };
        let found = self.bucket.request("list", key, list)?;
        let folders = found.map(|found| found.common_prefixes).unwrap_or_default();
        Ok(folders.iter().filter_map(|folder| folder.filename().map(str::to_owned)).collect())
    }

    fn delete(&self, key: &Path) -> Result<(), StoreFault> {
        let (store, delete) = (self.bucket.store.clone(), key.clone());
        // What is gone already was to be gone.
        self.bucket.request("delete", key, async move { store.delete(&delete).await })?;
        Ok(())
    }

    fn begun(&self, dump: DumpKey) -> Path {
        self.bucket.folder(dump).join(BEGUN)
    }
}

impl fmt::Debug for S3Files {
    /// The place alone: the bucket's client knows the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Files({})", self.bucket.place)
    }
}

impl DumpFiles for S3Files {
    fn place(&self) -> String {
        self.bucket.place.to_string()
    }

    fn lies_in(&self, _folder: &std::path::Path) -> bool {
        false
    }

    fn begin(&self, dump: DumpKey) -> Result<(), BeginDumpError> {
        let exists = BeginDumpError::Exists { index: dump.index, dump: dump.dump };
        if !self.is_empty(dump)? {
            return Err(exists);
        }
        let marker = Upload::new(Arc::clone(&self.bucket), self.begun(dump), None);
        match Box::new(marker).publish() {
            Ok(()) => Ok(()),
            Err(PublishError::Exists { .. }) => Err(exists),
            Err(PublishError::Store(fault)) => Err(fault.into()),
        }
    }

    fn create(&self, dump: DumpKey, file: DumpFile) -> Result<Box<dyn NewFile>, StoreFault> {
        let (key, begun) = (self.bucket.key(dump, file), self.begun(dump));
        if self.head(&begun)?.is_none() {
            return Err(self.bucket.fault("create", &key, S3Fault::NoDump));
        }
        Ok(Box::new(Upload::new(Arc::clone(&self.bucket), key, Some(begun))))
    }

    fn open(&self, dump: DumpKey, file: DumpFile, from: u64) -> Result<Option<Box<dyn Read + Send>>, StoreFault> {
        let key = self.bucket.key(dump, file);
        let Some(found) = self.head(&key)? else { return Ok(None) };
        Ok(Some(Box::new(Download::new(Arc::clone(&self.bucket), found, from))))
    }

    fn bytes(&self, dump: DumpKey, file: DumpFile) -> Result<Option<u64>, StoreFault> {
        Ok(self.head(&self.bucket.key(dump, file))?.map(|found| found.size))
    }

    fn dumps(&self) -> Result<Vec<DumpKey>, StoreFault> {
        let root = Path::from(self.bucket.place.prefix());
        let mut dumps = Vec::new();
        for name in self.folders(&root)? {
            let Some(index) = Uuid::try_parse(&name).ok().filter(|uuid| uuid.to_string() == name) else { continue };
            let names = self.folders(&root.clone().join(name))?;
            let key = |name: &String| DumpId::parse(name).ok().map(|dump| DumpKey { index: IndexUuid(index), dump });
            dumps.extend(names.iter().filter_map(key));
        }
        Ok(dumps)
    }

    fn remove(&self, dump: DumpKey) -> Result<bool, StoreFault> {
        let (manifest, begun) = (self.bucket.key(dump, DumpFile::Manifest), self.begun(dump));
        let objects = self.objects(dump)?;
        if objects.is_empty() {
            return Ok(false);
        }
        self.delete(&manifest)?;
        for object in objects.iter().filter(|object| **object != manifest && **object != begun) {
            self.delete(object)?;
        }
        // Last: until then a listing shows what there is to be removed.
        self.delete(&begun)?;
        Ok(true)
    }
}
