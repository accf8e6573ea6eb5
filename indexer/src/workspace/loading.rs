//! Documents on their way into shards that are nobody's yet: straight into their stores, past all logs.

use super::indexes::{MakeIndexError, NewIndex};
use crate::settings::{LOAD_BUFFER_BYTES, LOAD_BUFFER_BYTES_MIN, LOAD_STEP};
use crate::store::document::StoredDocument;
use crate::store::meta::Counters;
use crate::store::{Store, StoreError};
use annuli_core::placement::shard_of;
use annuli_core::{DocId, Metadata, Point, ShardCount, ShardId, Vector};
use std::collections::BTreeMap;

/// The stores of some shards of a new index, or of all, while they are filled.
pub(super) struct Loading {
    shards: ShardCount,
    stores: BTreeMap<ShardId, Loader>,
}

impl Loading {
    /// Makes the stores of those of `shards` shards. The documents of each are counted on from `start`.
    pub(super) fn begin(
        new: &NewIndex,
        shards: ShardCount,
        filled: &[ShardId],
        start: Counters,
    ) -> Result<Self, MakeIndexError> {
        let buffer = (LOAD_BUFFER_BYTES / filled.len().max(1)).max(LOAD_BUFFER_BYTES_MIN);
        let loader = |&shard: &ShardId| {
            let store = new.make_store_to_load(shard, buffer)?;
            Ok((shard, Loader { store, counters: start, documents: Vec::new() }))
        };
        Ok(Self { shards, stores: filled.iter().map(loader).collect::<Result<_, MakeIndexError>>()? })
    }

    /// Stores a document, in place of an earlier one of the same id. Returns whether it belongs to one of these shards; the
    /// others' are passed over.
    pub(super) fn add(&mut self, id: DocId, vector: Vector, metadata: Metadata) -> Result<bool, StoreError> {
        match self.stores.get_mut(&shard_of(&id, self.shards)) {
            Some(loader) => loader.add(id, vector, metadata).map(|()| true),
            None => Ok(false),
        }
    }

    /// The stores, each once all that it was given is on the disk.
    pub(super) fn finish(self) -> impl Iterator<Item = Result<(ShardId, Store), StoreError>> {
        self.stores.into_iter().map(|(shard, loader)| Ok((shard, loader.finish()?)))
    }
}

struct Loader {
    store: Store,
    counters: Counters,
    documents: Vec<(DocId, StoredDocument)>,
}

impl Loader {
    fn add(&mut self, id: DocId, vector: Vector, metadata: Metadata) -> Result<(), StoreError> {
        let (seq, point) = (self.counters.seq.next(), self.counters.next_point);
        self.counters = Counters { seq, next_point: Point(point.0 + 1) };
        self.documents.push((id, StoredDocument { seq, point, vector, metadata }));
        if self.documents.len() < LOAD_STEP { Ok(()) } else { self.load() }
    }

    fn load(&mut self) -> Result<(), StoreError> {
        self.store.load(&self.documents, &self.counters)?;
        self.documents.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Store, StoreError> {
        self.load()?;
        self.store.flush()?;
        Ok(self.store)
    }
}
