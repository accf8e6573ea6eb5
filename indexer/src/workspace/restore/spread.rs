//! Onto another number of shards: documents are written anew, by the shards that own them. Segments are left out.

use super::{Restoration, RestoreError};
use crate::settings::Durability;
use crate::store::change::{Change, ChangeKind};
use crate::store::document::StoredDocument;
use crate::store::meta::Counters;
use crate::store::{Store, StoreError};
use crate::workspace::disk::remove_folder;
use crate::workspace::indexes::MakeIndexError;
use annuli_core::placement::shard_of;
use annuli_core::{DocId, Point, Seq, ShardId};
use annuli_dump::{Manifest, extract_entries};
use std::collections::BTreeMap;

/// Documents that are committed at once.
const LOAD_STEP: usize = 1_000;

/// How far behind the last dumped seq a shard begins to count that gets its documents from others. Nobody writes so much
/// between a dump and the end of a move: a seq that somebody has read before it never stands for a write that came after.
/// There is room for thousands of such steps in what readers of JSON take for a number.
const SEQS_APART: u64 = 1 << 40;

/// Fills the stores of those shards of the new index, and closes them. Any of the dumped shards may have documents that
/// they own now: all are read.
pub(super) fn shards(
    restoration: &Restoration<'_>,
    shards: &[ShardId],
    progress: &mut dyn FnMut(),
) -> Result<u64, RestoreError> {
    let Restoration { new, dump, restored, stop, .. } = restoration;
    let mut loaders: BTreeMap<ShardId, Loader> = shards
        .iter()
        .map(|&shard| Ok((shard, Loader::new(new.make_store(shard)?, start(dump.manifest())))))
        .collect::<Result<_, MakeIndexError>>()?;
    let mut documents = 0;
    for record in dump.manifest().shards() {
        let folder = new.scratch("unpacked")?;
        let mut archive = restoration.open_archive(record);
        extract_entries(record, &mut archive, &folder, &|path| path.segment_number().is_none(), &mut |_| {})?;
        restoration.source(&folder, record)?.read(stop, |id, document| {
            progress();
            let Some(loader) = loaders.get_mut(&shard_of(&id, restored.shards)) else { return Ok(()) };
            documents += 1;
            loader.add(id, document)
        })?;
        remove_folder(&folder)?;
    }
    loaders.into_values().try_for_each(Loader::finish)?;
    Ok(documents)
}

/// Before every write of the new shards, and behind all that were written to the dumped ones: a document may come from any of
/// them, and who writes it with `if_seq` names the seq that it had there.
fn start(dumped: &Manifest) -> Counters {
    let last = dumped.shards().iter().map(|record| record.seq.0).max().unwrap_or_default();
    Counters { seq: Seq(last.saturating_add(SEQS_APART)), ..Counters::START }
}

/// Writes documents into a new store, in groups. Nobody waits for any of them, so only the last is synced.
struct Loader {
    store: Store,
    counters: Counters,
    changes: Vec<Change>,
}

impl Loader {
    fn new(store: Store, counters: Counters) -> Self {
        Self { store, counters, changes: Vec::new() }
    }

    fn add(&mut self, id: DocId, document: StoredDocument) -> Result<(), StoreError> {
        let point = self.counters.next_point;
        self.counters = Counters { seq: self.counters.seq.next(), next_point: Point(point.0 + 1) };
        let document = Some(StoredDocument { seq: self.counters.seq, point, ..document });
        self.changes.push(Change { seq: self.counters.seq, id, kind: ChangeKind::Put, document, killed: None });
        if self.changes.len() < LOAD_STEP { Ok(()) } else { self.commit(Durability::Os) }
    }

    fn finish(mut self) -> Result<(), StoreError> {
        self.commit(Durability::Fsync)
    }

    fn commit(&mut self, durability: Durability) -> Result<(), StoreError> {
        self.store.commit(&self.changes, &self.counters, None, durability)?;
        self.changes.clear();
        Ok(())
    }
}
