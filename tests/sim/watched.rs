//! A primary's shard as its callers reach it, with somebody who looks at what it acknowledges.

use crate::world::{Who, World, locked};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Written,
};
use annuli_api::{Failure, ShardApi};
use annuli_cluster::Guarded;
use annuli_coordination::Key;
use annuli_core::{DocId, Filter, ShardId};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Instant;

/// The guarded shard of a primary.
pub(crate) struct Watched {
    pub(crate) world: Arc<World>,
    pub(crate) who: Who,
    pub(crate) shard: ShardId,
    pub(crate) guarded: Guarded,
}

impl Watched {
    /// A primary that acknowledges has the seat at that moment, and the shard's term is its own.
    fn look(&self) {
        let seat = Key::new(&format!("elections/primary-{}/leader", self.shard)).expect("a plain key");
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
        self.look();
        Ok(written)
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        let deleted = self.guarded.delete_matching(filter, deadline).await?;
        self.look();
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
