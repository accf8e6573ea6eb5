//! Onto another number of shards: documents are written anew, by the shards that own them. Segments are left out.

use super::{Restoration, RestoreError};
use crate::store::document::StoredDocument;
use crate::store::meta::Counters;
use crate::workspace::disk::remove_folder;
use crate::workspace::loading::Loading;
use annuli_core::{Seq, ShardId};
use annuli_dump::{Manifest, extract_entries};

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
    let mut loading = Loading::begin(new, restored.shards, shards, start(dump.manifest()))?;
    let mut documents = 0;
    for record in dump.manifest().shards() {
        let folder = new.scratch("unpacked")?;
        let mut archive = restoration.open_archive(record);
        extract_entries(record, &mut archive, &folder, &|path| path.segment_number().is_none(), &mut |_| {})?;
        restoration.source(&folder, record)?.read(stop, |id, StoredDocument { vector, metadata, .. }| {
            progress();
            documents += u64::from(loading.add(id, vector, metadata)?);
            Ok(())
        })?;
        remove_folder(&folder)?;
    }
    drop(loading.finish()?);
    Ok(documents)
}

/// Before every write of the new shards, and behind all that were written to the dumped ones: a document may come from any of
/// them, and who writes it with `if_seq` names the seq that it had there.
fn start(dumped: &Manifest) -> Counters {
    let last = dumped.shards().iter().map(|record| record.seq.0).max().unwrap_or_default();
    Counters { seq: Seq(last.saturating_add(SEQS_APART)), ..Counters::START }
}
