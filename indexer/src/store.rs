//! The truth of a shard: RocksDB. The only module that names it.
//!
//! One key space, split by [`key::KeyKind`]; one file for each kind, with how its key and value are written. A group
//! of writes is one `WriteBatch`, so that a crash leaves all of it or nothing. The write-ahead log is on wherever somebody
//! has been promised anything: only a store that is still being filled does without ([`Store::load`]).

pub mod change;
pub mod codec;
pub mod document;
pub mod key;
pub mod meta;
mod pressure;
pub mod segment;

use crate::settings::{Durability, LOG_CHANGES_KEPT, LOG_TRIM_STEP};
use annuli_core::{DocId, IndexSchema, Seq};
use change::Change;
use codec::CorruptValue;
use document::{DocumentHead, StoredDocument};
use meta::{Counters, Identity};
pub use pressure::Pressure;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, DB, DBCompressionType, DBRecoveryMode, Direction, ErrorKind, IteratorMode, Options, WriteOptions,
};
use segment::SegmentRecord;
use std::path::{Path, PathBuf};

/// An open store.
pub struct Store {
    db: DB,
    path: PathBuf,
}

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room.
    #[error("the disk is full: `{}` cannot grow ({reason})", path.display())]
    Full {
        /// The store's folder.
        path: PathBuf,
        /// What RocksDB says.
        reason: String,
    },
    /// Damaged files.
    #[error("`{}` is damaged: {reason}; restore the index from its last dump", path.display())]
    Corrupt {
        /// The store's folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// Written by a later release.
    #[error("`{}` has store format {found}, this release reads up to {supported}: use a newer one", path.display())]
    NewerFormat {
        /// The store's folder.
        path: PathBuf,
        /// The format that was found.
        found: u32,
        /// The newest format that is understood.
        supported: u32,
    },
    /// Anything else: permissions, a failing disk, too many open files.
    #[error("`{}` failed: {reason}", path.display())]
    Failed {
        /// The store's folder.
        path: PathBuf,
        /// What RocksDB says.
        reason: String,
    },
}

impl Store {
    /// Creates an empty store in the folder `path`, which must not hold one.
    pub fn create(path: &Path, identity: &Identity) -> Result<Self, StoreError> {
        Self::create_with(path, identity, options())
    }

    /// The same for a store that is about to be [loaded](Self::load). About `buffer_bytes` of what it was given last it holds
    /// in memory.
    pub fn create_to_load(path: &Path, identity: &Identity, buffer_bytes: usize) -> Result<Self, StoreError> {
        let mut options = options();
        // One of two is filled while the other becomes a file.
        options.set_max_write_buffer_number(2);
        options.set_write_buffer_size(buffer_bytes / 2);
        Self::create_with(path, identity, options)
    }

    fn create_with(path: &Path, identity: &Identity, mut options: Options) -> Result<Self, StoreError> {
        options.create_if_missing(true);
        options.set_error_if_exists(true);
        let store = Self::open_with(path, &options)?;
        let mut batch = rocksdb::WriteBatch::default();
        batch.put(meta::format_key(), meta::ser_format(meta::STORE_FORMAT));
        batch.put(meta::identity_key(), meta::ser_identity(identity));
        batch.put(meta::counters_key(), meta::ser_counters(&Counters::START));
        store.write(batch, Durability::Fsync)?;
        Ok(store)
    }

    /// Opens the store in the folder `path`.
    pub fn open(path: &Path) -> Result<(Self, Identity, Counters), StoreError> {
        Self::open_with(path, &options())?.described()
    }

    /// Opens the store for a short while, to change little in it: the rest of it stays as it is, for nothing is compacted.
    pub fn open_uncompacted(path: &Path) -> Result<(Self, Identity, Counters), StoreError> {
        let mut options = options();
        options.set_disable_auto_compactions(true);
        Self::open_with(path, &options)?.described()
    }

    /// Opens the store to read it alone. Nothing of it is changed, and what would change it is refused.
    pub fn open_frozen(path: &Path) -> Result<(Self, Identity, Counters), StoreError> {
        // The write-ahead log is read into memory, and stays where it is.
        let db = DB::open_for_read_only(&options(), path, false).map_err(|error| store_error(path, &error))?;
        Self { db, path: path.to_owned() }.described()
    }

    /// What the store says of itself, if this release can read it.
    fn described(self) -> Result<(Self, Identity, Counters), StoreError> {
        let Self { path, .. } = &self;
        let format = self.required(&meta::format_key(), "format version", meta::deser_format)?;
        if format > meta::STORE_FORMAT {
            return Err(StoreError::NewerFormat { path: path.clone(), found: format, supported: meta::STORE_FORMAT });
        }
        let identity = self.required(&meta::identity_key(), "identity", meta::deser_identity)?;
        let counters = self.required(&meta::counters_key(), "counters", meta::deser_counters)?;
        Ok((self, identity, counters))
    }

    fn open_with(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let db = DB::open(options, path).map_err(|error| store_error(path, &error))?;
        Ok(Self { db, path: path.to_owned() })
    }

    /// Commits a group of changes as one batch. Changes behind `needed`, which the next opening goes through, stay in
    /// the log.
    pub fn commit(
        &self,
        changes: &[Change],
        counters: &Counters,
        needed: Option<Seq>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        let mut batch = rocksdb::WriteBatch::default();
        for change in changes {
            match &change.document {
                Some(document) => batch.put(document::ser_key(&change.id), document::ser_value(document)),
                None => batch.delete(document::ser_key(&change.id)),
            }
            batch.put(change::ser_key(change.seq), change::ser_value(change));
        }
        batch.put(meta::counters_key(), meta::ser_counters(counters));
        trim_log(&mut batch, changes, counters, needed);
        self.write(batch, durability)
    }

    /// Stores documents, each in place of what was there, and the counters behind them, past both logs: the write-ahead log,
    /// so that a crash may take any of them, and that of changes, so that who asks for these is told to begin with a dump.
    /// For a store that is nobody's before [`flush`](Self::flush) has returned.
    pub fn load(&self, documents: &[(DocId, StoredDocument)], counters: &Counters) -> Result<(), StoreError> {
        let mut batch = rocksdb::WriteBatch::default();
        documents.iter().for_each(|(id, document)| batch.put(document::ser_key(id), document::ser_value(document)));
        batch.put(meta::counters_key(), meta::ser_counters(counters));
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.write_opt(batch, &options).map_err(|error| store_error(&self.path, &error))
    }

    /// Commits which segments there are from now on, and from where on the next opening goes through the log.
    pub fn commit_segments(&self, change: &SegmentsChange, durability: Durability) -> Result<(), StoreError> {
        let mut batch = rocksdb::WriteBatch::default();
        change.removed.iter().for_each(|&number| batch.delete(segment::ser_key(number)));
        change.put.iter().for_each(|record| batch.put(segment::ser_key(record.number), segment::ser_value(record)));
        match change.replay_after {
            Some(seq) => batch.put(meta::replay_key(), meta::ser_replay(seq)),
            None => batch.delete(meta::replay_key()),
        }
        self.write(batch, durability)
    }

    /// Makes the store that of another shard: of a restored one, which goes on where the dumped one was. Segments of
    /// these numbers are not there; without them, the next opening looks at every document.
    pub fn adopt(&self, identity: &Identity, lost: &[u64]) -> Result<(), StoreError> {
        let mut batch = rocksdb::WriteBatch::default();
        batch.put(meta::format_key(), meta::ser_format(meta::STORE_FORMAT));
        batch.put(meta::identity_key(), meta::ser_identity(identity));
        lost.iter().for_each(|&number| batch.delete(segment::ser_key(number)));
        if !lost.is_empty() {
            batch.delete(meta::replay_key());
        }
        self.write(batch, Durability::Fsync)
    }

    /// Every segment, by number.
    pub fn segments(&self) -> Result<Vec<SegmentRecord>, StoreError> {
        self.db
            .iterator(IteratorMode::From(&segment::first_key(), Direction::Forward))
            .map(|entry| entry.map_err(|error| store_error(&self.path, &error)))
            .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| segment::is_key(key)))
            .map(|entry| {
                let (key, value) = entry?;
                segment::deser(&key, &value).map_err(|error| self.corrupt("segment", &error))
            })
            .collect()
    }

    /// Documents that were born up to here are in segments, if they live; and the segments' dead are as of here or
    /// later. `None`: nobody has said so, every document is to be looked at.
    pub fn replay_after(&self) -> Result<Option<Seq>, StoreError> {
        self.optional(&meta::replay_key(), "seq to replay from", meta::deser_replay)
    }

    /// The document of that id.
    pub fn document(&self, id: &DocId) -> Result<Option<StoredDocument>, StoreError> {
        self.optional(&document::ser_key(id), "document", document::deser_value)
    }

    /// What is needed to replace the document of that id.
    pub fn document_head(&self, id: &DocId) -> Result<Option<DocumentHead>, StoreError> {
        self.optional(&document::ser_key(id), "document", document::deser_head)
    }

    /// A consistent look at all documents and the seq that they are as of.
    pub fn snapshot(&self) -> StoreSnapshot<'_> {
        StoreSnapshot { store: self, snapshot: self.db.snapshot() }
    }

    /// Makes a consistent copy in the folder `path`, which must not exist: hard links, and the log as it is.
    pub fn checkpoint(&self, path: &Path) -> Result<(), StoreError> {
        let checkpoint = Checkpoint::new(&self.db).map_err(|error| store_error(path, &error))?;
        // The log may have any size: forcing a flush would hold the writer.
        checkpoint.create_checkpoint_with_log_size(path, u64::MAX).map_err(|error| store_error(path, &error))
    }

    /// Writes out what is in no table yet: what is in the write-ahead log alone, so that the next opening need not, and what
    /// was loaded past it. Writes go on meanwhile.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(|error| store_error(&self.path, &error))
    }

    /// What its tables take on the disk, in bytes: everything but what was written last.
    pub fn bytes(&self) -> u64 {
        // A name that RocksDB knows is answered.
        self.db.property_int_value(rocksdb::properties::TOTAL_SST_FILES_SIZE).ok().flatten().unwrap_or(0)
    }

    /// Refuses a stored vector that its index could not have taken: no later code checks it again.
    pub fn check_vector(&self, id: &DocId, document: &StoredDocument, schema: &IndexSchema) -> Result<(), StoreError> {
        schema.check(&document.vector).map_err(|error| StoreError::Corrupt {
            path: self.path.clone(),
            reason: format!("the vector of document `{id}` {error}"),
        })
    }

    fn write(&self, batch: rocksdb::WriteBatch, durability: Durability) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(durability == Durability::Fsync);
        self.db.write_opt(batch, &options).map_err(|error| store_error(&self.path, &error))
    }

    fn optional<T>(&self, key: &[u8], what: &str, read: impl Fn(&[u8]) -> Read<T>) -> Result<Option<T>, StoreError> {
        let value = self.db.get_pinned(key).map_err(|error| store_error(&self.path, &error))?;
        value.map(|bytes| read(&bytes).map_err(|error| self.corrupt(what, &error))).transpose()
    }

    fn required<T>(&self, key: &[u8], what: &str, read: impl Fn(&[u8]) -> Read<T>) -> Result<T, StoreError> {
        self.optional(key, what, read)?
            .ok_or_else(|| StoreError::Corrupt { path: self.path.clone(), reason: format!("it has no {what}") })
    }

    fn corrupt(&self, what: &str, error: &CorruptValue) -> StoreError {
        StoreError::Corrupt { path: self.path.clone(), reason: format!("a {what} cannot be read: {error}") }
    }
}

type Read<T> = Result<T, CorruptValue>;

/// All documents as of one seq, whatever is written meanwhile.
pub struct StoreSnapshot<'a> {
    store: &'a Store,
    snapshot: rocksdb::Snapshot<'a>,
}

impl StoreSnapshot<'_> {
    /// The last write that the snapshot holds.
    pub fn seq(&self) -> Result<Seq, StoreError> {
        let store = self.store;
        let value = self.snapshot.get(meta::counters_key()).map_err(|error| store_error(&store.path, &error))?;
        let bytes = value
            .ok_or_else(|| StoreError::Corrupt { path: store.path.clone(), reason: "it has no counters".to_owned() })?;
        Ok(meta::deser_counters(&bytes).map_err(|error| store.corrupt("counters", &error))?.seq)
    }

    /// The document of that id.
    pub fn document(&self, id: &DocId) -> Result<Option<StoredDocument>, StoreError> {
        let value = self.snapshot.get(document::ser_key(id)).map_err(|error| store_error(&self.store.path, &error))?;
        let read = |bytes: Vec<u8>| document::deser_value(&bytes);
        value.map(|bytes| read(bytes).map_err(|error| self.store.corrupt("document", &error))).transpose()
    }

    /// Every document whose id is behind `behind`, by id.
    pub fn documents(
        &self,
        behind: Option<&DocId>,
    ) -> impl Iterator<Item = Result<(DocId, StoredDocument), StoreError>> + '_ {
        let start = behind.map_or_else(document::first_key, |id| {
            // The next possible key: ids are compared as bytes, and no id lies between one and itself with a zero.
            let mut key = document::ser_key(id);
            key.push(0);
            key
        });
        self.snapshot
            .iterator(IteratorMode::From(&start, Direction::Forward))
            .map(|entry| entry.map_err(|error| store_error(&self.store.path, &error)))
            // An error ends the documents too, after it was handed on.
            .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| document::is_key(key)))
            .map(|entry| {
                let (key, value) = entry?;
                let id = document::deser_key(&key).map_err(|error| self.store.corrupt("document id", &error))?;
                let document = document::deser_value(&value).map_err(|error| self.store.corrupt("document", &error))?;
                Ok((id, document))
            })
    }

    /// Every change that the log still holds, oldest first.
    pub fn changes(&self) -> impl Iterator<Item = Result<change::LoggedChange, StoreError>> + '_ {
        self.changes_after(Seq::ZERO)
    }

    /// Those behind `after`.
    pub fn changes_after(&self, after: Seq) -> impl Iterator<Item = Result<change::LoggedChange, StoreError>> + '_ {
        self.snapshot
            .iterator(IteratorMode::From(&change::ser_key(after.next()), Direction::Forward))
            .map(|entry| entry.map_err(|error| store_error(&self.store.path, &error)))
            .take_while(|entry| entry.as_ref().map_or(true, |(key, _)| change::is_key(key)))
            .map(|entry| {
                let (key, value) = entry?;
                change::deser(&key, &value).map_err(|error| self.store.corrupt("change", &error))
            })
    }
}

/// What changes about segments, in one batch.
#[derive(Debug)]
pub struct SegmentsChange {
    /// Segments that are new, or whose dead are others than before.
    pub put: Vec<SegmentRecord>,
    /// Segments that are no more.
    pub removed: Vec<u64>,
    /// See [`Store::replay_after`].
    pub replay_after: Option<Seq>,
}

/// Removes the oldest changes, in steps, up to the first that is needed.
fn trim_log(batch: &mut rocksdb::WriteBatch, changes: &[Change], counters: &Counters, needed: Option<Seq>) {
    let Some(first) = changes.first() else { return };
    let step = |seq: u64| seq.saturating_sub(LOG_CHANGES_KEPT) / LOG_TRIM_STEP * LOG_TRIM_STEP;
    if step(counters.seq.0) > step(first.seq.0.saturating_sub(1)) {
        let end = needed.map_or(u64::MAX, |needed| needed.0).min(step(counters.seq.0));
        batch.delete_range(change::first_key(), change::ser_key(Seq(end)));
    }
}

fn options() -> Options {
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    // A record cut short at the end of the log was never acknowledged; damage before that is an error, where the
    // default would silently drop every write behind it.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // A process serves many shards, and the operating system's limit is for all of them.
    options.set_max_open_files(512);
    // RocksDB's own diary, not the write-ahead log: enough of it to look into a failure.
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    let mut table = BlockBasedOptions::default();
    // Most ids of an import are new: the filter says so without reading a block.
    table.set_bloom_filter(10.0, false);
    options.set_block_based_table_factory(&table);
    options
}

fn store_error(path: &Path, error: &rocksdb::Error) -> StoreError {
    let (path, reason) = (path.to_owned(), error.as_ref().to_owned());
    if reason.contains("No space left on device") {
        return StoreError::Full { path, reason };
    }
    #[allow(clippy::wildcard_enum_match_arm, reason = "what RocksDB may add is a failure too")]
    match error.kind() {
        ErrorKind::Corruption => StoreError::Corrupt { path, reason },
        // A file that the manifest names and the folder lacks.
        ErrorKind::IOError if reason.contains("No such file") => StoreError::Corrupt { path, reason },
        ErrorKind::InvalidArgument if reason.contains("does not exist") => StoreError::Corrupt { path, reason },
        _ => StoreError::Failed { path, reason },
    }
}

#[cfg(test)]
mod tests;
