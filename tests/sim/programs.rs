//! What each process runs: the code of the program, put together as the program does it.

use crate::desk::{Lookup, answer_all};
use crate::durable::DurableShard;
use crate::folder::{Folder, FolderHolder};
use crate::network::{Request, Target};
use crate::origins;
use crate::reach::Connections;
use crate::replica_folder::{ReplicaFolder, ReplicaFolderHolder};
use crate::shelf::ShelfFiles;
use crate::store_client::StoreClient;
use crate::watched::Watched;
use crate::world::{Who, World, locked};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_cluster::catalogue::Dumps;
use annuli_cluster::decide::OlderFolder;
use annuli_cluster::record::{NodeId, Way};
use annuli_cluster::{
    Agent, ClusterCatalogue, Coordinator, CoordinatorSettings, Guarded, Keeping, Post, ReplicaAgent, Schedule, Serving,
};
use annuli_coordination::CoordinationStore;
use annuli_core::{ShardCount, ShardId};
use annuli_dump::DumpStore;
use annuli_replicas::Roster;
use annuli_router::{Limits, PollingTable, Router};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Between two tries to start, as whoever supervises processes has it.
const START_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What is asked of a router.
pub(crate) type Job = Box<dyn FnOnce(Arc<Site>) -> BoxFuture<'static, ()> + Send>;

/// A router, as its clients meet it.
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) catalogue: Arc<ClusterCatalogue>,
    /// Who waits for what he has written does so alone: of several it is left to chance who is woken first.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

fn store(world: &Arc<World>, who: Who) -> Arc<dyn CoordinationStore> {
    Arc::new(StoreClient { world: Arc::clone(world), who })
}

fn post(who: Who, shard: ShardId, shards: ShardCount, older: OlderFolder) -> Post {
    Post { node: NodeId(origins::new_uuid()), address: who.to_string(), shard, shards, older }
}

/// A primary, or one that stands by.
pub(crate) async fn primary(
    world: Arc<World>,
    who: Who,
    shard: ShardId,
    shards: ShardCount,
    folder: Arc<Folder>,
    requests: mpsc::Receiver<Request>,
) {
    let serving = Arc::new(Serving::new(shard));
    let holder = FolderHolder { world: Arc::clone(&world), who, shard, folder: Arc::clone(&folder) };
    let holder = Arc::new(holder);
    let reach = || Arc::new(Connections { world: Arc::clone(&world), who, roster: Roster::default() });
    let agent = loop {
        let post = post(who, shard, shards, OlderFolder::Refuse);
        match Agent::join(store(&world, who), Arc::clone(&holder) as _, post, Arc::clone(&serving), reach()).await {
            Ok(agent) => break agent,
            Err(_) => sleep(START_AGAIN_AFTER).await,
        }
    };
    tokio::spawn(agent.run());
    let lookup: Lookup = Arc::new(move |Target { index, shard, generation }| {
        if let Some(generation) = generation {
            return Err(serving.not_a_replica(index, generation));
        }
        serving.check(index, shard)?;
        let model = folder.shard(index).ok_or_else(|| serving.unknown(index))?;
        let durable = DurableShard { world: Arc::clone(&world), who, shard, model };
        let guarded = Guarded::new(index, Arc::new(durable), Arc::clone(&serving));
        Ok(Arc::new(Watched { world: Arc::clone(&world), who, shard, index, guarded }) as Arc<dyn ShardApi>)
    });
    answer_all(requests, lookup).await;
}

/// A replica.
pub(crate) async fn replica(
    world: Arc<World>,
    who: Who,
    shard: ShardId,
    shards: ShardCount,
    folder: Arc<ReplicaFolder>,
    requests: mpsc::Receiver<Request>,
) {
    let holder = ReplicaFolderHolder { world: Arc::clone(&world), who, shard, folder: Arc::clone(&folder) };
    let holder = Arc::new(holder);
    let (agent, trails) = loop {
        let post = post(who, shard, shards, OlderFolder::Refuse);
        match ReplicaAgent::join(store(&world, who), Arc::clone(&holder) as _, post).await {
            Ok(mut agent) => {
                // Every other one: both are asked for the same.
                let follows = matches!(who, Who::Replica(_, number) if number % 2 == 0);
                let trails = follows.then(|| {
                    let reach = Connections { world: Arc::clone(&world), who, roster: Roster::default() };
                    agent.follow(holder, Arc::new(reach))
                });
                break (agent, trails);
            }
            Err(_) => sleep(START_AGAIN_AFTER).await,
        }
    };
    tokio::spawn(agent.run());
    let lookup: Lookup = Arc::new(move |Target { index, shard: asked, generation }| {
        let unavailable = |message| Err(Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None));
        if asked != shard {
            return unavailable("this process holds another shard");
        }
        let Some(generation) = generation else { return unavailable("this process is no primary") };
        let Some(model) = folder.generation(index, generation) else {
            return unavailable("this replica does not serve that generation");
        };
        if let Some(trails) = &trails {
            trails.check(index, generation)?;
        }
        Ok(model as Arc<dyn ShardApi>)
    });
    answer_all(requests, lookup).await;
}

/// A router, which may coordinate.
///
/// The program's coordinator works by the same copy of the records as its requests do; here it has one of its own, since
/// of several that wait for the same copy it is left to chance who is woken first.
pub(crate) async fn router(world: Arc<World>, who: Who, shards: ShardCount, mut jobs: mpsc::Receiver<Job>) {
    let (serving, coordinating) = (catalogue(&world, who).await, catalogue(&world, who).await);
    let way = if world.dice.permille(500) { Way::Drain } else { Way::Beside };
    let settings = CoordinatorSettings {
        name: who.to_string(),
        keeping: Keeping { dumps: 2, retiring: Duration::from_secs(3) },
        schedule: Schedule { every: Some(Duration::from_secs(20)), after_changes: Some(40), way },
        term: Some(Duration::from_secs(20)),
    };
    let dumps = DumpStore::new(Arc::new(ShelfFiles(Arc::clone(&world))));
    let coordinator = Coordinator::new(store(&world, who), coordinating, dumps, settings, origins::origins());
    tokio::spawn(coordinator.with_store_work_run_by(origins::run_store_work).run());
    let reporting = Arc::clone(&serving);
    tokio::spawn(async move { reporting.report_canaries().await });
    let polling = PollingTable::new(&BTreeMap::new()).expect("the defaults");
    let router = Router::new(Arc::clone(&serving) as _, Limits::default(), polling, shards);
    let site = Arc::new(Site { router, catalogue: serving, turn: tokio::sync::Mutex::default() });
    locked(&world.witness).started(who, world.schedule.now());
    while let Some(job) = jobs.recv().await {
        tokio::spawn(job(Arc::clone(&site)));
    }
}

async fn catalogue(world: &Arc<World>, who: Who) -> Arc<ClusterCatalogue> {
    loop {
        let reach = Connections { world: Arc::clone(world), who, roster: Roster::default() };
        let dumps = Dumps::Kept(DumpStore::new(Arc::new(ShelfFiles(Arc::clone(world)))));
        match ClusterCatalogue::start(store(world, who), Arc::new(reach), origins::new_uuid, dumps).await {
            Ok(catalogue) => return Arc::new(catalogue),
            Err(_) => sleep(START_AGAIN_AFTER).await,
        }
    }
}
