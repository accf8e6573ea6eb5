//! The folder of a primary: what outlives its process, and the process's hands on it.

use crate::contents;
use crate::durable::DurableShard;
use crate::shelf::ShelfFiles;
use crate::world::{Who, World, locked};
use annuli_api::{ErrorCode, Failure, Position, ShardApi};
use annuli_cluster::Holder;
use annuli_cluster::decide::FolderTerm;
use annuli_cluster::reconcile::{HeldShard, Restore};
use annuli_cluster::record::{DumpedShard, Origin};
use annuli_contract::{Contents, ModelShard, Stored};
use annuli_core::placement::shard_of;
use annuli_core::{HistoryId, IndexName, IndexSchema, IndexUuid, Seq, ShardId};
use annuli_dump::{DumpId, DumpStore};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

/// What is on the disk of a primary.
#[derive(Default)]
pub(crate) struct Folder(Mutex<OnDisk>);

#[derive(Default)]
struct OnDisk {
    term: FolderTerm,
    shards: BTreeMap<IndexName, Held>,
}

#[derive(Clone)]
struct Held {
    uuid: IndexUuid,
    schema: IndexSchema,
    model: Arc<ModelShard>,
}

impl Folder {
    /// Another folder with the same in it.
    pub(crate) fn copy(&self) -> Self {
        let here = locked(&self.0);
        let copy = |(name, held): (&IndexName, &Held)| {
            let model = ModelShard::of(held.schema, held.model.history(), held.model.contents());
            (name.clone(), Held { model, ..held.clone() })
        };
        Self(Mutex::new(OnDisk { term: here.term, shards: here.shards.iter().map(copy).collect() }))
    }

    pub(crate) fn term(&self) -> FolderTerm {
        locked(&self.0).term
    }

    /// The shard of an index.
    pub(crate) fn shard(&self, index: IndexUuid) -> Option<Arc<ModelShard>> {
        let here = locked(&self.0);
        here.shards.values().find(|held| held.uuid == index).map(|held| Arc::clone(&held.model))
    }

    /// Which indexes it has a shard of.
    pub(crate) fn indexes(&self) -> Vec<IndexUuid> {
        locked(&self.0).shards.values().map(|held| held.uuid).collect()
    }
}

/// A process's hands on its folder: nothing happens at once, and some of it not at all.
pub(crate) struct FolderHolder {
    pub(crate) world: Arc<World>,
    pub(crate) who: Who,
    pub(crate) shard: ShardId,
    pub(crate) folder: Arc<Folder>,
}

impl FolderHolder {
    async fn takes_a_while(&self, ms_max: u64) {
        sleep(Duration::from_millis(self.world.dice.between(1, ms_max))).await;
    }

    fn fault(&self) -> Result<(), Failure> {
        disk_fault(&self.world)
    }
}

/// A disk that fails now.
pub(crate) fn disk_fault(world: &World) -> Result<(), Failure> {
    let permille = locked(&world.weather).disks_fail;
    if world.dice.permille(permille) { Err(Failure::new(ErrorCode::StorageFull, "the disk is full")) } else { Ok(()) }
}

#[async_trait]
impl Holder for FolderHolder {
    fn held(&self) -> BTreeMap<IndexName, HeldShard> {
        let here = locked(&self.folder.0);
        let held = |(name, held): (&IndexName, &Held)| {
            let (history, seq) = (held.model.history(), Seq(held.model.contents().seq));
            (name.clone(), HeldShard { uuid: Some(held.uuid), state: Ok(Position { history, seq }) })
        };
        here.shards.iter().map(held).collect()
    }

    async fn make(&self, name: &IndexName, uuid: IndexUuid, schema: &IndexSchema) -> Result<HistoryId, Failure> {
        self.takes_a_while(100).await;
        self.fault()?;
        let history = {
            let mut here = locked(&self.folder.0);
            match here.shards.get(name) {
                Some(held) if held.uuid == uuid => held.model.history(),
                Some(_) => return Err(Failure::new(ErrorCode::IndexUnavailable, "another index has its folder")),
                None => {
                    let history = HistoryId(Uuid::from_u128(self.world.dice.identity()));
                    let model = ModelShard::of(*schema, history, Contents::default());
                    here.shards.insert(name.clone(), Held { uuid, schema: *schema, model });
                    self.world.note(format_args!("{} makes {name} {uuid}: {history}", self.who));
                    history
                }
            }
        };
        self.takes_a_while(100).await;
        self.fault()?;
        Ok(history)
    }

    fn shard(&self, uuid: IndexUuid) -> Option<Arc<dyn ShardApi>> {
        let model = self.folder.shard(uuid)?;
        Some(Arc::new(DurableShard { world: Arc::clone(&self.world), who: self.who, shard: self.shard, model }))
    }

    /// A model forgets nothing.
    fn keep_log(&self, _: IndexUuid, _: Option<Seq>) {}

    fn term(&self) -> FolderTerm {
        self.folder.term()
    }

    async fn keep_term(&self, term: FolderTerm) -> Result<(), Failure> {
        self.takes_a_while(50).await;
        self.fault()?;
        self.world.note(format_args!("{} keeps {term:?}", self.who));
        locked(&self.folder.0).term = term;
        self.takes_a_while(50).await;
        Ok(())
    }

    /// On another number of shards: each document is written anew, behind all that were dumped.
    async fn restore(&self, uuid: IndexUuid, restore: &Restore) -> Result<HistoryId, Failure> {
        let failed = |error: String| Failure::new(ErrorCode::StorageFailed, error);
        self.takes_a_while(1_500).await;
        self.fault()?;
        let store = DumpStore::new(Arc::new(ShelfFiles(Arc::clone(&self.world))));
        let Origin { index, dump } = restore.origin;
        let dump = store.open(index, dump).map_err(|error| failed(error.to_string()))?;
        let records = dump.manifest().shards();
        let last = records.iter().map(|record| record.seq.0).max().unwrap_or_default();
        let mut contents = Contents { seq: last + (1 << 40), ..Contents::default() };
        let mut written = Vec::new();
        for record in records {
            let (_, dumped) = contents::take(&dump, record.shard).map_err(failed)?;
            for (id, stored) in dumped.documents {
                if shard_of(&id, restore.schema.shards) == self.shard {
                    contents.seq += 1;
                    let number = crate::witness::number(stored.vector.as_slice()[0]);
                    written.push((contents.seq, id.as_str().to_owned(), Some(number)));
                    contents.log.insert(Seq(contents.seq), id.clone());
                    contents.documents.insert(id, Stored { seq: Seq(contents.seq), ..stored });
                }
            }
        }
        self.takes_a_while(1_500).await;
        self.fault()?;
        let history = HistoryId(Uuid::from_u128(self.world.dice.identity()));
        {
            let mut here = locked(&self.folder.0);
            if let Some(held) = here.shards.get(&restore.name) {
                let other = || Failure::new(ErrorCode::IndexUnavailable, "another index has its folder");
                return if held.uuid == uuid { Ok(held.model.history()) } else { Err(other()) };
            }
            let model = ModelShard::of(restore.schema, history, contents);
            here.shards.insert(restore.name.clone(), Held { uuid, schema: restore.schema, model });
        }
        locked(&self.world.witness).saw_restored(history, written);
        self.world.note(format_args!("{} makes {} {uuid} of a dump: {history}", self.who, restore.name));
        Ok(history)
    }

    async fn begin_anew(&self, name: &IndexName, _: IndexUuid) -> Result<HistoryId, Failure> {
        let message = format!("nobody takes the shard of {name} over in this world");
        Err(Failure::new(ErrorCode::Internal, message))
    }

    fn give_up(&self, _: IndexUuid) {}

    async fn dump(&self, uuid: IndexUuid, dump: DumpId) -> Result<DumpedShard, Failure> {
        let failed = |error: String| Failure::new(ErrorCode::StorageFailed, error);
        let model = self.folder.shard(uuid).ok_or_else(|| failed("it is not here".to_owned()))?;
        self.takes_a_while(300).await;
        let (history, contents) = (model.history(), model.contents());
        self.takes_a_while(1_500).await;
        let store = DumpStore::new(Arc::new(ShelfFiles(Arc::clone(&self.world))));
        let record = contents::put(&store, (uuid, dump), self.shard, history, &contents).map_err(failed)?;
        self.takes_a_while(300).await;
        Ok(DumpedShard::new(record.history, record.seq, record.documents, record.archive.bytes()))
    }

    async fn remove(&self, name: &IndexName, uuid: IndexUuid) -> Result<(), Failure> {
        self.takes_a_while(100).await;
        self.fault()?;
        let is_it = {
            let mut here = locked(&self.folder.0);
            let is_it = here.shards.get(name).is_some_and(|held| held.uuid == uuid);
            if is_it {
                here.shards.remove(name);
            }
            is_it
        };
        if is_it {
            self.world.note(format_args!("{} removes {name} {uuid}", self.who));
        }
        self.takes_a_while(100).await;
        Ok(())
    }
}
