//! Where the contract is played: a store of some kind, with as many handles on it as a test wants.

use crate::words::{committed, key, put};
use annuli_coordination::{CoordinationStore, EmbeddedSettings, EmbeddedStore, SystemClock, Txn};
use async_trait::async_trait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// One store, empty at first.
#[async_trait]
pub(crate) trait Stage: Send + Sync {
    /// Another handle on it, as another process would have.
    async fn store(&self) -> Arc<dyn CoordinationStore>;

    /// Makes it forget what came before its latest revision.
    async fn compact(&self);
}

/// A folder.
pub(crate) struct Folder {
    folder: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("coordination")
    }

    pub(crate) fn open(&self) -> Arc<EmbeddedStore> {
        Arc::new(open(&self.path()))
    }
}

/// The store in a folder, with a log that is compacted soon.
pub(crate) fn open(folder: &Path) -> EmbeddedStore {
    let settings = EmbeddedSettings { compact_at_bytes: 4096 };
    EmbeddedStore::open(folder, settings, Arc::new(SystemClock::new())).unwrap()
}

#[async_trait]
impl Stage for Folder {
    async fn store(&self) -> Arc<dyn CoordinationStore> {
        self.open()
    }

    async fn compact(&self) {
        // The log is then longer than it may be for what the store holds: it is begun anew, once.
        let store = self.open();
        put(&*store, "filler", &"x".repeat(4096)).await;
        committed(&*store, Txn::new().delete(key("filler"))).await;
    }
}

/// Plays every named fact on every stage: one test for each pair.
macro_rules! on_every_stage {
    ($($fact:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                super::$fact(&crate::stage::Folder::new()).await;
            })*
        }

        #[cfg(feature = "etcd")]
        mod etcd {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                super::$fact(&crate::etcd_server::Etcd::start()).await;
            })*
        }
    };
}
pub(crate) use on_every_stage;
