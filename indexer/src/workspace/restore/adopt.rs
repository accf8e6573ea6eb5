//! Onto as many shards as there were: the files of a dumped shard become those of the new one, with a new identity and a
//! new history. The store says which segments belong to it; so the shard opens with its graphs, and builds nothing.

use super::{Restoration, RestoreError};
use crate::segment_file::SegmentFolder;
use crate::snapshot::{missing_segments, segment_file};
use crate::store::Store;
use crate::workspace::disk::{make_folder, remove_folder, rename_folder};
use crate::workspace::indexes::NewIndex;
use annuli_core::{IndexSchema, ShardId};
use annuli_dump::{ShardRecord, extract_archive};
use std::path::Path;

/// Makes those shards of the new index, and closes them.
pub(super) fn shards(
    restoration: &Restoration<'_>,
    shards: &[ShardId],
    progress: &mut dyn FnMut(),
) -> Result<u64, RestoreError> {
    let Restoration { new, dump, restored, stop, .. } = restoration;
    let mut documents = 0;
    for record in dump.manifest().shards().iter().filter(|record| shards.contains(&record.shard)) {
        let unpacked = new.scratch("unpacked")?;
        extract_archive(record, &mut restoration.open_archive(record), &unpacked, &mut |_| {})?;
        let (store, found) = restoration.source(&unpacked, record)?.read(stop, |_, _| {
            progress();
            Ok(())
        })?;
        documents += found;
        shard(new, record, store, &unpacked, restored)?;
        remove_folder(&unpacked)?;
    }
    Ok(documents)
}

fn shard(
    new: &NewIndex,
    record: &ShardRecord,
    store: Store,
    unpacked: &Path,
    schema: &IndexSchema,
) -> Result<(), RestoreError> {
    let folder = new.shard_folder(record.shard);
    make_folder(&folder)?;
    let known = store.segments()?;
    let lost = missing_segments(record, &known)
        .map_err(|unknown| refused(record, unknown.number, &"the store does not know it"))?;
    let segments = SegmentFolder::of(&folder);
    for known in known.iter().filter(|known| !lost.contains(&known.number)) {
        segments.adopt(known.number, &unpacked.join(segment_file(known.number).as_str()))?;
        // Not left to the opening, which would build it again: a dump that says one thing twice is not to be trusted.
        segments.open(known, schema).map_err(|error| refused(record, known.number, &error))?;
    }
    store.adopt(&new.identity(record.shard), &lost)?;
    drop(store);
    Ok(rename_folder(&unpacked.join("db"), &folder.join("db"))?)
}

fn refused(record: &ShardRecord, number: u64, reason: &dyn std::fmt::Display) -> RestoreError {
    RestoreError::Segment { shard: record.shard, number, reason: reason.to_string() }
}
