//! A primary's shard as its callers reach it, with somebody who looks at what it acknowledges.

use crate::moves::{NEXT, behind_the_last};
use crate::world::{Who, World, locked};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Written,
};
use annuli_api::{Failure, ShardApi};
use annuli_cluster::Guarded;
use annuli_cluster::record::{LayoutId, Place};
use annuli_coordination::Key;
use annuli_core::{DocId, Filter, IndexUuid, Seq, ShardId};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Instant;

/// The guarded shard of a primary.
pub(crate) struct Watched {
    pub(crate) world: Arc<World>,
    pub(crate) who: Who,
    pub(crate) shard: ShardId,
    pub(crate) index: IndexUuid,
    pub(crate) guarded: Guarded,
}

impl Watched {
    /// A primary that acknowledges has the seat at that moment, and the shard's term is its own; and nobody acts by it that
    /// an earlier write was the last.
    fn look(&self, seq: Seq) {
        let layout = if self.who.is_next() { NEXT } else { LayoutId::FIRST };
        let place = Place { layout, shard: self.shard };
        let late = behind_the_last(&locked(&self.world.witness).records, self.index, place, seq);
        if let Some(why) = late {
            self.world.violated(why);
        }
        let seat = Key::new(&format!("elections/primary-{place}/leader")).expect("a plain key");
        let leader = locked(&self.world.truth).get(&seat);
        let name = format!("\"{}\"", self.who);
        let is_it = leader.is_some_and(|entry| String::from_utf8_lossy(entry.value.as_bytes()).contains(&name));
        if !is_it {
            let (who, shard) = (self.who, self.shard);
            self.world.violated(format_args!("{who} acknowledges a write of shard {shard} without having its seat"));
        }
    }
}

#[async_trait]
impl ShardApi for Watched {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        let written = self.guarded.write(writes, deadline).await?;
        self.look(written.position.seq);
        Ok(written)
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        let deleted = self.guarded.delete_matching(filter, deadline).await?;
        self.look(deleted.position.seq);
        Ok(deleted)
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        self.guarded.search(search, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        self.guarded.get(ids, read, deadline).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        self.guarded.list(list, read, deadline).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        self.guarded.count(filter, read, deadline).await
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        self.guarded.changes(asked, deadline).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        self.guarded.status().await
    }
}
