//! Restoring a dump into a new index, with its own identity, on any number of shards.
//!
//! Each archive is unpacked into a scratch folder, where every byte is checked, and its documents are looked at, one by
//! one. On as many shards as it had, its files become the new shard's as they are; on another number, its documents go
//! to the shards that own them now. Only a whole index gets its name.

mod adopt;
mod failure;
mod spread;

use super::disk::DiskFault;
use super::indexes::{MakeIndexError, NewIndex, OpenIndexError, withdraw};
use super::{Entry, Workspace};
use crate::fetch::Fetch;
use crate::snapshot::CanaryCheck;
use crate::snapshot::WrongAnswer;
use crate::stop::Stop;
use crate::store::document::StoredDocument;
use crate::store::{Store, StoreError};
use annuli_api::Failure;
use annuli_api::catalogue::refusal;
use annuli_core::limits::INDEXES_MAX;
use annuli_core::placement::shard_of;
use annuli_core::{DocId, IndexName, IndexSchema, IndexUuid, ShardCount, ShardId};
use annuli_dump::{
    DumpId, EntryPath, ExtractArchiveError, ReadCanariesError, ShardRecord, StoredDump, UnusableSchema, read_canaries,
};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// What a restore made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Documents in the new index.
    pub documents: u64,
    /// Its shards.
    pub shards: ShardCount,
}

/// Why a dump was not restored. Nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The name is taken.
    #[error("index or alias `{name}` exists: delete it first, or restore under another name")]
    Exists {
        /// The name.
        name: IndexName,
    },
    /// The workspace takes no more indexes.
    #[error(transparent)]
    TooMany(Failure),
    /// The schema in the manifest is out of bounds.
    #[error(transparent)]
    Schema(#[from] UnusableSchema),
    /// The index is to have another schema than the dump.
    #[error("dump {dump} has another schema than the index that is to be made of it")]
    OtherSchema {
        /// The dump.
        dump: DumpId,
    },
    /// An archive is not what the manifest says.
    #[error(transparent)]
    Extract(#[from] ExtractArchiveError),
    /// An archive has no canaries that can be read.
    #[error("shard {shard}: {reason}")]
    Canaries {
        /// The dumped shard.
        shard: ShardId,
        /// Why.
        reason: ReadCanariesError,
    },
    /// The documents answer otherwise than they did in the original.
    #[error("shard {shard}: {reason}")]
    WrongAnswer {
        /// The dumped shard.
        shard: ShardId,
        /// Which answer.
        reason: WrongAnswer,
    },
    /// The store in an archive is another one than the manifest says, or holds what another shard owns.
    #[error(
        "shard {shard}: the store in the archive is not the one that the manifest names, or holds another's documents"
    )]
    Foreign {
        /// The dumped shard.
        shard: ShardId,
    },
    /// The store in an archive holds another number of documents than the manifest says.
    #[error("shard {shard}: the archive holds {found} documents, the manifest says {recorded}")]
    Documents {
        /// The dumped shard.
        shard: ShardId,
        /// How many there are.
        found: u64,
        /// How many there should be.
        recorded: u64,
    },
    /// A segment in an archive is not the one that the store in it knows.
    #[error(
        "shard {shard}: segment {number} in the archive is not one of the store's: {reason}; restored onto another number \
         of shards, the documents are built again without it"
    )]
    Segment {
        /// The dumped shard.
        shard: ShardId,
        /// The segment.
        number: u64,
        /// Why.
        reason: String,
    },
    /// A store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The new index serves another number of documents than its stores hold: what is said of segments in an archive is
    /// not so.
    #[error("the restored index would serve {found} documents, its stores hold {stored}")]
    Served {
        /// How many it serves.
        found: u64,
        /// How many its stores hold.
        stored: u64,
    },
    /// The new index cannot be made.
    #[error(transparent)]
    Make(#[from] MakeIndexError),
    /// A folder cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The new index does not open.
    #[error(transparent)]
    Open(#[from] OpenIndexError),
    /// Nobody wants it any longer.
    #[error("the restore was given up")]
    Stopped,
}

impl Workspace {
    /// Restores a dump as the index `name`, on as many shards as it had or on `shards`. Blocks until it is done;
    /// `progress` hears how many documents have been written.
    pub fn restore(
        &self,
        dump: &StoredDump,
        name: &IndexName,
        shards: Option<ShardCount>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Restored, RestoreError> {
        let state = self.0.state.load_full();
        if state.indexes.contains_key(name) || state.aliases.contains_key(name) {
            return Err(RestoreError::Exists { name: name.clone() });
        }
        if state.indexes.len() >= INDEXES_MAX {
            return Err(RestoreError::TooMany(refusal::too_many_indexes(state.indexes.len())));
        }
        let dumped = dump.manifest().head().schema.schema()?;
        let restored = IndexSchema { shards: shards.unwrap_or(dumped.shards), ..dumped };
        let new = NewIndex::begin(&self.0.root, name, restored)?;
        let (_never, stop) = Stop::new();
        let mut seen = 0;
        let mut progress = || {
            seen += 1;
            progress(seen);
        };
        let all: Vec<_> = restored.shards.shards().collect();
        let documents = Restoration::new(&new, dump, restored, &stop)?.make(&all, &mut progress)?;
        new.publish(name)?;
        let open = self.0.open_new(name)?;
        let found = open.shards.iter().map(|shard| shard.view().live() as u64).sum();
        if found != documents {
            open.close();
            withdraw(&self.0.root, name);
            return Err(RestoreError::Served { found, stored: documents });
        }
        self.0.replace(|state| {
            state.indexes.insert(name.clone(), Entry::Open(Arc::clone(&open)));
        });
        Ok(Restored { documents, shards: restored.shards })
    }
}

/// A new index that is filled from a dump.
pub(crate) struct Restoration<'a> {
    new: &'a NewIndex,
    dump: &'a StoredDump,
    dumped: IndexSchema,
    restored: IndexSchema,
    stop: &'a Stop,
}

impl<'a> Restoration<'a> {
    /// Fills `new`, whose schema is `restored`, until it is told to stop.
    pub(crate) fn new(
        new: &'a NewIndex,
        dump: &'a StoredDump,
        restored: IndexSchema,
        stop: &'a Stop,
    ) -> Result<Self, RestoreError> {
        let dumped = dump.manifest().head().schema.schema()?;
        if restored != (IndexSchema { shards: restored.shards, ..dumped }) {
            return Err(RestoreError::OtherSchema { dump: dump.manifest().head().dump });
        }
        Ok(Self { new, dump, dumped, restored, stop })
    }

    /// Makes those shards of the new index, and closes them; returns how many documents are in them. `progress` hears of
    /// each that was read.
    pub(crate) fn make(&self, shards: &[ShardId], progress: &mut dyn FnMut()) -> Result<u64, RestoreError> {
        let made = if self.restored.shards == self.dumped.shards {
            adopt::shards(self, shards, progress)
        } else {
            spread::shards(self, shards, progress)
        };
        // What was broken off fails as whatever it was at.
        if self.stop.is_told() { Err(RestoreError::Stopped) } else { made }
    }

    fn open_archive(&self, record: &ShardRecord) -> Fetch<'a> {
        Fetch::new(self.dump, record.shard, record.archive.bytes(), self.stop)
    }

    fn source<'r>(&self, folder: &Path, record: &'r ShardRecord) -> Result<Source<'r>, RestoreError> {
        Source::open(folder, record, self.dump.manifest().head().index_uuid, self.dumped)
    }
}

/// The unpacked store of a dumped shard.
struct Source<'a> {
    store: Store,
    record: &'a ShardRecord,
    schema: IndexSchema,
    canaries: CanaryCheck,
}

impl<'a> Source<'a> {
    fn open(
        folder: &Path,
        record: &'a ShardRecord,
        index: IndexUuid,
        schema: IndexSchema,
    ) -> Result<Self, RestoreError> {
        let shard = record.shard;
        let (store, identity, counters) = Store::open(&folder.join("db"))?;
        let expected = (index, shard, record.history, schema, record.seq);
        if (identity.index, identity.shard, identity.history, identity.schema, counters.seq) != expected {
            return Err(RestoreError::Foreign { shard });
        }
        let canaries = canaries(folder, record)?;
        let wrong = |reason| RestoreError::WrongAnswer { shard, reason };
        Ok(Self { store, record, schema, canaries: CanaryCheck::new(schema, canaries).map_err(wrong)? })
    }

    /// Hands on every document; then tells whether they were all, and answer as they did. Returns the store.
    fn read(
        mut self,
        stop: &Stop,
        mut take: impl FnMut(DocId, StoredDocument) -> Result<(), StoreError>,
    ) -> Result<(Store, u64), RestoreError> {
        let shard = self.record.shard;
        let mut found = 0;
        for entry in self.store.snapshot().documents(None) {
            if stop.is_told() {
                return Err(RestoreError::Stopped);
            }
            let (id, document) = entry?;
            self.store.check_vector(&id, &document, &self.schema)?;
            if shard_of(&id, self.schema.shards) != shard {
                return Err(RestoreError::Foreign { shard });
            }
            self.canaries.see(&id, &document.vector);
            found += 1;
            take(id, document)?;
        }
        if found != self.record.documents {
            return Err(RestoreError::Documents { shard, found, recorded: self.record.documents });
        }
        self.canaries.finish().map_err(|reason| RestoreError::WrongAnswer { shard, reason })?;
        Ok((self.store, found))
    }
}

/// A dump may have been taken without canaries.
fn canaries(folder: &Path, record: &ShardRecord) -> Result<Vec<annuli_dump::Canary>, RestoreError> {
    let path = EntryPath::canaries();
    if record.archive.entry(&path).is_none() {
        return Ok(Vec::new());
    }
    let path = folder.join(path.as_str());
    let mut file = File::open(&path).map_err(DiskFault::of("read", &path))?;
    read_canaries(&mut file).map_err(|reason| RestoreError::Canaries { shard: record.shard, reason })
}
