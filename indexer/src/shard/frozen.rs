//! A shard of a dump: it is never written and has no thread of its own. It answers from the files as they are; and, where it
//! follows its primary, from what has been taken over since (`following`). Its identity and its position are those of the
//! shard that was dumped, so that tokens compare.

use super::following::Followed;
use super::open::check_identity;
use super::reading::Reading;
use super::recover::{Found, Lost};
use super::{OpenError, ShardParts, StoreSlot};
use crate::segment_file::SegmentFolder;
use crate::store::Store;
use crate::store::meta::{Counters, Identity};
use crate::view::View;
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Position, Read, ShardHits, ShardList,
    ShardSearch, ShardStatus, Written,
};
use annuli_api::{Effect, ErrorCode, Failure, ShardApi};
use annuli_core::{DocId, Filter, Seq, ShardId};
use arc_swap::ArcSwap;
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// A shard that nobody writes to.
pub struct FrozenShard {
    pub(super) reading: Reading,
    /// The last write of the dump.
    pub(super) dumped: Seq,
    pub(super) followed: Followed,
}

/// Why a shard of a dump does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenFrozenError {
    /// The store does not open, or is another shard's.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is the right shard, and not as it was dumped.
    #[error("`{folder}` stands at seq {found} of its history, the dump at seq {wanted} of history {history}")]
    OtherPosition {
        /// The store's folder.
        folder: String,
        /// Where it stands.
        found: Seq,
        /// Where the dump stands.
        wanted: Seq,
        /// The history of the dump.
        history: annuli_core::HistoryId,
    },
    /// A segment is lost. Its documents are in the store; but to fetch it again is less work than to build it.
    #[error(transparent)]
    Segment(#[from] Lost),
}

impl FrozenShard {
    /// Opens the shard in `folder`, which must be what `wanted` says, history included, and stand at `seq`.
    pub fn open(folder: &Path, wanted: &Identity, seq: Seq, parts: &ShardParts) -> Result<Self, OpenFrozenError> {
        let (store, counters) = open_store(folder, wanted, seq)?;
        let segments = SegmentFolder::of(folder);
        let found = Found::of(&store, &segments, wanted, parts.build_pool.heads()).map_err(OpenError::from)?;
        let view = found.whole()?.recover(&store, &counters).map_err(OpenError::from)?.into_view();
        Ok(Self::new(wanted.shard, store, view, parts))
    }

    /// Opens the store in `folder`, of which `view` is known already.
    pub fn over(folder: &Path, wanted: &Identity, view: View, parts: &ShardParts) -> Result<Self, OpenFrozenError> {
        let (store, _) = open_store(folder, wanted, view.position.seq)?;
        Ok(Self::new(wanted.shard, store, view, parts))
    }

    fn new(id: ShardId, store: Store, view: View, parts: &ShardParts) -> Self {
        let (dumped, followed) = (view.position.seq, Followed::default());
        let (store, views) = (Arc::new(StoreSlot::new(store)), Arc::new(ArcSwap::from_pointee(view)));
        parts.meters.watch(&store);
        Self { reading: Reading { id, store, views, pool: parts.search_pool.clone() }, dumped, followed }
    }

    /// Where it stands: never before where it stood.
    pub fn position(&self) -> Position {
        self.view().position
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.reading.view()
    }

    /// Closes the files, when who is reading them has done so. Whoever still holds the shard can search, and reads
    /// nothing else.
    pub fn close(&self) {
        self.reading.store.close();
    }

    fn refused(&self) -> Failure {
        let message =
            format!("this is a replica of shard {}, which is never written: write to the primary", self.reading.id);
        Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None)
    }

    fn has_no_log(&self) -> Failure {
        let message = format!(
            "this is a replica of shard {}, which has no log: ask the primary what has changed",
            self.reading.id
        );
        Failure::new(ErrorCode::ShardUnavailable, message).with_effect(Effect::None)
    }
}

fn open_store(folder: &Path, wanted: &Identity, seq: Seq) -> Result<(Store, Counters), OpenFrozenError> {
    let db = folder.join("db");
    let (store, found, counters) = Store::open_frozen(&db).map_err(OpenError::from)?;
    check_identity(&db, &found, wanted)?;
    if (found.history, counters.seq) != (wanted.history, seq) {
        let (folder, history) = (db.display().to_string(), wanted.history);
        return Err(OpenFrozenError::OtherPosition { folder, found: counters.seq, wanted: seq, history });
    }
    Ok((store, counters))
}

#[async_trait]
impl ShardApi for FrozenShard {
    async fn write(&self, _: Vec<ConditionalWrite>, _: Instant) -> Result<Written, Failure> {
        Err(self.refused())
    }

    async fn delete_matching(&self, _: Arc<Filter>, _: Instant) -> Result<Deleted, Failure> {
        Err(self.refused())
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        self.reading.search(search, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        self.reading.get(ids, read, deadline).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        self.reading.list(list, read, deadline).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        self.reading.count(filter, read, deadline).await
    }

    async fn changes(&self, _: ChangesAsked, _: Instant) -> Result<Changes, Failure> {
        Err(self.has_no_log())
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        Ok(self.reading.status_of(&self.reading.view()))
    }
}
