//! A replica: of one shard of every index of a cluster, the generations that it was told to serve.
//!
//! A generation is a dump of its shard. It is prepared beside those that serve, served by its number until it is retired,
//! and never written. All that a replica holds are copies, so what is damaged is fetched again. A generation that is told
//! what has changed at the primary since keeps that in memory (`following`); a restart begins at the dump again.
//!
//! ```text
//! <root>/.node.json                                   which place, and who the replica is
//! <root>/<name>/index.json                            an index
//! <root>/<name>/<shard_id>/generations/<number>/      db/, segments/<n>, canaries.json, generation.json
//! <root>/.new-<uuid>/                                 what is being prepared
//! ```

mod at_hand;
mod blame;
mod dumped;
mod failure;
mod folders;
mod following;
mod generation_file;
mod held;
mod prepare;
mod recall;
mod settle;
mod trial;

use crate::build_pool::BuildPool;
use crate::followed_memory::FollowedMemory;
use crate::node::{OpenNodeError, Place, place};
use crate::settings::{FOLLOWED_BYTES_MAX, RECALL_FLOOR, RETIRE_LOOK_INTERVAL, RETIRE_WAIT_MAX};
use crate::shard::{FrozenShard, ShardParts};
use crate::stop::{Effort, Stop, Stopper};
use crate::workspace::disk::{self, DiskFault};
use crate::workspace::lock::WorkspaceLock;
use crate::workspace::{disk_failure, indexes};
use annuli_api::shard_api::Position;
use annuli_api::{Failure, ShardApi};
use annuli_core::{Generation, IndexName, IndexSchema, IndexUuid};
use annuli_dump::{DumpId, DumpStore};
use annuli_threads::Urgency;
use arc_swap::ArcSwap;
pub use dumped::OtherDump;
pub use folders::MakeIndexFolderError;
pub use generation_file::GenerationFileError;
pub use held::HeldGeneration;
use held::{Entry, Held};
use prepare::Preparer;
pub use prepare::{Preparation, PrepareError};
pub use settle::SettleError;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub use trial::Unfit;
use uuid::Uuid;

/// An open replica. Cheap to clone; closed with [`Replica::close`], or when the last clone goes.
#[derive(Clone)]
pub struct Replica(Arc<Inner>);

struct Inner {
    root: PathBuf,
    place: Place,
    id: Uuid,
    parts: ShardParts,
    recall_floor: f64,
    /// Where preparations build and open: one thread.
    quiet: BuildPool,
    held: ArcSwap<Held>,
    /// One preparation at a time, however long it takes.
    preparing: Mutex<()>,
    /// What is prepared now, to be given up.
    under: Mutex<Option<Effort>>,
    /// One change of what is held at a time.
    changing: Mutex<()>,
    /// For what generations have followed.
    followed: FollowedMemory,
    stopper: Stopper,
    stop: Stop,
    /// Held as long as the replica is open.
    _lock: WorkspaceLock,
}

/// What a replica is to serve.
#[derive(Debug, Clone, PartialEq)]
pub struct NewGeneration {
    /// Today's name of the index.
    pub name: IndexName,
    /// Its identity.
    pub uuid: IndexUuid,
    /// What it holds.
    pub schema: IndexSchema,
    /// The number of the generation.
    pub generation: Generation,
    /// The dump that it is.
    pub dump: DumpId,
}

impl Replica {
    /// Opens the folder `root`, which is made if it is not there, with every generation in it. One that does not open is
    /// there as damaged, and is made anew by preparing it again.
    pub fn open(root: &Path, place: Place, parts: ShardParts) -> Result<Self, OpenNodeError> {
        Self::open_with(root, place, parts, (RECALL_FLOOR, FOLLOWED_BYTES_MAX))
    }

    /// The same, with another share of the nearest documents that approximate searches must find for a generation to
    /// serve, and another memory for what generations follow, in bytes.
    pub fn open_with(
        root: &Path,
        place: Place,
        parts: ShardParts,
        (recall_floor, followed_bytes_max): (f64, usize),
    ) -> Result<Self, OpenNodeError> {
        disk::make_folder(root)?;
        let lock = WorkspaceLock::take(root)?;
        indexes::sweep(root)?;
        let names = indexes::names(root)?;
        let id = place::claim_for_replica(root, place, names.is_empty())?;
        let mut held = Held::new();
        for name in names {
            held::open_index(root, &name, place, &parts, &mut held)?;
        }
        let quiet = BuildPool::start_as(Urgency::Background, 1).map_err(DiskFault::of("start a thread for", root))?;
        let (stopper, stop) = Stop::new();
        Ok(Self(Arc::new(Inner {
            root: root.to_owned(),
            place,
            id,
            parts,
            recall_floor,
            quiet,
            held: ArcSwap::from_pointee(held),
            preparing: Mutex::default(),
            under: Mutex::default(),
            changing: Mutex::default(),
            followed: FollowedMemory::new(followed_bytes_max),
            stopper,
            stop,
            _lock: lock,
        })))
    }

    /// Who this is: the same as long as the folder is there.
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    /// Which part of the cluster this is.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// Every generation that it has, by index and number.
    pub fn held(&self) -> Vec<HeldGeneration> {
        let held = |(&key, entry): (&(IndexUuid, Generation), &Entry)| entry.described(key);
        self.0.held.load().iter().map(held).collect()
    }

    /// What serves that generation of an index.
    pub fn shard(&self, index: IndexUuid, generation: Generation) -> Option<Arc<dyn ShardApi>> {
        let held = self.0.held.load();
        let shard = held.get(&(index, generation))?.state.as_ref().ok()?;
        Some(Arc::clone(shard) as Arc<dyn ShardApi>)
    }

    /// Prepares a generation and serves it. Prepared already, it is left as it is; damaged, it is made anew. Blocks until
    /// it is done or given up, and while another one is prepared; the other generations serve meanwhile.
    pub fn prepare(
        &self,
        new: &NewGeneration,
        store: &DumpStore,
        progress: &dyn Fn(Preparation),
        effort: &Effort,
    ) -> Result<Position, PrepareError> {
        let _preparing = lock(&self.0.preparing);
        *lock_under(&self.0.under) = Some(effort.clone());
        let prepared = self.prepare_in_turn(new, store, progress, effort.stop());
        *lock_under(&self.0.under) = None;
        prepared
    }

    fn prepare_in_turn(
        &self,
        new: &NewGeneration,
        store: &DumpStore,
        progress: &dyn Fn(Preparation),
        stop: &Stop,
    ) -> Result<Position, PrepareError> {
        if let Some(position) = self.prepared_already(new)? {
            return Ok(position);
        }
        let Inner { root, place, parts, quiet, recall_floor, .. } = &*self.0;
        let (shard, settings, generations) = (place.shard, parts.settings, self.generations_of(new.uuid));
        let recall_floor = *recall_floor;
        let preparer = Preparer { root, generations, shard, settings, pool: quiet, recall_floor, stop };
        self.publish(new, preparer.prepare(new, store, progress)?, stop)
    }

    /// Closes a generation when the last search has let go of it, and removes its folder; with the last of an index, that
    /// of the index. One that is not here is retired. Blocks until it is done.
    pub fn retire(&self, index: IndexUuid, generation: Generation) -> Result<(), Failure> {
        let _changing = lock(&self.0.changing);
        self.retire_one(index, generation)
    }

    /// Ends what is being prepared, and closes every generation. Blocks until it is done.
    pub fn close(&self) {
        self.0.close();
    }

    fn prepared_already(&self, new: &NewGeneration) -> Result<Option<Position>, PrepareError> {
        if self.0.stop.is_told() {
            return Err(PrepareError::Stopped);
        }
        let held = self.0.held.load();
        match held.get(&(new.uuid, new.generation)) {
            Some(Entry { dump: Some(dump), state: Ok(shard), .. }) if *dump == new.dump => Ok(Some(shard.position())),
            Some(Entry { dump: Some(found), state: Ok(_), .. }) => {
                let (generation, found, wanted) = (new.generation, *found, new.dump);
                Err(PrepareError::OtherGeneration { generation, found, wanted })
            }
            Some(_) | None => Ok(None),
        }
    }

    /// The folders of those that serve.
    fn generations_of(&self, index: IndexUuid) -> Vec<PathBuf> {
        let held = self.0.held.load();
        let of_index = held.iter().filter(|((of, _), entry)| *of == index && entry.state.is_ok());
        let (root, shard) = (&self.0.root, self.0.place.shard);
        of_index.map(|(&(_, number), entry)| folders::generation(root, &entry.name, shard, number)).collect()
    }

    fn publish(
        &self,
        new: &NewGeneration,
        prepared: prepare::Prepared,
        wanted: &Stop,
    ) -> Result<Position, PrepareError> {
        let Inner { root, place, parts, stop, .. } = &*self.0;
        let _changing = lock(&self.0.changing);
        if stop.is_told() || wanted.is_told() {
            return Err(PrepareError::Stopped);
        }
        let held = self.0.held.load();
        folders::make_index(root, new, place.shard, |index| held.keys().any(|(of, _)| *of == index))?;
        let folder = folders::generation(root, &new.name, place.shard, new.generation);
        if folder.exists() {
            // It did not open, or its removal was cut off.
            indexes::discard(root, &folder)?;
        }
        let prepare::Prepared { folder: unfinished, identity, view } = prepared;
        unfinished.publish(&folder)?;
        // Only now: RocksDB opens files by their paths, whenever it needs them.
        let opened = FrozenShard::over(&folder, &identity, view, parts).map_err(PrepareError::from);
        // Most of it before its turn, for which whoever is told waits: this is in the background, and may take long.
        let opened = opened.and_then(|shard| self.caught_up(new, shard));
        let memory = self.0.followed.of(new.uuid);
        let _following = memory.turn();
        let shard = opened.and_then(|shard| self.caught_up(new, shard)).inspect_err(|_| {
            // What stays is found damaged by the next start.
            let _ = indexes::discard(root, &folder);
        })?;
        let position = shard.position();
        let entry = Entry { name: new.name.clone(), dump: Some(new.dump), state: Ok(Arc::new(shard)) };
        self.change(|held| drop(held.insert((new.uuid, new.generation), entry.clone())));
        let (index, generation, dump, seq) = (&new.name, new.generation.0, new.dump, position.seq.0);
        tracing::info!(%index, generation, %dump, seq, "prepared a generation");
        Ok(position)
    }

    /// The generation, where the others of its index stand if they have followed further: whoever was answered by one of them
    /// is answered no less by this.
    fn caught_up(&self, new: &NewGeneration, shard: FrozenShard) -> Result<FrozenShard, PrepareError> {
        for (_, earlier) in self.serving(new.uuid) {
            shard.catch_up_with(&earlier)?;
        }
        Ok(shard)
    }

    fn retire_one(&self, index: IndexUuid, generation: Generation) -> Result<(), Failure> {
        let key = (index, generation);
        let Some(Entry { name, dump, state }) = self.0.held.load().get(&key).cloned() else { return Ok(()) };
        self.change(|held| drop(held.remove(&key)));
        if let Ok(shard) = state {
            self.wait_until_let_go(&shard);
            shard.close();
        }
        let folder = folders::generation(&self.0.root, &name, self.0.place.shard, generation);
        if let Err(fault) = indexes::discard(&self.0.root, &folder) {
            if folder.exists() {
                let failure = disk_failure(&fault).with("index", name.as_str()).with("generation", generation.0);
                let damaged = Entry { name, dump, state: Err(failure.clone()) };
                self.change(|held| drop(held.insert(key, damaged.clone())));
                return Err(failure);
            }
            // It has lost its name, which is what removes it; the rest goes when the replica is opened again.
            tracing::warn!(index = %name, generation = generation.0, %fault, "a retired generation is not wholly gone yet");
        }
        tracing::info!(index = %name, generation = generation.0, "retired a generation");
        self.remove_empty(&name, index);
        Ok(())
    }

    /// Removes the folder of an index that has no generation left.
    fn remove_empty(&self, name: &IndexName, index: IndexUuid) {
        if self.0.held.load().keys().any(|(of, _)| *of == index) {
            return;
        }
        if let Err(fault) = indexes::remove(&self.0.root, name) {
            // Whatever gets the name makes room for itself.
            tracing::warn!(index = %name, %fault, "the empty folder of an index is not gone yet");
        }
    }

    /// Requests are bounded in time, so that this is too; one that takes longer is cut off.
    fn wait_until_let_go(&self, shard: &Arc<FrozenShard>) {
        let looks = RETIRE_WAIT_MAX.as_millis() / RETIRE_LOOK_INTERVAL.as_millis();
        for _ in 0..looks {
            if Arc::strong_count(shard) == 1 || self.0.stop.is_told() {
                return;
            }
            // Told to stop or not, this looks again.
            let _ = self.0.stop.told().recv_timeout(RETIRE_LOOK_INTERVAL);
        }
        tracing::warn!("a generation is retired under a request that has held it for {} s", RETIRE_WAIT_MAX.as_secs());
    }

    fn change(&self, change: impl Fn(&mut Held)) {
        self.0.held.rcu(|held| {
            let mut held = Held::clone(held);
            change(&mut held);
            held
        });
    }
}

impl Inner {
    fn close(&self) {
        // First: what begins a preparation looks at it, after it has said what it begins.
        self.stopper.stop();
        if let Some(effort) = &*lock_under(&self.under) {
            effort.give_up();
        }
        // What is under way is ended first, so that nothing is opened behind this.
        let _preparing = lock(&self.preparing);
        let _changing = lock(&self.changing);
        for entry in self.held.swap(Arc::default()).values() {
            if let Ok(shard) = &entry.state {
                shard.close();
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock_under(under: &Mutex<Option<Effort>>) -> MutexGuard<'_, Option<Effort>> {
    // It is replaced whole.
    under.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lock(turn: &Mutex<()>) -> MutexGuard<'_, ()> {
    // It guards no data that a panic could leave half changed.
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}
