//! Documents on their way into shards that are nobody's yet: straight into their stores, past all logs.

use super::indexes::{MakeIndexError, NewIndex};
use crate::settings::{LOAD_BUFFER_BYTES, LOAD_BUFFER_BYTES_MIN, LOAD_STEP};
use crate::store::document::StoredDocument;
use crate::store::meta::Counters;
use crate::store::{Store, StoreError};
use annuli_api::v1::metadata;
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
            Ok((shard, Loader { store, counters: start, documents: Vec::new(), bytes: 0, bytes_max: buffer / 4 }))
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

    /// The stores, once all that they were given is on the disk: whether there is room for it is not to be found out
    /// after graphs have been built for hours.
    pub(super) fn finish(self) -> Result<Vec<(ShardId, Store)>, StoreError> {
        self.stores.into_iter().map(|(shard, loader)| Ok((shard, loader.finish()?))).collect()
    }
}

struct Loader {
    store: Store,
    counters: Counters,
    /// Those that wait to be loaded.
    documents: Vec<(DocId, StoredDocument)>,
    /// What they take, about.
    bytes: usize,
    /// A store that is given a quarter of its buffer at once is past it by no more than that.
    bytes_max: usize,
}

impl Loader {
    fn add(&mut self, id: DocId, vector: Vector, metadata: Metadata) -> Result<(), StoreError> {
        let (seq, point) = (self.counters.seq.next(), self.counters.next_point);
        self.counters = Counters { seq, next_point: Point(point.0 + 1) };
        self.bytes += size_of_val(vector.as_slice()) + metadata::bytes_about(&metadata);
        self.documents.push((id, StoredDocument { seq, point, vector, metadata }));
        if self.documents.len() < LOAD_STEP && self.bytes < self.bytes_max { Ok(()) } else { self.load() }
    }

    fn load(&mut self) -> Result<(), StoreError> {
        self.store.load(&self.documents, &self.counters)?;
        self.documents.clear();
        self.bytes = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<Store, StoreError> {
        self.load()?;
        self.store.flush()?;
        Ok(self.store)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_core::{Dim, HnswParams, IndexName, IndexSchema, Metric, Quantization, Value};
    use std::path::Path;

    fn new_index(root: &Path, shards: ShardCount) -> NewIndex {
        let schema = IndexSchema {
            dim: Dim::new(2).unwrap(),
            metric: Metric::Euclidean,
            shards,
            hnsw: HnswParams::new(None, None).unwrap(),
            quantization: Quantization::Int8,
        };
        NewIndex::begin(root, &IndexName::new("new").unwrap(), schema).unwrap()
    }

    /// With 256 shards and the largest metadata they were a gigabyte.
    #[test]
    fn large_documents_do_not_wait_for_as_many_as_small_ones() {
        let root = tempfile::tempdir().unwrap();
        let shards = ShardCount::new(256).unwrap();
        let new = new_index(root.path(), shards);
        let mut loading = Loading::begin(&new, shards, &[ShardId(0)], Counters::START).unwrap();
        let loader = loading.stores.get_mut(&ShardId(0)).unwrap();
        loader.bytes_max = LOAD_BUFFER_BYTES_MIN / 4;
        let mut waiting = |id: u32, text: usize| {
            let metadata = [("text".into(), Value::Text("x".repeat(text).into()))].into();
            let vector = Vector::new(vec![1.0, 2.0]).unwrap();
            loader.add(DocId::new(&id.to_string()).unwrap(), vector, Metadata::new(metadata).unwrap()).unwrap();
            loader.documents.len()
        };
        let large: Vec<_> = (0..18).map(|id| waiting(id, 60_000)).collect();
        assert_eq!(large, [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
        let small: Vec<_> = (0..u32::try_from(LOAD_STEP).unwrap()).map(|id| waiting(id, 10)).collect();
        assert_eq!(small[LOAD_STEP - 2..], [LOAD_STEP - 1, 0]);
    }

    #[test]
    fn no_store_is_handed_on_before_all_are_on_the_disk() {
        let root = tempfile::tempdir().unwrap();
        let shards = ShardCount::new(2).unwrap();
        let new = new_index(root.path(), shards);
        let all: Vec<_> = shards.shards().collect();
        let mut loading = Loading::begin(&new, shards, &all, Counters::START).unwrap();
        for id in 0..10 {
            let vector = Vector::new(vec![1.0, 2.0]).unwrap();
            assert!(loading.add(DocId::new(&id.to_string()).unwrap(), vector, Metadata::default()).unwrap());
        }
        // There is no room for the last one.
        std::fs::remove_dir_all(new.shard_folder(ShardId(1)).join("db")).unwrap();
        assert!(loading.finish().is_err());
    }
}
