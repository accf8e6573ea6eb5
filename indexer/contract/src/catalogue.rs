//! The plainest catalogue: indexes of models, in memory.

use crate::model::ModelShard;
use annuli_api::catalogue::refusal;
use annuli_api::v1::dump::DumpInfo;
use annuli_api::{Catalogue, Created, DumpProgress, ErrorCode, Failure, Index, Operations};
use annuli_core::{IndexName, IndexSchema, IndexUuid, ShardCount};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Indexes that live as long as it does. It takes no dumps.
#[derive(Default)]
pub struct ModelCatalogue(Mutex<Names>);

#[derive(Default)]
struct Names {
    made: u128,
    indexes: BTreeMap<IndexName, Arc<Index>>,
    aliases: BTreeMap<IndexName, IndexName>,
}

impl ModelCatalogue {
    fn lock(&self) -> MutexGuard<'_, Names> {
        // Each change is whole before another can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_dumps<T>() -> Result<T, Failure> {
    Err(Failure::new(ErrorCode::StorageFailed, "a model takes no dumps"))
}

#[async_trait]
impl Catalogue for ModelCatalogue {
    fn resolve(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        let names = self.lock();
        let name = names.aliases.get(name).unwrap_or(name);
        names.indexes.get(name).cloned().ok_or_else(|| refusal::index_not_found(name))
    }

    fn may_have_moved(&self, _: &Index) -> bool {
        false
    }

    async fn find(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        self.resolve(name)
    }

    async fn refresh(&self) {}

    fn indexes(&self) -> Vec<Result<Arc<Index>, Failure>> {
        self.lock().indexes.values().cloned().map(Ok).collect()
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn fixed_shards(&self) -> Option<ShardCount> {
        None
    }

    async fn create(&self, name: IndexName, schema: IndexSchema) -> Result<Created, Failure> {
        let mut names = self.lock();
        if let Some(index) = names.indexes.get(&name) {
            let is_equal = index.schema == schema;
            let other = || refusal::index_exists(&name, &index.schema, &schema);
            return if is_equal { Ok(Created::Existing(Arc::clone(index))) } else { Err(other()) };
        }
        names.made += 1;
        let shards = schema.shards.shards().map(|_| ModelShard::new(schema)).collect();
        let uuid = IndexUuid(Uuid::from_u128(names.made));
        let index = Arc::new(Index { name: name.clone(), uuid, schema, shards });
        names.indexes.insert(name, Arc::clone(&index));
        Ok(Created::New(index))
    }

    async fn remove(&self, name: IndexName) -> Result<(), Failure> {
        let mut names = self.lock();
        names.aliases.retain(|_, index| *index != name);
        names.indexes.remove(&name).map(drop).ok_or_else(|| refusal::index_not_found(&name))
    }

    fn aliases(&self) -> BTreeMap<IndexName, IndexName> {
        self.lock().aliases.clone()
    }

    async fn set_alias(&self, alias: IndexName, index: IndexName) -> Result<(), Failure> {
        let mut names = self.lock();
        if !names.indexes.contains_key(&index) {
            return Err(refusal::index_not_found(&index));
        }
        names.aliases.insert(alias, index);
        Ok(())
    }

    async fn remove_alias(&self, alias: IndexName) -> Result<(), Failure> {
        self.lock().aliases.remove(&alias).map(drop).ok_or_else(|| refusal::alias_not_found(&alias))
    }

    fn operations(&self) -> Option<&dyn Operations> {
        None
    }

    async fn create_dump(&self, _: &Index, _: DumpProgress) -> Result<DumpInfo, Failure> {
        no_dumps()
    }

    async fn dumps(&self, _: &Index) -> Result<Vec<DumpInfo>, Failure> {
        Ok(Vec::new())
    }

    async fn remove_dump(&self, _: &Index, _: Uuid) -> Result<(), Failure> {
        no_dumps()
    }
}
