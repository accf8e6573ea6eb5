//! What an agent does first, and what only afterwards.

use super::*;
use crate::testing::{Alone, history};
use annuli_coordination::{EmbeddedSettings, EmbeddedStore, SystemClock};
use std::sync::Mutex;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use uuid::Uuid;

/// What a folder was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Begun,
    Served,
    Held,
}

/// A folder without an index, which writes down when it begins to serve as soon as it is let.
struct Folder {
    term: Mutex<FolderTerm>,
    asked: Sender<Asked>,
    lets: Semaphore,
}

#[async_trait]
impl Holder for Folder {
    fn held(&self) -> BTreeMap<IndexName, HeldShard> {
        // Nobody listens any more when the test has ended.
        let _ = self.asked.try_send(Asked::Held);
        BTreeMap::new()
    }

    async fn make(&self, _: &IndexName, _: IndexUuid, _: &IndexSchema) -> Result<HistoryId, Failure> {
        Ok(history(1))
    }

    async fn restore(&self, _: IndexUuid, _: &Restore) -> Result<HistoryId, Failure> {
        Err(Failure::new(ErrorCode::Internal, "it knows no dump"))
    }

    async fn begin_anew(&self, _: &IndexName, _: IndexUuid) -> Result<HistoryId, Failure> {
        Err(Failure::new(ErrorCode::Internal, "it has no shard"))
    }

    fn give_up(&self, _: IndexUuid) {}

    fn term(&self) -> FolderTerm {
        *self.term.lock().unwrap()
    }

    async fn keep_term(&self, term: FolderTerm) -> Result<(), Failure> {
        let asked = if term.begun.is_some() { Asked::Begun } else { Asked::Served };
        self.asked.try_send(asked).unwrap();
        self.lets.acquire().await.unwrap().forget();
        *self.term.lock().unwrap() = term;
        Ok(())
    }

    fn shard(&self, _: IndexUuid) -> Option<Arc<dyn ShardApi>> {
        None
    }

    fn keep_log(&self, _: IndexUuid, _: Option<Seq>) {}

    async fn dump(&self, _: IndexUuid, _: DumpId) -> Result<DumpedShard, Failure> {
        Err(Failure::new(ErrorCode::Internal, "it has no shard"))
    }

    async fn remove(&self, _: &IndexName, _: IndexUuid) -> Result<(), Failure> {
        Ok(())
    }
}

/// A node of a cluster of one shard, whose agent runs until this is dropped.
struct Running {
    folder: Arc<Folder>,
    serving: Arc<Serving>,
    asked: Receiver<Asked>,
    agent: tokio::task::JoinHandle<()>,
    _root: TempDir,
}

impl Running {
    async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock::new());
        let store = Arc::new(EmbeddedStore::open(root.path(), EmbeddedSettings::default(), clock).unwrap());
        let (says, asked) = channel(8);
        let folder = Arc::new(Folder { term: Mutex::default(), asked: says, lets: Semaphore::new(0) });
        let serving = Arc::new(Serving::new(ShardId(0)));
        let post = Post {
            node: NodeId(Uuid::from_u128(1)),
            address: "127.0.0.1:1".to_owned(),
            shard: ShardId(0),
            shards: ShardCount::ONE,
            older: OlderFolder::Refuse,
        };
        let holder = Arc::clone(&folder) as Arc<dyn Holder>;
        let agent = Agent::join(store, holder, post, Arc::clone(&serving), Arc::new(Alone)).await.unwrap();
        let agent = tokio::spawn(agent.run());
        Self { folder, serving, asked, agent, _root: root }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.agent.abort();
    }
}

/// It was elected, but another folder may have served since this one did: that is found out first.
#[tokio::test]
async fn a_primary_writes_only_once_its_folder_has_claimed_the_shard() {
    let mut node = Running::start().await;
    for step in [Asked::Begun, Asked::Served] {
        assert_eq!(node.asked.recv().await, Some(step));
        assert!(node.serving.check_tenure().is_err());
        node.folder.lets.add_permits(1);
    }
    // Looking at what it holds is the first thing that it does as the primary.
    assert_eq!(node.asked.recv().await, Some(Asked::Held));
    assert_eq!(node.serving.check_tenure(), Ok(()));
    assert_eq!(node.folder.term(), FolderTerm { served: Some(Epoch(1)), begun: None });
}
