//! What the cluster was told last of a process, and whether that is what stands there.

use crate::change::Change;
use crate::commit::{store_key, txn};
use crate::mirror::Seen;
use crate::record::{Key, NodeId, NodeRecord};
use annuli_api::Failure;
use annuli_coordination::{CoordinationStore, LeaseId, Revision, StoreError, Txn};

/// The record of one process. Each is written in the place of the one before: a write that was lost on the way and arrives after
/// all must not take the place of a later one, which says what is so now.
pub(super) struct Told {
    node: NodeId,
    record: Option<NodeRecord>,
    /// The revision of what stands there, as far as is known.
    at: Option<u64>,
}

impl Told {
    pub(super) fn nothing(node: NodeId) -> Self {
        Self { node, record: None, at: None }
    }

    /// What was told goes with the lease under which it was.
    pub(super) fn forget(&mut self) {
        self.record = None;
    }

    /// Whether that was told last, and nothing else is seen to stand there.
    pub(super) fn is(&mut self, record: &NodeRecord, seen: &Seen) -> bool {
        let stands = seen.records.nodes.get(&self.node).map(|stored| stored.revision);
        // What is seen may be older than what was written.
        if self.at.is_none_or(|at| seen.revision.0 >= at) && stands != self.at {
            // Somebody has deleted it, or an earlier one has come late.
            (self.record, self.at) = (None, stands);
        }
        self.record.as_ref() == Some(record)
    }

    /// What tells it.
    ///
    /// # Errors
    /// When it is larger than the store takes.
    pub(super) fn txn(&self, record: &NodeRecord, lease: LeaseId) -> Result<Txn, Failure> {
        let key = Key::Node(self.node);
        let change = match self.at {
            Some(revision) => Change::new().if_at(key.clone(), revision),
            None => Change::new().if_absent(key.clone()),
        };
        txn(&change.put(key, record.encode()), Some(lease))
    }

    /// It was told.
    pub(super) fn tell(&mut self, record: NodeRecord, revision: Revision) {
        (self.record, self.at) = (Some(record), Some(revision.0));
    }

    /// Looks what stands there.
    pub(super) async fn look(&mut self, store: &dyn CoordinationStore) -> Result<(), StoreError> {
        let key = store_key(&Key::Node(self.node));
        self.at = store.get(&key).await?.map(|entry| entry.revision.0);
        self.record = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::agent::Post;
    use crate::agent::replica::{PreparationProgress, ReplicaAgent, ReplicaHolder};
    use crate::commit::store_key;
    use crate::decide::OlderFolder;
    use crate::mirror::{Mirror, Seen};
    use crate::reconcile::replica::{Held, NewGeneration};
    use crate::record::{Key, NodeId, NodeRecord, ReplicaId, Role};
    use annuli_api::Failure;
    use annuli_coordination::{
        Commit, CoordinationStore, EmbeddedSettings, EmbeddedStore, Revision, SystemClock, Txn, Value,
    };
    use annuli_core::{Generation, IndexUuid, ShardCount, ShardId};
    use async_trait::async_trait;
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::time::Instant;
    use uuid::Uuid;

    /// Longer than anything takes here.
    const PATIENCE: Duration = Duration::from_secs(30);

    const NODE: NodeId = NodeId(Uuid::nil());

    struct Empty;

    #[async_trait]
    impl ReplicaHolder for Empty {
        fn id(&self) -> ReplicaId {
            ReplicaId(Uuid::nil())
        }

        fn held(&self) -> Held {
            Held::default()
        }

        async fn prepare(&self, _: NewGeneration, _: PreparationProgress) -> Result<(), Failure> {
            Ok(())
        }

        async fn retire(&self, _: IndexUuid, _: Generation) -> Result<(), Failure> {
            Ok(())
        }
    }

    async fn commit(store: &dyn CoordinationStore, txn: Txn) -> Revision {
        match store.commit(txn).await.unwrap() {
            Commit::Committed { revision } => revision,
            Commit::Conflict { which } => panic!("unexpected conflict: {which}"),
        }
    }

    /// A process that had told something lately took it for what stood there, for as long as it lived.
    #[tokio::test]
    async fn what_is_told_stands_there_again_whatever_became_of_it() {
        let root = tempfile::tempdir().unwrap();
        let store =
            EmbeddedStore::open(root.path(), EmbeddedSettings::default(), Arc::new(SystemClock::new())).unwrap();
        let store: Arc<dyn CoordinationStore> = Arc::new(store);
        let post = Post {
            node: NODE,
            address: "127.0.0.1:1".to_owned(),
            shard: ShardId(0),
            shards: ShardCount::ONE,
            older: OlderFolder::Refuse,
        };
        let agent = ReplicaAgent::join(Arc::clone(&store), Arc::new(Empty), post).await.unwrap();
        let agent = tokio::spawn(agent.run());
        let mirror = Mirror::start(Arc::clone(&store), |_, _| {}).await.unwrap();
        let stands = |seen: &Seen| seen.records.nodes.get(&NODE).map(|stored| stored.record.clone());
        let is_there = |seen: &Seen| stands(seen).is_some_and(|node| node.role == Role::Replica);
        assert!(mirror.wait_until(Instant::now() + PATIENCE, is_there).await);
        let told = stands(&mirror.seen()).unwrap();
        let key = store_key(&Key::Node(NODE));
        // What was lost on the way arrives after all.
        let late = NodeRecord { role: Role::Aside, replica: None, ..told.clone() };
        let late = commit(&*store, Txn::new().put(key.clone(), Value::new(&late.encode()).unwrap())).await;
        let is_back = |before: Revision| {
            let (stands, told) = (&stands, &told);
            move |seen: &Seen| seen.revision > before && stands(seen).as_ref() == Some(told)
        };
        assert!(mirror.wait_until(Instant::now() + PATIENCE, is_back(late)).await);
        // Somebody deletes it.
        let deleted = commit(&*store, Txn::new().delete(key)).await;
        assert!(mirror.wait_until(Instant::now() + PATIENCE, is_back(deleted)).await);
        agent.abort();
    }
}
