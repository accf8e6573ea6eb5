//! A node: one shard of every index of a cluster, in a folder of its own.
//!
//! Where a [`Workspace`](crate::Workspace) decides which indexes there are, a node is told. It holds
//! `<root>/<name>/<shard_id>/` like a workspace of which every other shard lies elsewhere, makes and removes shards as
//! the cluster's catalogue says, and keeps what it is not told about: who has lost its catalogue must not lose its
//! documents too.

mod anew;
mod open_error;
pub(crate) mod place;
mod restore;

use crate::shard::{Shard, ShardParts};
use crate::snapshot::{self, DumpError};
use crate::stop::Effort;
use crate::workspace::disk;
use crate::workspace::indexes::{self, MakeIndexError, NewIndex, OpenIndexError};
use crate::workspace::lock::WorkspaceLock;
use annuli_api::{ErrorCode, Failure, Position};
use annuli_core::{HistoryId, IndexName, IndexSchema, IndexUuid, ShardCount, ShardId};
use annuli_dump::{DumpId, DumpStore, ShardRecord};
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use open_error::OpenNodeError;
pub(crate) use place::FILE as PLACE_FILE;
pub use place::{Role, Term};
pub use restore::RestoredShard;
use restore::Restores;

/// Which part of a cluster a node is. It never changes: a folder belongs to one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The shard that it holds of every index.
    pub shard: ShardId,
    /// How many shards the cluster has.
    pub shards: ShardCount,
}

/// An open node. Cheap to clone; closed with [`Node::close`], or when the last clone goes.
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    root: PathBuf,
    place: Place,
    parts: ShardParts,
    held: ArcSwap<Held>,
    /// One change at a time.
    changing: Mutex<()>,
    restores: Restores,
    /// As it stands in the folder.
    term: Mutex<Term>,
    /// Held as long as the node is open.
    _lock: WorkspaceLock,
}

/// What a node holds. Requests name the identity, folders the name.
#[derive(Clone, Default)]
struct Held {
    by_name: BTreeMap<IndexName, Entry>,
    by_uuid: HashMap<IndexUuid, Arc<Shard>>,
}

#[derive(Clone)]
enum Entry {
    Open {
        uuid: IndexUuid,
        schema: IndexSchema,
        shard: Arc<Shard>,
    },
    /// Whose it is may be unknown: that, too, stands in its folder.
    Damaged {
        uuid: Option<IndexUuid>,
        failure: Failure,
    },
}

/// What a node is to hold a shard of.
#[derive(Debug, Clone, PartialEq)]
pub struct NewShard {
    /// Today's name of the index.
    pub name: IndexName,
    /// Its identity.
    pub uuid: IndexUuid,
    /// What it holds. Its shards are those of the cluster.
    pub schema: IndexSchema,
}

/// A shard that a node holds.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldShard {
    /// The name of its folder: that of the index when the shard was made.
    pub name: IndexName,
    /// The index, unless the folder does not even tell that.
    pub uuid: Option<IndexUuid>,
    /// Where it stands in its line of writes; or why it does not serve.
    pub state: Result<Position, Failure>,
}

impl Node {
    /// Opens the folder `root`, which is made if it is not there, with every shard in it. One that does not open is
    /// there as damaged; it does not keep the others.
    pub fn open(root: &Path, place: Place, parts: ShardParts) -> Result<Self, OpenNodeError> {
        disk::make_folder(root)?;
        let lock = WorkspaceLock::take(root)?;
        indexes::sweep(root)?;
        let names = indexes::names(root)?;
        let term = Mutex::new(place::claim(root, place, names.is_empty())?);
        let mut held = Held::default();
        for name in names {
            let entry = open_entry(root, &name, place, &parts);
            held.insert(name, entry);
        }
        let (root, held, changing) = (root.to_owned(), ArcSwap::from_pointee(held), Mutex::new(()));
        let restores = Restores::default();
        Ok(Self(Arc::new(Inner { root, place, parts, held, changing, restores, term, _lock: lock })))
    }

    /// Which part of the cluster this is.
    pub fn place(&self) -> Place {
        self.0.place
    }

    /// When the folder served.
    pub fn term(&self) -> Term {
        *self.lock_term()
    }

    /// Writes down when the folder served. Blocks until it is on the disk.
    pub fn keep_term(&self, term: Term) -> Result<(), Failure> {
        let mut kept = self.lock_term();
        place::keep_term(&self.0.root, self.0.place, term).map_err(|fault| crate::workspace::disk_failure(&fault))?;
        *kept = term;
        Ok(())
    }

    fn lock_term(&self) -> MutexGuard<'_, Term> {
        // It is replaced whole, after it was written.
        self.0.term.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every shard that it holds, by name.
    pub fn held(&self) -> Vec<HeldShard> {
        let held = |(name, entry): (&IndexName, &Entry)| {
            let (uuid, state) = match entry {
                Entry::Open { uuid, shard, .. } => (Some(*uuid), Ok(shard.view().position)),
                Entry::Damaged { uuid, failure } => (*uuid, Err(failure.clone())),
            };
            HeldShard { name: name.clone(), uuid, state }
        };
        self.0.held.load().by_name.iter().map(held).collect()
    }

    /// The shard of an index that serves.
    pub fn shard(&self, index: IndexUuid) -> Option<Arc<Shard>> {
        self.0.held.load().by_uuid.get(&index).cloned()
    }

    /// Makes the empty shard of a new index, with a history of its own, and serves it. Made already, it is left as it
    /// is. Blocks until it is on the disk.
    pub fn make(&self, new: &NewShard) -> Result<HistoryId, Failure> {
        let _changing = self.changing();
        if let Some(entry) = self.0.held.load().by_name.get(&new.name) {
            return self.made_already(new, entry);
        }
        // It may have got its name, and the disk failed right after.
        if !indexes::describe(&self.0.root, &new.name).is_ok_and(|(uuid, _)| uuid == new.uuid) {
            self.make_folder(new).map_err(|error| crate::workspace::make_failure(&new.name, &error))?;
        }
        let entry = open_entry(&self.0.root, &new.name, self.0.place, &self.0.parts);
        let made = match &entry {
            Entry::Open { shard, .. } => Ok(shard.view().position.history),
            Entry::Damaged { failure, .. } => Err(failure.clone()),
        };
        self.change(|held| held.insert(new.name.clone(), entry.clone()));
        tracing::info!(index = %new.name, uuid = %new.uuid, shard = %self.0.place.shard, "made a shard");
        made
    }

    /// Dumps its shard of an index for a dump that somebody else has begun, and puts the shard's record beside the archive.
    /// Dumped already, it is left as it is. Blocks until it is in the store or given up, and so does not run on a thread of
    /// a runtime; writes go on meanwhile.
    pub fn dump_shard(
        &self,
        index: IndexUuid,
        dump: DumpId,
        store: &DumpStore,
        effort: &Effort,
    ) -> Result<ShardRecord, DumpError> {
        let shard = self.shard(index).ok_or(DumpError::NoShard { index })?;
        snapshot::of_shard(index, &shard, dump, store, effort.stop())
    }

    /// Closes the shard of an index that had this name, and removes its folder. Of an index that is not here nothing is
    /// removed. Blocks until it is done.
    pub fn remove(&self, name: &IndexName, index: IndexUuid) -> Result<(), Failure> {
        let _changing = self.changing();
        let held = self.0.held.load_full();
        if let Some(Entry::Damaged { uuid: None, .. }) = held.by_name.get(name) {
            // It may be the one, or another that somebody hopes to save.
            let message = format!(
                "the folder `{}` of shard {} does not say whose it is: remove it by hand, then start the process again",
                self.0.root.join(name.as_str()).display(),
                self.0.place.shard
            );
            return Err(Failure::new(ErrorCode::IndexUnavailable, message).with("index", name.as_str()));
        }
        let Some((name, entry)) = held.by_name.iter().find(|(_, entry)| entry.uuid() == Some(index)) else {
            return Ok(());
        };
        if let Entry::Open { shard, .. } = entry {
            shard.close();
        }
        if let Err(fault) = indexes::remove(&self.0.root, name) {
            if self.0.root.join(name.as_str()).exists() {
                let failure = crate::workspace::disk_failure(&fault).with("index", name.as_str());
                let damaged = Entry::Damaged { uuid: Some(index), failure: failure.clone() };
                self.change(|held| {
                    held.remove(name);
                    held.insert(name.clone(), damaged.clone());
                });
                return Err(failure);
            }
            // It has lost its name, which is what removes it; the rest goes when the node is opened again.
            tracing::warn!(index = %name, %fault, "a removed shard is not wholly gone yet");
        }
        self.change(|held| held.remove(name));
        tracing::info!(index = %name, uuid = %index, shard = %self.0.place.shard, "removed a shard");
        Ok(())
    }

    /// Finishes what is queued and closes every shard. Blocks until it is done.
    pub fn close(&self) {
        self.0.restores.give_up_all();
        // A change that is under way is finished first, so that nothing is opened behind this.
        let _changing = self.changing();
        self.0.close();
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        // It guards no data that a panic could leave half changed.
        self.0.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made_already(&self, new: &NewShard, entry: &Entry) -> Result<HistoryId, Failure> {
        match entry {
            Entry::Open { uuid, schema, shard } if (uuid, schema) == (&new.uuid, &new.schema) => {
                Ok(shard.view().position.history)
            }
            Entry::Open { uuid, .. } => Err(Failure::new(
                ErrorCode::IndexUnavailable,
                format_args!(
                    "the folder `{}` of shard {} holds the index {uuid}, {} is to be made there",
                    self.0.root.join(new.name.as_str()).display(),
                    self.0.place.shard,
                    new.uuid
                ),
            )),
            Entry::Damaged { failure, .. } => Err(failure.clone()),
        }
    }

    fn make_folder(&self, new: &NewShard) -> Result<(), MakeIndexError> {
        let folder = NewIndex::begin_as(&self.0.root, new.uuid, new.schema)?;
        // Closed at once: the folder is about to get its name.
        drop(folder.make_store(self.0.place.shard)?);
        folder.publish(&new.name)
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
        let held = self.held.swap(Arc::new(Held::default()));
        held.by_uuid.values().for_each(|shard| shard.close());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Entry {
    fn uuid(&self) -> Option<IndexUuid> {
        match self {
            Self::Open { uuid, .. } => Some(*uuid),
            Self::Damaged { uuid, .. } => *uuid,
        }
    }
}

impl Held {
    fn insert(&mut self, name: IndexName, entry: Entry) {
        if let Entry::Open { uuid, shard, .. } = &entry {
            self.by_uuid.insert(*uuid, Arc::clone(shard));
        }
        self.by_name.insert(name, entry);
    }

    fn remove(&mut self, name: &IndexName) {
        if let Some(uuid) = self.by_name.remove(name).as_ref().and_then(Entry::uuid) {
            self.by_uuid.remove(&uuid);
        }
    }
}

fn open_entry(root: &Path, name: &IndexName, place: Place, parts: &ShardParts) -> Entry {
    let damaged = |uuid, error: OpenIndexError| {
        tracing::error!(index = %name, %error, "a shard does not open, the others do");
        Entry::Damaged { uuid, failure: indexes::unavailable(name, &error) }
    };
    let (uuid, schema) = match indexes::describe(root, name) {
        Ok(described) => described,
        Err(error) => return damaged(None, error),
    };
    match indexes::open_shard(root, name, (uuid, schema), place.shard, parts) {
        Ok(shard) => Entry::Open { uuid, schema, shard: Arc::new(shard) },
        Err(error) => damaged(Some(uuid), error),
    }
}
