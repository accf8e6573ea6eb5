//! What generations are told at once: documents that have changed, as they were at one seq of the primary.

use super::FollowError;
use crate::followed_memory::IndexMemory;
use crate::overlay::Became;
use crate::table::Row;
use crate::view::View;
use annuli_api::shard_api::{Changed, Position};
use annuli_core::{DocId, IndexSchema, Point, Seq};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Points from here on are of documents that were followed; those of stores are below. The point of a document that was
/// followed is its write, so that all generations of an index have the same row.
const FOLLOWED_POINTS: u64 = 1 << 62;

/// Documents that have changed, by their writes.
#[derive(Debug)]
pub struct Told {
    documents: Vec<(DocId, Became)>,
    /// Of which each is what it was there.
    pub(super) position: Position,
}

impl Told {
    /// What a primary says that documents were at `position`: if it says something of one twice, the last. Memory for it is
    /// taken, whether it is there or not, but for rows that one of those `views` of the index has.
    ///
    /// # Errors
    /// When a document cannot be of that index, or of that write. They come from another process.
    pub fn new(
        told: Vec<Changed>,
        position: Position,
        schema: &IndexSchema,
        memory: &Arc<IndexMemory>,
        views: &[Arc<View>],
    ) -> Result<Self, FollowError> {
        let last: BTreeMap<_, _> = told.into_iter().map(|changed| (changed.id().clone(), changed)).collect();
        let became = |(id, changed): (DocId, Changed)| {
            let bytes = changed.bytes_about();
            let became = match changed {
                Changed::Is { id, seq, vector, metadata } => {
                    schema.check(&vector).map_err(|reason| FollowError::Unfit { id: id.clone(), reason })?;
                    // A primary that lost power may have another document under the same number.
                    let is_same = |row: &&Arc<Row>| row.seq == seq && row.vector == vector && row.metadata == metadata;
                    let mut rows = views.iter().filter_map(|view| view.overlay.get(&id)?.row());
                    if let Some(row) = rows.find(is_same) {
                        return Ok((id, Became::Is(Arc::clone(row))));
                    }
                    let (point, share) = (Point(FOLLOWED_POINTS.saturating_add(seq.0)), Some(memory.take(bytes)));
                    Became::Is(Arc::new(Row { id, seq, point, vector, metadata, share }))
                }
                Changed::Gone { .. } => Became::Gone { by: position.seq, _share: Arc::new(memory.take(bytes)) },
            };
            Ok::<_, FollowError>((id, became))
        };
        let told = Self::by_writes(last.into_iter().map(became).collect::<Result<_, _>>()?, position);
        // A table has its rows in the order of their points.
        let mut before = None;
        for row in told.documents.iter().filter_map(|(_, became)| became.row()) {
            if before.replace(row.point) >= Some(row.point) || row.seq > position.seq {
                return Err(FollowError::OtherWrite { id: row.id.clone() });
            }
        }
        Ok(told)
    }

    /// What a generation has followed behind that seq.
    pub(super) fn behind_in(view: &View, here: Seq) -> Self {
        Self::by_writes(view.overlay.since(here).into_iter().collect(), view.position)
    }

    fn by_writes(mut documents: Vec<(DocId, Became)>, position: Position) -> Self {
        documents.sort_by_key(|(_, became)| became.seq());
        Self { documents, position }
    }

    /// What came behind that.
    pub(super) fn behind(&self, here: Seq) -> &[(DocId, Became)] {
        &self.documents[self.documents.partition_point(|(_, became)| became.seq() <= here)..]
    }
}
