//! Values for this crate's tests, and a store to keep them in.

use crate::change::{Change, Condition};
use crate::commit::txn;
use crate::decide::{Creation, create_index, found};
use crate::mirror::read;
use crate::records::Records;
use crate::table::{Absent, Reach, Replicated};
use annuli_api::{ErrorCode, Failure, Position, ShardApi};
use annuli_coordination::{
    Commit, CommitError, CoordinationStore, EmbeddedSettings, EmbeddedStore, Entry, Kept, Key, Lease, LeaseId, Listing,
    Prefix, Revision, StoreError, SystemClock, Ttl, Txn, Uncertain, Watch,
};
use annuli_core::vector::Dim;
use annuli_core::{
    Generation, HistoryId, HnswParams, IndexName, IndexSchema, IndexUuid, Metric, Quantization, Seq, ShardCount,
    ShardId,
};
use annuli_dump::DumpId;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) fn name(text: &str) -> IndexName {
    IndexName::new(text).expect("a name")
}

pub(crate) fn uuid(number: u128) -> IndexUuid {
    IndexUuid(Uuid::from_u128(number))
}

pub(crate) fn history(number: u128) -> HistoryId {
    HistoryId(Uuid::from_u128(number))
}

/// A shard that stands there.
pub(crate) fn at(number: u128, seq: u64) -> Position {
    Position { history: history(number), seq: Seq(seq) }
}

pub(crate) fn schema(shards: u32) -> IndexSchema {
    IndexSchema {
        dim: Dim::new(2).expect("a dimension"),
        metric: Metric::Euclidean,
        shards: ShardCount::new(shards).expect("a number of shards"),
        hnsw: HnswParams::new(None, None).expect("the defaults"),
        quantization: Quantization::default(),
    }
}

/// A dump whose ids are in the order of the numbers.
pub(crate) fn dump(number: u64) -> DumpId {
    // Version 7 and the variant of RFC 9562, with the number as the time.
    DumpId::new(Uuid::from_u128((u128::from(number) << 80) | (0x7 << 76) | (0x8 << 60))).expect("a version 7")
}

/// A coordination store of the simplest kind.
#[derive(Default, Clone)]
pub(crate) struct Plain {
    pub(crate) records: Records,
    revisions: BTreeMap<String, u64>,
    pub(crate) revision: u64,
}

impl Plain {
    pub(crate) fn of_two_shards() -> Self {
        let mut store = Self::default();
        let change = found(&store.records, ShardCount::new(2).unwrap()).unwrap().1.unwrap();
        assert!(store.commit(&change));
        store
    }

    pub(crate) fn commit(&mut self, change: &Change) -> bool {
        let holds = |condition: &Condition| match condition {
            Condition::Absent(key) => !self.revisions.contains_key(&key.to_string()),
            Condition::At(key, revision) => self.revisions.get(&key.to_string()) == Some(revision),
        };
        if !change.conditions.iter().all(holds) {
            return false;
        }
        self.revision += 1;
        for key in &change.deletes {
            self.records.delete(&key.to_string());
            self.revisions.remove(&key.to_string());
        }
        for (key, value) in &change.puts {
            self.records.put(&key.to_string(), self.revision, value);
            self.revisions.insert(key.to_string(), self.revision);
        }
        true
    }

    /// An index of two shards, none of them made.
    #[track_caller]
    pub(crate) fn create(&mut self, index: &str, number: u128) {
        let Creation::New(change) = create_index(&self.records, &name(index), &schema(2), uuid(number)).unwrap() else {
            panic!("`{index}` is there already")
        };
        assert!(self.commit(&change));
    }
}

/// What somebody else does to the records.
pub(crate) type Other = Box<dyn FnOnce(&Records) -> Change + Send>;

/// What happens to a commit.
pub(crate) enum Happens {
    /// Somebody else is faster.
    After(Other),
    /// It is done, its answer is lost, and somebody else goes on from there before it is looked at again.
    LostBefore(Other),
    /// It is done, and its answer is lost.
    Lost,
}

/// A store in which something happens to a commit.
pub(crate) struct Eventful {
    store: EmbeddedStore,
    next: Mutex<Option<Happens>>,
    root: TempDir,
}

impl Eventful {
    pub(crate) async fn with(change: &Change) -> Arc<Self> {
        let root = tempfile::tempdir().expect("a folder");
        let (folder, clock) = (root.path().join("store"), Arc::new(SystemClock::new()));
        let store = EmbeddedStore::open(&folder, EmbeddedSettings::default(), clock).expect("an empty store");
        let store = Self { store, next: Mutex::new(None), root };
        store.write(change).await;
        Arc::new(store)
    }

    /// A folder that goes with it.
    pub(crate) fn root(&self) -> &TempDir {
        &self.root
    }

    /// This happens to the next commit.
    pub(crate) fn next(&self, happens: Happens) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(happens);
    }

    pub(crate) async fn records(&self) -> Records {
        read(&self.store).await.expect("it is there").records
    }

    async fn write(&self, change: &Change) {
        let written = self.store.commit(txn(change, None).expect("it is small")).await;
        assert!(matches!(written, Ok(Commit::Committed { .. })), "{written:?}");
    }

    async fn let_other(&self, other: Other) {
        self.write(&other(&self.records().await)).await;
    }
}

#[async_trait]
impl CoordinationStore for Eventful {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        self.store.get(key).await
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
        self.store.list(prefix).await
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, CommitError> {
        let happens = self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let other = match happens {
            None => return self.store.commit(txn).await,
            Some(Happens::After(other)) => {
                self.let_other(other).await;
                let conflict = self.store.commit(txn).await;
                assert!(matches!(conflict, Ok(Commit::Conflict { .. })), "{conflict:?}");
                return conflict;
            }
            Some(Happens::LostBefore(other)) => Some(other),
            Some(Happens::Lost) => None,
        };
        let done = self.store.commit(txn).await;
        assert!(matches!(done, Ok(Commit::Committed { .. })), "{done:?}");
        if let Some(other) = other {
            self.let_other(other).await;
        }
        Err(StoreError::from(Uncertain::because("the store", "the answer is lost")).into())
    }

    async fn watch(&self, prefix: Prefix, after: Revision) -> Result<Watch, StoreError> {
        self.store.watch(prefix, after).await
    }

    async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError> {
        self.store.grant(ttl).await
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Kept, StoreError> {
        self.store.keep_alive(lease).await
    }

    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.store.revoke(lease).await
    }
}

/// It reaches nobody.
pub(crate) struct Alone;

impl Reach for Alone {
    fn shard(&self, address: &str, _: IndexUuid, _: ShardId) -> Arc<dyn ShardApi> {
        let message = format!("{address} cannot be reached");
        Arc::new(Absent(Failure::new(ErrorCode::ShardUnavailable, message)))
    }

    fn replicated(&self, _: Replicated<'_>, primary: Arc<dyn ShardApi>) -> Arc<dyn ShardApi> {
        primary
    }

    fn generation(&self, address: &str, index: IndexUuid, shard: ShardId, _: Generation) -> Arc<dyn ShardApi> {
        self.shard(address, index, shard)
    }

    fn made_anew(&self) {}
}
