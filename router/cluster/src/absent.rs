//! A shard that nobody serves at the moment: it answers every call with the reason.

use annuli_api::shard_api::{
    Changes, ChangesAsked, ConditionalWrite, Counted, Deleted, Got, Listed, Read, ShardHits, ShardList, ShardSearch,
    ShardStatus, Written,
};
use annuli_api::{Failure, ShardApi};
use annuli_core::{DocId, Filter};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Instant;

/// Why a shard is not served.
#[derive(Debug, Clone)]
pub struct Absent(pub Failure);

#[async_trait]
impl ShardApi for Absent {
    async fn write(&self, _: Vec<ConditionalWrite>, _: Instant) -> Result<Written, Failure> {
        Err(self.0.clone())
    }

    async fn delete_matching(&self, _: Arc<Filter>, _: Instant) -> Result<Deleted, Failure> {
        Err(self.0.clone())
    }

    async fn search(&self, _: ShardSearch, _: Instant) -> Result<ShardHits, Failure> {
        Err(self.0.clone())
    }

    async fn get(&self, _: Vec<DocId>, _: Read, _: Instant) -> Result<Got, Failure> {
        Err(self.0.clone())
    }

    async fn list(&self, _: ShardList, _: Read, _: Instant) -> Result<Listed, Failure> {
        Err(self.0.clone())
    }

    async fn count(&self, _: Option<Arc<Filter>>, _: Read, _: Instant) -> Result<Counted, Failure> {
        Err(self.0.clone())
    }

    async fn changes(&self, _: ChangesAsked, _: Instant) -> Result<Changes, Failure> {
        Err(self.0.clone())
    }

    async fn status(&self) -> Result<ShardStatus, Failure> {
        Err(self.0.clone())
    }
}
