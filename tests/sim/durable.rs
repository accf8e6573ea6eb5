//! A shard over what is on a primary's disk. What it has acknowledged is there; of what it has not, some may be.

use crate::folder::disk_fault;
use crate::world::{Who, World, locked};
use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Write, Written,
};
use annuli_api::{Failure, ShardApi};
use annuli_contract::ModelShard;
use annuli_core::{DocId, Filter, ShardId};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// A shard of a primary. Its process may be killed between any two of its steps.
pub(crate) struct DurableShard {
    pub(crate) world: Arc<World>,
    pub(crate) who: Who,
    pub(crate) shard: ShardId,
    pub(crate) model: Arc<ModelShard>,
}

impl DurableShard {
    async fn takes_a_while(&self) {
        let ms = if self.world.dice.permille(20) { 2_000 } else { 15 };
        sleep(Duration::from_millis(self.world.dice.between(1, ms))).await;
    }
}

#[async_trait]
impl ShardApi for DurableShard {
    async fn write(&self, writes: Vec<ConditionalWrite>, deadline: Instant) -> Result<Written, Failure> {
        self.takes_a_while().await;
        disk_fault(&self.world)?;
        let changes: Vec<_> = writes.iter().map(|write| change(&write.write)).collect();
        let before = self.model.contents().seq;
        // One step: it is durable before anybody can see it.
        let written = self.model.write(writes, deadline).await?;
        self.world.note(format_args!("{} wrote {changes:?} at {}", self.who, written.position.seq));
        locked(&self.world.witness).saw_write(self.shard, written.position, before, &changes, &written.outcomes);
        self.takes_a_while().await;
        Ok(written)
    }

    async fn delete_matching(&self, filter: Arc<Filter>, deadline: Instant) -> Result<Deleted, Failure> {
        self.model.delete_matching(filter, deadline).await
    }

    async fn search(&self, search: ShardSearch, deadline: Instant) -> Result<ShardHits, Failure> {
        self.takes_a_while().await;
        self.model.search(search, deadline).await
    }

    async fn get(&self, ids: Vec<DocId>, read: Read, deadline: Instant) -> Result<Got, Failure> {
        self.takes_a_while().await;
        self.model.get(ids, read, deadline).await
    }

    async fn list(&self, list: ShardList, read: Read, deadline: Instant) -> Result<Listed, Failure> {
        self.takes_a_while().await;
        self.model.list(list, read, deadline).await
    }

    async fn count(&self, filter: Option<Arc<Filter>>, read: Read, deadline: Instant) -> Result<Counted, Failure> {
        self.takes_a_while().await;
        self.model.count(filter, read, deadline).await
    }

    async fn changes(&self, asked: ChangesAsked, deadline: Instant) -> Result<Changes, Failure> {
        self.takes_a_while().await;
        self.model.changes(asked, deadline).await
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        let status = self.model.status().await?;
        Ok(ShardStatus { shard: self.shard, ..status })
    }
}

/// A document's id, and what is to stand there.
fn change(write: &Write) -> (String, Option<u32>) {
    let value = write.vector().map(|vector| crate::witness::number(vector.as_slice()[0]));
    (write.id().as_str().to_owned(), value)
}
