//! A replica: it answers searches of one shard of every index, from dumps.

use super::Ready;
use super::figures::{Figures, LookedGeneration, following_figures, generation_figures};
use annuli_api::shard_api::Changed;
use annuli_api::{Effect, ErrorCode, Failure, Position, ShardApi};
use annuli_cluster::agent::replica::PreparationProgress;
use annuli_cluster::reconcile::replica::{Held, NewGeneration};
use annuli_cluster::record::ReplicaId;
use annuli_cluster::{Ended, Follower, Post, Reach, ReplicaAgent, ReplicaHolder, Standing, Trails};
use annuli_coordination::CoordinationStore;
use annuli_core::{Generation, IndexUuid, ShardId};
use annuli_dump::DumpStore;
use annuli_indexer::replica::{NewGeneration as Sought, Preparation};
use annuli_indexer::{CpuPool, Effort, Replica, shard};
use annuli_threads::Urgency;
use annuli_wire::server::{Shards, Watched};
use async_trait::async_trait;
use std::sync::Arc;

/// Changes of the folder that wait for their turn: the agent makes one at a time.
const QUEUE_MAX: usize = 4;

/// Indexes that wait to be told what has changed: each does so at most once at a time.
const FOLLOWING_QUEUE_MAX: usize = 4_096;

/// Joins the cluster as a replica of the folder's shard. It follows its primary if it is told how that is reached.
pub(super) async fn join(
    replica: Replica,
    store: Arc<dyn CoordinationStore>,
    dumps: DumpStore,
    post: Post,
    figures: Figures,
    reach: Option<Arc<dyn Reach>>,
) -> Result<Ready, Failure> {
    let preparing = CpuPool::start_as(Urgency::Background, "prepare", 1, QUEUE_MAX);
    let changes = CpuPool::start("catalogue", 1, QUEUE_MAX);
    let following = CpuPool::start("follow", 1, FOLLOWING_QUEUE_MAX);
    let holder = Arc::new(Folder { replica: replica.clone(), dumps, preparing, changes, following });
    let mut agent = ReplicaAgent::join(store, Arc::clone(&holder) as _, post).await?;
    let trails = reach.map(|reach| agent.follow(holder, reach));
    let served = Arc::new(Served { replica, standing: agent.standing(), trails, figures });
    Ok(Ready { shards: Arc::clone(&served) as _, watched: served, agent: Box::pin(agent.run()) })
}

/// The folder, as the agent changes it.
struct Folder {
    replica: Replica,
    dumps: DumpStore,
    /// One thread: a generation is prepared after the other. One that was given up notices soon.
    preparing: CpuPool,
    /// Another: what is retired does not wait for what is prepared.
    changes: CpuPool,
    /// And one more: what has changed does not wait for either.
    following: CpuPool,
}

#[async_trait]
impl Follower for Folder {
    fn stands(&self, index: IndexUuid) -> Vec<(Generation, Position)> {
        self.replica.stands(index)
    }

    fn bytes_max(&self) -> usize {
        self.replica.followed_index_bytes_max()
    }

    async fn follow(&self, index: IndexUuid, told: Vec<Changed>, from_to: (Position, Position)) -> Result<(), Failure> {
        let replica = self.replica.clone();
        Ok(self.following.run(move || replica.follow(index, told, from_to)).await??)
    }

    fn follow_no_longer(&self, index: IndexUuid, generation: Generation, ended: Ended) {
        let ended = match ended {
            Ended::OtherLine => shard::Ended::OtherLine,
            Ended::TooFar => shard::Ended::TooFar,
        };
        self.replica.follow_no_longer(index, generation, ended);
    }
}

#[async_trait]
impl ReplicaHolder for Folder {
    fn id(&self) -> ReplicaId {
        ReplicaId(self.replica.id())
    }

    fn held(&self) -> Held {
        let held = self.replica.held().into_iter();
        held.map(|held| ((held.index, held.generation), held.state.map(drop))).collect()
    }

    async fn prepare(&self, new: NewGeneration, progress: PreparationProgress) -> Result<(), Failure> {
        let (replica, dumps) = (self.replica.clone(), self.dumps.clone());
        let NewGeneration { name, uuid, schema, of, .. } = new;
        let sought = Sought { name, uuid, schema, generation: of.generation, dump: of.dump };
        let effort = Effort::new();
        let _awaited = effort.while_awaited();
        let prepare = move || replica.prepare(&sought, &dumps, &|now| progress(said(now)), &effort);
        self.preparing.run(prepare).await??;
        Ok(())
    }

    async fn retire(&self, index: IndexUuid, generation: Generation) -> Result<(), Failure> {
        let replica = self.replica.clone();
        self.changes.run(move || replica.retire(index, generation)).await?
    }
}

/// What a replica is at, in few words: each is a change of its record, which every router and node hears of.
fn said(preparation: Preparation) -> String {
    match preparation {
        Preparation::Fetching { bytes, of } => format!("fetching, {} %", bytes.saturating_mul(10) / of.max(1) * 10),
        Preparation::Opening => "opening".to_owned(),
        Preparation::Canaries => "asking canaries".to_owned(),
        Preparation::Warming => "warming".to_owned(),
    }
}

/// The generations, as routers ask for them.
struct Served {
    replica: Replica,
    standing: Arc<Standing>,
    /// `None`: it does not follow.
    trails: Option<Arc<Trails>>,
    figures: Figures,
}

impl Shards for Served {
    fn shard(
        &self,
        index: IndexUuid,
        shard: ShardId,
        generation: Option<Generation>,
    ) -> Result<Arc<dyn ShardApi>, Failure> {
        let held = self.replica.place().shard;
        let unavailable =
            |message: String| Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None);
        if shard != held {
            return Err(unavailable(format!("this process holds shard {held}, it was asked for shard {shard}")));
        }
        let Some(generation) = generation else {
            return Err(unavailable(format!("this process is a replica of shard {held}, and not its primary")));
        };
        let absent = || {
            // Of this index alone: for others the process may be asked.
            let message =
                format!("this replica of shard {held} does not serve generation {generation} of the index {index}");
            Failure::new(ErrorCode::IndexUnavailable, message).with_effect(Effect::None)
        };
        let shard = self.replica.shard(index, generation).ok_or_else(absent)?;
        if let Some(trails) = &self.trails {
            trails.check(index, generation)?;
        }
        Ok(shard)
    }
}

#[async_trait]
impl Watched for Served {
    fn ready(&self) -> Result<(), String> {
        self.standing.check()
    }

    async fn metrics(&self) -> Result<String, Failure> {
        let mut looked = Vec::new();
        for held in self.replica.held() {
            let status = match self.replica.shard(held.index, held.generation) {
                Some(shard) => shard.status().await.ok(),
                None => None,
            };
            let trail = self.trails.as_ref().and_then(|trails| trails.of(held.index, held.generation));
            let follows = self.replica.stands(held.index).iter().any(|(generation, _)| *generation == held.generation);
            looked.push(LookedGeneration { index: held.name, generation: held.generation, status, follows, trail });
        }
        let mut figures = generation_figures(self.replica.place().shard, &looked);
        if self.trails.is_some() {
            figures.extend(following_figures(self.replica.place().shard, &looked, self.replica.followed_bytes()));
        }
        self.figures.text(self.ready().is_ok(), figures)
    }
}
