//! How a generation comes from where dumps are kept: read on where it broke off, and not read where it is here already.

use super::super::wait_for_graph;
use super::setting::{Setting, answers, documents};
use annuli_api::shard_api::SearchMode;
use annuli_core::Generation;
use annuli_dump::{BeginDumpError, DumpFile, DumpFiles, DumpId, DumpKey, DumpStore, LocalFiles, NewFile, StoreFault};
use annuli_indexer::Effort;
use annuli_indexer::replica::PrepareError;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// A place that breaks off every reading of an archive.
#[derive(Debug)]
struct Flaky {
    files: LocalFiles,
    /// So many bytes after it began.
    after: u64,
    /// Where readings have begun.
    begun: Arc<Mutex<Vec<u64>>>,
}

impl Flaky {
    fn over(setting: &Setting, after: u64) -> (DumpStore, Arc<Mutex<Vec<u64>>>) {
        let begun = Arc::default();
        let files = LocalFiles::new(setting.folder.path().join("dumps"));
        (DumpStore::new(Arc::new(Self { files, after, begun: Arc::clone(&begun) })), begun)
    }
}

/// A reading that breaks off.
struct Broken(io::Take<Box<dyn Read + Send>>);

impl Read for Broken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.limit() == 0 { Err(io::ErrorKind::ConnectionReset.into()) } else { self.0.read(into) }
    }
}

impl DumpFiles for Flaky {
    fn place(&self) -> String {
        self.files.place()
    }

    fn lies_in(&self, folder: &Path) -> bool {
        self.files.lies_in(folder)
    }

    fn begin(&self, dump: DumpKey) -> Result<(), BeginDumpError> {
        self.files.begin(dump)
    }

    fn create(&self, dump: DumpKey, file: DumpFile) -> Result<Box<dyn NewFile>, StoreFault> {
        self.files.create(dump, file)
    }

    fn open(&self, dump: DumpKey, file: DumpFile, from: u64) -> Result<Option<Box<dyn Read + Send>>, StoreFault> {
        let opened = self.files.open(dump, file, from)?;
        if !matches!(file, DumpFile::Archive(_)) {
            return Ok(opened);
        }
        self.begun.lock().unwrap().push(from);
        Ok(opened.map(|opened| Box::new(Broken(opened.take(self.after))) as Box<dyn Read + Send>))
    }

    fn bytes(&self, dump: DumpKey, file: DumpFile) -> Result<Option<u64>, StoreFault> {
        self.files.bytes(dump, file)
    }

    fn dumps(&self) -> Result<Vec<DumpKey>, StoreFault> {
        self.files.dumps()
    }

    fn remove(&self, dump: DumpKey) -> Result<bool, StoreFault> {
        self.files.remove(dump)
    }
}

#[tokio::test]
async fn a_reading_that_breaks_off_goes_on_from_there() {
    let setting = Setting::start();
    setting.fill(0, 300).await;
    let dump = setting.dump();
    let bytes = setting.dumps.open(setting.faces.uuid, dump).unwrap().manifest().archive_bytes();
    let after = bytes / 3 + 1;
    let (flaky, begun) = Flaky::over(&setting, after);
    setting.replica.prepare(&setting.new_generation(1, dump), &flaky, &|_| {}, &Effort::new()).unwrap();
    assert_eq!(*begun.lock().unwrap(), [0, after, 2 * after]);
    assert_eq!(documents(&setting.shard(1)).await, 300);
}

#[tokio::test]
async fn a_place_that_gives_nothing_more_is_given_up() {
    let setting = Setting::start();
    let dump = setting.dump();
    let (flaky, begun) = Flaky::over(&setting, 0);
    let new = setting.new_generation(1, dump);
    let error = setting.replica.prepare(&new, &flaky, &|_| {}, &Effort::new()).unwrap_err().to_string();
    assert!(error.contains("it breaks off at byte 0 of ") && error.contains("after 5 attempts"), "{error}");
    assert_eq!(*begun.lock().unwrap(), [0; 5]);
    assert_eq!(setting.unfinished(), Vec::<String>::new());
}

#[tokio::test]
async fn a_replica_that_closes_ends_its_preparation() {
    let setting = Setting::start();
    let dump = setting.dump();
    let (flaky, begun) = Flaky::over(&setting, 0);
    let (replica, new) = (setting.replica.clone(), setting.new_generation(1, dump));
    let preparing = thread::spawn(move || replica.prepare(&new, &flaky, &|_| {}, &Effort::new()));
    while begun.lock().unwrap().is_empty() {
        thread::yield_now();
    }
    setting.replica.close();
    let error = preparing.join().unwrap().unwrap_err();
    assert!(matches!(error, PrepareError::Stopped), "{error}");
    assert_eq!(setting.unfinished(), Vec::<String>::new());
}

/// Two dumps that share a segment, the first of them served.
async fn two_dumps() -> (Setting, DumpId) {
    let setting = Setting::start();
    setting.fill(0, 2_000).await;
    wait_for_graph(&setting.primary()).await;
    setting.prepare(1, setting.dump()).unwrap();
    setting.fill(1_900, 2_100).await;
    let dump = setting.dump();
    (setting, dump)
}

fn segments(setting: &Setting, generation: u64) -> Vec<PathBuf> {
    let folder = setting.generation_folder(generation).join("segments");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn what_is_here_already_is_not_fetched() {
    let (mut setting, dump) = two_dumps().await;
    let then = answers(&setting.primary(), SearchMode::Exact).await;
    // Nobody could read it from there.
    let archive = setting.archive(dump);
    let stored = setting.dumps.open(setting.faces.uuid, dump).unwrap();
    let entries = stored.manifest().shards()[0].archive.entries();
    let segment = entries.iter().find(|entry| entry.path.segment_number().is_some()).unwrap();
    let mut bytes = fs::read(&archive).unwrap();
    bytes[usize::try_from(segment.frame.offset).unwrap() + 100] ^= 1;
    fs::write(&archive, bytes).unwrap();
    setting.prepare(2, dump).unwrap();
    let inode = |generation| fs::metadata(&segments(&setting, generation)[0]).unwrap().ino();
    assert_eq!(inode(1), inode(2));
    assert_eq!(answers(&setting.shard(2), SearchMode::Exact).await, then);
    // What one generation gives up stays with the other.
    setting.replica.retire(setting.faces.uuid, Generation(1)).unwrap();
    setting.reopen();
    assert_eq!(answers(&setting.shard(2), SearchMode::Exact).await, then);
}

#[tokio::test]
async fn what_is_here_and_rotten_is_fetched() {
    let (mut setting, dump) = two_dumps().await;
    let segment = &segments(&setting, 1)[0];
    let mut bytes = fs::read(segment).unwrap();
    bytes[5_000] ^= 1;
    fs::write(segment, bytes).unwrap();
    setting.prepare(2, dump).unwrap();
    setting.reopen();
    assert_eq!(setting.rotten().0, Generation(1));
    assert_eq!(documents(&setting.shard(2)).await, 2_100);
}

/// RocksDB checks a block of a table when that is read, which canaries read a few of: a rotten one went from generation to
/// generation, each with the digest that it had when it came.
#[tokio::test]
async fn a_table_that_is_here_and_rotten_is_fetched() {
    let mut setting = Setting::start();
    setting.fill(0, 1_000).await;
    setting.reopen_primary();
    setting.prepare(1, setting.dump()).unwrap();
    let tables = |setting: &Setting, generation| {
        let files = fs::read_dir(setting.generation_folder(generation).join("db")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let mut tables: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "sst")).collect();
        tables.sort();
        tables
    };
    let dump = setting.dump();
    setting.prepare(2, dump).unwrap();
    let shared = |setting: &Setting| {
        let inode = |path: &PathBuf| fs::metadata(path).unwrap().ino();
        let first: Vec<_> = tables(setting, 1).iter().map(inode).collect();
        tables(setting, 2).iter().filter(|path| first.contains(&inode(path))).count()
    };
    assert!(shared(&setting) > 0, "a table that is as it came has a name in each generation");
    setting.replica.retire(setting.faces.uuid, Generation(2)).unwrap();

    let largest = tables(&setting, 1).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let whole = bytes.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&largest, &bytes).unwrap();
    setting.prepare(2, dump).unwrap();
    assert!(tables(&setting, 2).iter().any(|path| fs::read(path).unwrap() == whole));
    assert!(tables(&setting, 2).iter().all(|path| fs::read(path).unwrap() != bytes));
}
