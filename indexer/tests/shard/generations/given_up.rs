//! Preparations and dumps that nobody waits for any longer: they end where they are, and leave nothing.

use super::setting::{Setting, documents, new_dump};
use annuli_dump::{BeginDumpError, DumpFile, DumpFiles, DumpKey, DumpStore, LocalFiles, NewFile, StoreFault};
use annuli_indexer::Effort;
use annuli_indexer::replica::{Preparation, PrepareError};
use annuli_indexer::snapshot::DumpError;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::thread;

/// The stages of a preparation, in their order.
const STAGES: [&str; 4] = ["fetching", "opening", "canaries", "warming"];

fn stage(preparation: Preparation) -> &'static str {
    match preparation {
        Preparation::Fetching { .. } => STAGES[0],
        Preparation::Opening => STAGES[1],
        Preparation::Canaries => STAGES[2],
        Preparation::Warming => STAGES[3],
    }
}

#[tokio::test]
async fn a_preparation_ends_in_whichever_stage_it_is_given_up() {
    let setting = Setting::with_generation(1_500).await;
    setting.fill(1_000, 1_600).await;
    let new = setting.new_generation(2, setting.dump());
    for last in STAGES {
        let effort = Effort::new();
        let hears = |now| {
            assert!(!effort.is_given_up() || stage(now) == last, "it went on to {now:?}");
            if stage(now) == last {
                effort.give_up();
            }
        };
        let error = setting.replica.prepare(&new, &setting.dumps, &hears, &effort).unwrap_err();
        assert!(matches!(error, PrepareError::Stopped), "{last}: {error}");
        assert_eq!((setting.unfinished(), setting.replica.held().len()), (Vec::new(), 1), "{last}");
    }
    setting.replica.prepare(&new, &setting.dumps, &|_| {}, &Effort::new()).unwrap();
    assert_eq!(documents(&setting.shard(2)).await, 1_600);
}

/// It asked them all first: on a large shard a process took minutes to end.
#[tokio::test]
async fn a_replica_that_closes_asks_no_more_canaries() {
    let setting = Setting::with_generation(1_500).await;
    let new = setting.new_generation(2, setting.dump());
    let effort = Effort::new();
    let closing = thread::scope(|scope| {
        let hears = |now| {
            if matches!(now, Preparation::Canaries) {
                scope.spawn(|| setting.replica.close());
                while !effort.is_given_up() {
                    thread::yield_now();
                }
            }
        };
        setting.replica.prepare(&new, &setting.dumps, &hears, &effort)
    });
    assert!(matches!(closing, Err(PrepareError::Stopped)), "{closing:?}");
    assert_eq!(setting.unfinished(), Vec::<String>::new());
}

#[test]
fn an_effort_is_given_up_with_whoever_awaits_it() {
    let effort = Effort::new();
    let awaited = effort.while_awaited();
    assert!(!effort.is_given_up());
    drop(awaited);
    assert!(effort.is_given_up());
}

/// A place where the first byte of an archive makes somebody give the dump up.
#[derive(Debug)]
struct Unwanted {
    files: LocalFiles,
    effort: Effort,
}

impl DumpFiles for Unwanted {
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
        self.effort.give_up();
        self.files.create(dump, file)
    }

    fn open(&self, dump: DumpKey, file: DumpFile, from: u64) -> Result<Option<Box<dyn Read + Send>>, StoreFault> {
        self.files.open(dump, file, from)
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
async fn a_dump_of_a_shard_ends_when_it_is_given_up() {
    let setting = Setting::start();
    setting.fill(0, 1_500).await;
    let (effort, dump) = (Effort::new(), new_dump());
    let files = LocalFiles::new(setting.folder.path().join("dumps"));
    let store = DumpStore::new(Arc::new(Unwanted { files, effort: effort.clone() }));
    store.begin(setting.faces.uuid, dump).unwrap();
    for _ in 0..2 {
        let dumped = thread::scope(|scope| {
            scope.spawn(|| setting.node.dump_shard(setting.faces.uuid, dump, &store, &effort)).join().unwrap()
        });
        assert!(matches!(dumped, Err(DumpError::GivenUp)), "{dumped:?}");
    }
    assert!(!setting.archive(dump).exists());
    let shard = setting.folder.path().join("primary/faces/0");
    let names: Vec<_> = fs::read_dir(shard).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with(".capture-")), "{names:?}");
}
