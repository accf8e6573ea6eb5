//! Which indexes there are.

pub mod refusal;

use crate::error::Failure;
use crate::operations::Operations;
use crate::shard_api::ShardApi;
use crate::v1::dump::DumpInfo;
use annuli_core::{IndexName, IndexSchema, IndexUuid, ShardCount};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// An index with the handles of its shards, in the order of their numbers.
#[derive(Clone)]
pub struct Index {
    /// Its own name, also when it was found by an alias.
    pub name: IndexName,
    /// Its identity.
    pub uuid: IndexUuid,
    /// What it holds.
    pub schema: IndexSchema,
    /// One handle for each shard.
    pub shards: Vec<Arc<dyn ShardApi>>,
}

/// Answer to the creation of an index.
#[derive(Clone)]
pub enum Created {
    /// It is new.
    New(Arc<Index>),
    /// It was there already, with an equal schema.
    Existing(Arc<Index>),
}

/// Hears how many shards of a dump are done.
pub type DumpProgress = Arc<dyn Fn(u32) + Send + Sync>;

/// The list of indexes, aliases and dumps: folders in one process, the coordination store in a cluster.
///
/// Look-ups answer from memory; changes are durable when they return.
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// The index of that name, or the one that the alias of that name stands for.
    fn resolve(&self, name: &IndexName) -> Result<Arc<Index>, Failure>;

    /// As [`resolve`](Self::resolve) has it, after a look at what another process may have changed a moment ago if there
    /// is no such index here, or not yet all of it.
    async fn find(&self, name: &IndexName) -> Result<Arc<Index>, Failure>;

    /// Brings up to date what look-ups answer from: what any process had changed before this call is seen after it. Where
    /// that is not possible now, they go on as they are.
    async fn refresh(&self);

    /// Whether an index is on its way to other processes, and may have come there by now without this process having seen it:
    /// who must have everything that was acknowledged [`refresh`](Self::refresh)es before asking.
    fn may_have_moved(&self, index: &Index) -> bool;

    /// Every index, by name; in place of one that cannot be served, why.
    fn indexes(&self) -> Vec<Result<Arc<Index>, Failure>>;

    /// Whether the shards are of this process, which then is ready only when they answer. Another process has a readiness
    /// of its own: one that is down must not take all routers with it.
    fn is_local(&self) -> bool;

    /// Shards of every index, where each has the same number and a request need not say it.
    async fn fixed_shards(&self) -> Option<ShardCount>;

    /// Creates an index, unless it is there with an equal schema.
    async fn create(&self, name: IndexName, schema: IndexSchema) -> Result<Created, Failure>;

    /// Removes an index with its data and its aliases.
    async fn remove(&self, name: IndexName) -> Result<(), Failure>;

    /// Every alias with the index that it stands for.
    fn aliases(&self) -> BTreeMap<IndexName, IndexName>;

    /// Makes `alias` stand for `index`, instead of what it stood for before.
    async fn set_alias(&self, alias: IndexName, index: IndexName) -> Result<(), Failure>;

    /// Removes an alias.
    async fn remove_alias(&self, alias: IndexName) -> Result<(), Failure>;

    /// Whoever does in the background what is asked of a cluster; nothing, where this process does it itself.
    fn operations(&self) -> Option<&dyn Operations>;

    /// Takes a dump of every shard of an index; writes go on meanwhile. Where there are [`Operations`], they do it.
    async fn create_dump(&self, index: &Index, progress: DumpProgress) -> Result<DumpInfo, Failure>;

    /// The dumps of an index, the oldest first.
    async fn dumps(&self, index: &Index) -> Result<Vec<DumpInfo>, Failure>;

    /// Removes a dump of an index.
    async fn remove_dump(&self, index: &Index, dump: Uuid) -> Result<(), Failure>;
}
