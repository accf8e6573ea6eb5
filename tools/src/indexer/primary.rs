//! A primary: it holds the documents of one shard of every index, and writes them.

use super::Ready;
use super::figures::Figures;
use annuli_api::{ErrorCode, Failure, ShardApi};
use annuli_cluster::decide::FolderTerm;
use annuli_cluster::reconcile::{HeldShard, Restore};
use annuli_cluster::record::DumpedShard;
use annuli_cluster::{Agent, Guarded, Holder, Post, Reach, Serving};
use annuli_coordination::{CoordinationStore, Epoch};
use annuli_core::{Generation, HistoryId, IndexName, IndexSchema, IndexUuid, Seq, ShardId};
use annuli_dump::{DumpId, DumpStore};
use annuli_indexer::node::{HeldShard as InFolder, NewShard, RestoredShard, Term};
use annuli_indexer::{CpuPool, Effort, Node};
use annuli_router::{Looked, shard_figures};
use annuli_threads::Urgency;
use annuli_wire::server::{Shards, Watched};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Changes of the folder that wait for their turn: the agent makes one at a time.
const CHANGES_QUEUE_MAX: usize = 4;

/// Dumps that wait for their turn: far more than the coordinator has under way at once, also with those of an earlier
/// coordinator that were given up and have not noticed yet. One that is refused fails its dump.
const DUMPS_QUEUE_MAX: usize = 64;

/// Restores that wait for their turn, for the same reason.
const RESTORES_QUEUE_MAX: usize = 64;

/// Joins the cluster as the primary of the folder's shard, or as one that stands by.
pub(super) async fn join(
    node: Node,
    store: Arc<dyn CoordinationStore>,
    dumps: Option<DumpStore>,
    post: Post,
    figures: Figures,
    reach: Arc<dyn Reach>,
) -> Result<Ready, Failure> {
    let serving = Arc::new(Serving::new(node.place().shard));
    let changes = CpuPool::start("catalogue", 1, CHANGES_QUEUE_MAX);
    let dumping = CpuPool::start_as(Urgency::Background, "dump", 1, DUMPS_QUEUE_MAX);
    let restoring = CpuPool::start("restore", 1, RESTORES_QUEUE_MAX);
    let holder = Arc::new(Folder { node: node.clone(), dumps, changes, dumping, restoring });
    let agent = Agent::join(store, holder, post, Arc::clone(&serving), reach).await?;
    let served = Arc::new(Served { node, serving, figures });
    Ok(Ready { shards: Arc::clone(&served) as _, watched: served, agent: Box::pin(agent.run()) })
}

/// The folder, as the agent changes it.
struct Folder {
    node: Node,
    dumps: Option<DumpStore>,
    /// One thread: what takes the disk's time does not take the runtime's.
    changes: CpuPool,
    /// Another: an index is made while one is dumped.
    dumping: CpuPool,
    /// And one more: a restore takes as long as the dump is large.
    restoring: CpuPool,
}

impl Folder {
    fn dumps(&self) -> Result<DumpStore, Failure> {
        let message = "this process does not know where dumps are kept: start it with --dumps";
        self.dumps.clone().ok_or_else(|| Failure::new(ErrorCode::InvalidRequest, message))
    }
}

#[async_trait]
impl Holder for Folder {
    fn held(&self) -> BTreeMap<IndexName, HeldShard> {
        let held = self.node.held().into_iter();
        held.map(|held| (held.name, HeldShard { uuid: held.uuid, state: held.state })).collect()
    }

    async fn make(&self, name: &IndexName, uuid: IndexUuid, schema: &IndexSchema) -> Result<HistoryId, Failure> {
        let (node, new) = (self.node.clone(), NewShard { name: name.clone(), uuid, schema: *schema });
        self.changes.run(move || node.make(&new)).await?
    }

    async fn restore(&self, uuid: IndexUuid, restore: &Restore) -> Result<HistoryId, Failure> {
        let (node, dumps) = (self.node.clone(), self.dumps()?);
        let Restore { name, schema, origin, .. } = restore.clone();
        let restored = RestoredShard { new: NewShard { name, uuid, schema }, of: origin.index, dump: origin.dump };
        self.restoring.run(move || node.restore(&restored, &dumps)).await?
    }

    async fn begin_anew(&self, name: &IndexName, uuid: IndexUuid) -> Result<HistoryId, Failure> {
        let (node, name) = (self.node.clone(), name.clone());
        self.changes.run(move || node.begin_anew(&name, uuid)).await?
    }

    fn give_up(&self, uuid: IndexUuid) {
        self.node.give_up_restore(uuid);
    }

    fn shard(&self, uuid: IndexUuid) -> Option<Arc<dyn ShardApi>> {
        Some(self.node.shard(uuid)? as _)
    }

    fn keep_log(&self, uuid: IndexUuid, behind: Option<Seq>) {
        if let Some(shard) = self.node.shard(uuid) {
            shard.keep_log(behind);
        }
    }

    fn term(&self) -> FolderTerm {
        let Term { served, begun } = self.node.term();
        FolderTerm { served: served.map(Epoch), begun: begun.map(Epoch) }
    }

    async fn keep_term(&self, term: FolderTerm) -> Result<(), Failure> {
        let node = self.node.clone();
        let term = Term { served: term.served.map(|epoch| epoch.0), begun: term.begun.map(|epoch| epoch.0) };
        self.changes.run(move || node.keep_term(term)).await?
    }

    async fn dump(&self, uuid: IndexUuid, dump: DumpId) -> Result<DumpedShard, Failure> {
        let (node, dumps) = (self.node.clone(), self.dumps()?);
        let effort = Effort::new();
        let _awaited = effort.while_awaited();
        let record = self.dumping.run(move || node.dump_shard(uuid, dump, &dumps, &effort)).await??;
        Ok(DumpedShard::new(record.history, record.seq, record.documents, record.archive.bytes()))
    }

    async fn remove(&self, name: &IndexName, uuid: IndexUuid) -> Result<(), Failure> {
        let (node, name) = (self.node.clone(), name.clone());
        self.changes.run(move || node.remove(&name, uuid)).await?
    }
}

/// The shards, as routers ask for them.
struct Served {
    node: Node,
    serving: Arc<Serving>,
    figures: Figures,
}

impl Shards for Served {
    fn shard(
        &self,
        index: IndexUuid,
        shard: ShardId,
        generation: Option<Generation>,
    ) -> Result<Arc<dyn ShardApi>, Failure> {
        if let Some(generation) = generation {
            return Err(self.serving.not_a_replica(index, generation));
        }
        self.serving.check(index, shard)?;
        let shard = self.node.shard(index).ok_or_else(|| self.serving.unknown(index))?;
        Ok(Arc::new(Guarded::new(index, shard, Arc::clone(&self.serving))))
    }
}

#[async_trait]
impl Watched for Served {
    fn ready(&self) -> Result<(), String> {
        self.serving.check_tenure().map_err(|failure| failure.message)
    }

    async fn metrics(&self) -> Result<String, Failure> {
        let mut looked = Vec::new();
        for InFolder { name, uuid, state } in self.node.held() {
            let shard = uuid.and_then(|uuid| self.node.shard(uuid));
            let status = match (state, shard) {
                (Ok(_), Some(shard)) => shard.status().await,
                (Ok(_), None) => Err(Failure::new(ErrorCode::ShardUnavailable, "it was removed a moment ago")),
                (Err(failure), _) => Err(failure),
            };
            looked.push(Looked::new(&name, self.node.place().shard, status));
        }
        self.figures.text(self.ready().is_ok(), shard_figures(&looked))
    }
}
