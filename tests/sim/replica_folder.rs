//! The folder of a replica: the generations that it has prepared, and the process's hands on it.

use crate::contents;
use crate::folder::disk_fault;
use crate::shelf::ShelfFiles;
use crate::world::{Who, World, locked};
use annuli_api::shard_api::Changed;
use annuli_api::{ErrorCode, Failure, Position};
use annuli_cluster::agent::replica::PreparationProgress;
use annuli_cluster::reconcile::replica::{Held, NewGeneration};
use annuli_cluster::record::ReplicaId;
use annuli_cluster::{Ended, Follower, ReplicaHolder};
use annuli_contract::{Contents, ModelShard};
use annuli_core::{DocId, Generation, HistoryId, IndexSchema, IndexUuid, Seq, ShardId};
use annuli_dump::DumpStore;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// What is on the disk of a replica, and in the memory of its process.
pub(crate) struct ReplicaFolder {
    pub(crate) id: ReplicaId,
    generations: Mutex<BTreeMap<(IndexUuid, Generation), Prepared>>,
    /// When it was last tried in vain to let go of one.
    kept: Mutex<BTreeMap<(IndexUuid, Generation), u64>>,
}

/// A generation.
struct Prepared {
    schema: IndexSchema,
    /// On the disk.
    dumped: Contents,
    /// In memory: that, and what it has followed since.
    model: Arc<ModelShard>,
    /// What it has followed, by document, and up to when that was so: handed on to the next.
    told: BTreeMap<DocId, (Seq, Changed)>,
    /// Why it follows no longer.
    ended: Option<Ended>,
}

impl Prepared {
    fn of(schema: IndexSchema, history: HistoryId, dumped: Contents) -> Self {
        let model = ModelShard::of(schema, history, dumped.clone());
        Self { schema, dumped, model, told: BTreeMap::new(), ended: None }
    }

    fn follow(&mut self, told: Vec<Changed>, to: Seq) {
        if to <= self.position().seq {
            return;
        }
        for changed in &told {
            let seq = match changed {
                Changed::Is { seq, .. } => *seq,
                Changed::Gone { .. } => to,
            };
            self.told.insert(changed.id().clone(), (seq, changed.clone()));
        }
        self.model.follow(told, to);
    }

    /// What it has followed behind that seq.
    fn told_behind(&self, here: Seq) -> Vec<Changed> {
        let behind = self.told.values().filter(|(seq, _)| *seq > here);
        behind.map(|(_, changed)| changed.clone()).collect()
    }

    fn position(&self) -> Position {
        Position { history: self.model.history(), seq: Seq(self.model.contents().seq) }
    }
}

/// What has failed is not tried again at once: it would fail again, and keep the processor and the log from all else.
const REST_MS: u64 = 500;

impl ReplicaFolder {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            id: ReplicaId(Uuid::from_u128(world.dice.identity())),
            generations: Mutex::default(),
            kept: Mutex::default(),
        }
    }

    pub(crate) fn generation(&self, index: IndexUuid, generation: Generation) -> Option<Arc<ModelShard>> {
        locked(&self.generations).get(&(index, generation)).map(|prepared| Arc::clone(&prepared.model))
    }

    /// Its process is started: it remembers nothing.
    pub(crate) fn forget_what_was_followed(&self) {
        for prepared in locked(&self.generations).values_mut() {
            *prepared = Prepared::of(prepared.schema, prepared.model.history(), prepared.dumped.clone());
        }
    }

    /// Has a generation that stands where the others do which were made of an earlier dump of the same history.
    fn insert(&self, (index, generation): (IndexUuid, Generation), mut prepared: Prepared) {
        let mut generations = locked(&self.generations);
        let is_true = |earlier: &Prepared| earlier.ended != Some(Ended::OtherLine);
        for (_, earlier) in generations.iter().filter(|((of, _), earlier)| *of == index && is_true(earlier)) {
            let (here, there) = (prepared.position(), earlier.position());
            if here.history == there.history && here.seq < there.seq && earlier.dumped.seq <= prepared.dumped.seq {
                prepared.follow(earlier.told_behind(here.seq), there.seq);
            }
        }
        generations.insert((index, generation), prepared);
    }

    /// Which generations it has.
    pub(crate) fn held(&self) -> Vec<(IndexUuid, Generation)> {
        locked(&self.generations).keys().copied().collect()
    }

    /// Its process counts time anew: it was started, or its clock has jumped.
    pub(crate) fn count_anew(&self) {
        locked(&self.kept).clear();
    }

    /// Its disk was lost.
    pub(crate) fn lose(&self) {
        locked(&self.generations).clear();
    }
}

/// A process's hands on it.
pub(crate) struct ReplicaFolderHolder {
    pub(crate) world: Arc<World>,
    pub(crate) who: Who,
    pub(crate) shard: ShardId,
    pub(crate) folder: Arc<ReplicaFolder>,
}

impl ReplicaFolderHolder {
    async fn takes_a_while(&self, ms_max: u64) {
        sleep(Duration::from_millis(self.world.dice.between(1, ms_max))).await;
    }
}

#[async_trait]
impl ReplicaHolder for ReplicaFolderHolder {
    fn id(&self) -> ReplicaId {
        self.folder.id
    }

    fn held(&self) -> Held {
        self.folder.held().into_iter().map(|key| (key, Ok(()))).collect()
    }

    async fn prepare(&self, new: NewGeneration, progress: PreparationProgress) -> Result<(), Failure> {
        let failed = |error: String| Failure::new(ErrorCode::StorageFailed, error);
        if self.folder.generation(new.uuid, new.of.generation).is_some() {
            return Ok(());
        }
        progress("fetching".to_owned());
        self.takes_a_while(1_500).await;
        disk_fault(&self.world)?;
        let store = DumpStore::new(Arc::new(ShelfFiles(Arc::clone(&self.world))));
        let dump = store.open(new.uuid, new.of.dump).map_err(|error| failed(error.to_string()))?;
        let (history, contents) = contents::take(&dump, self.shard).map_err(failed)?;
        progress("opening".to_owned());
        self.takes_a_while(700).await;
        disk_fault(&self.world)?;
        self.folder.insert(new.key(), Prepared::of(new.schema, history, contents));
        self.world.note(format_args!("{} has generation {} of {}", self.who, new.of.generation, new.uuid));
        self.takes_a_while(100).await;
        Ok(())
    }

    async fn retire(&self, index: IndexUuid, generation: Generation) -> Result<(), Failure> {
        let (key, now) = ((index, generation), self.world.schedule.now());
        if locked(&self.folder.kept).get(&key).is_some_and(|failed| *failed + REST_MS > now) {
            self.world.violated(format_args!("{} tries at once again to let go of generation {generation}", self.who));
        }
        self.takes_a_while(50).await;
        if let Err(failure) = disk_fault(&self.world) {
            locked(&self.folder.kept).insert(key, self.world.schedule.now());
            return Err(failure);
        }
        locked(&self.folder.generations).remove(&(index, generation));
        self.world.note(format_args!("{} lets go of generation {generation} of {index}", self.who));
        Ok(())
    }
}

#[async_trait]
impl Follower for ReplicaFolderHolder {
    fn stands(&self, index: IndexUuid) -> Vec<(Generation, Position)> {
        let generations = locked(&self.folder.generations);
        let of_index = generations.iter().rev().filter(|((of, _), prepared)| *of == index && prepared.ended.is_none());
        of_index.map(|(&(_, number), prepared)| (number, prepared.position())).collect()
    }

    fn bytes_max(&self) -> usize {
        usize::MAX
    }

    async fn follow(
        &self,
        index: IndexUuid,
        told: Vec<Changed>,
        (from, to): (Position, Position),
    ) -> Result<(), Failure> {
        self.takes_a_while(20).await;
        let mut generations = locked(&self.folder.generations);
        let of_index = generations.iter_mut().filter(|((of, _), prepared)| *of == index && prepared.ended.is_none());
        for (_, prepared) in of_index {
            let here = prepared.position();
            if here.history == to.history && here.seq >= from.seq {
                prepared.follow(told.clone(), to.seq);
            }
        }
        self.world.note(format_args!("{} has followed {index} to {}", self.who, to.seq));
        locked(&self.world.witness).count("round of a follower");
        Ok(())
    }

    fn follow_no_longer(&self, index: IndexUuid, generation: Generation, ended: Ended) {
        if let Some(prepared) = locked(&self.folder.generations).get_mut(&(index, generation)) {
            prepared.ended.get_or_insert(ended);
        }
        self.world.note(format_args!("{}: generation {generation} of {index} follows no longer", self.who));
    }
}
