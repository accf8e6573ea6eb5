//! The workspace as a catalogue.

use super::disk::DiskFault;
use super::indexes::{self, MakeIndexError, NewIndex, OpenIndexError};
use super::{Entry, Inner, OpenIndex, State, Workspace, alias_file};
use crate::shard::store_code;
use crate::snapshot;
use annuli_api::catalogue::refusal;
use annuli_api::v1::dump::DumpInfo;
use annuli_api::{Catalogue, Created, DumpProgress, ErrorCode, Failure, Index, Operations};
use annuli_core::limits::{ALIASES_MAX, INDEXES_MAX};
use annuli_core::{IndexName, IndexSchema, ShardCount};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

#[async_trait]
impl Catalogue for Workspace {
    fn resolve(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        let state = self.0.state.load();
        let name = state.aliases.get(name).unwrap_or(name);
        match state.indexes.get(name) {
            Some(Entry::Open(open)) => Ok(Arc::clone(&open.index)),
            Some(Entry::Damaged(failure)) => Err(failure.clone()),
            None => Err(refusal::index_not_found(name)),
        }
    }

    /// No other process changes this workspace.
    fn may_have_moved(&self, _: &Index) -> bool {
        false
    }

    async fn find(&self, name: &IndexName) -> Result<Arc<Index>, Failure> {
        self.resolve(name)
    }

    async fn refresh(&self) {}

    fn indexes(&self) -> Vec<Result<Arc<Index>, Failure>> {
        let index = |entry: &Entry| match entry {
            Entry::Open(open) => Ok(Arc::clone(&open.index)),
            Entry::Damaged(failure) => Err(failure.clone()),
        };
        self.0.state.load().indexes.values().map(index).collect()
    }

    fn is_local(&self) -> bool {
        true
    }

    async fn fixed_shards(&self) -> Option<ShardCount> {
        None
    }

    async fn create(&self, name: IndexName, schema: IndexSchema) -> Result<Created, Failure> {
        self.change(move |inner| inner.create(&name, schema)).await
    }

    async fn remove(&self, name: IndexName) -> Result<(), Failure> {
        self.change(move |inner| inner.remove(&name)).await
    }

    fn aliases(&self) -> BTreeMap<IndexName, IndexName> {
        self.0.state.load().aliases.clone()
    }

    async fn set_alias(&self, alias: IndexName, index: IndexName) -> Result<(), Failure> {
        self.change(move |inner| inner.set_alias(alias, index)).await
    }

    async fn remove_alias(&self, alias: IndexName) -> Result<(), Failure> {
        self.change(move |inner| inner.remove_alias(&alias)).await
    }

    fn operations(&self) -> Option<&dyn Operations> {
        None
    }

    async fn create_dump(&self, index: &Index, progress: DumpProgress) -> Result<DumpInfo, Failure> {
        let open = self.open_index(index)?;
        let store = self.0.dumps.clone();
        let dump = move || snapshot::create(&open.index, &open.shards, &store, &*progress);
        Ok(self.0.dumping.run(dump).await??)
    }

    async fn dumps(&self, index: &Index) -> Result<Vec<DumpInfo>, Failure> {
        let (store, uuid) = (self.0.dumps.clone(), index.uuid);
        Ok(self.0.changes.run(move || snapshot::list(&store, uuid)).await??)
    }

    async fn remove_dump(&self, index: &Index, dump: Uuid) -> Result<(), Failure> {
        let (store, uuid) = (self.0.dumps.clone(), index.uuid);
        Ok(self.0.changes.run(move || snapshot::remove(&store, uuid, dump)).await??)
    }
}

impl Workspace {
    /// Runs a change of the catalogue on its own thread. Once begun it is finished, whether or not anybody waits.
    async fn change<R: Send + 'static>(
        &self,
        change: impl FnOnce(&Inner) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let inner = Arc::clone(&self.0);
        self.0.changes.run(move || change(&inner)).await?
    }

    fn open_index(&self, index: &Index) -> Result<Arc<OpenIndex>, Failure> {
        match self.0.state.load().indexes.get(&index.name) {
            Some(Entry::Open(open)) if open.index.uuid == index.uuid => Ok(Arc::clone(open)),
            Some(_) | None => Err(refusal::index_not_found(&index.name)),
        }
    }
}

impl Inner {
    fn create(&self, name: &IndexName, schema: IndexSchema) -> Result<Created, Failure> {
        let state = self.state.load_full();
        match state.indexes.get(name) {
            Some(Entry::Open(open)) if open.index.schema == schema => {
                return Ok(Created::Existing(Arc::clone(&open.index)));
            }
            Some(Entry::Open(open)) => return Err(refusal::index_exists(name, &open.index.schema, &schema)),
            Some(Entry::Damaged(failure)) => return Err(failure.clone()),
            None => {}
        }
        if state.aliases.contains_key(name) {
            return Err(refusal::name_is_an_alias(name));
        }
        if state.indexes.len() >= INDEXES_MAX {
            return Err(refusal::too_many_indexes(state.indexes.len()));
        }
        self.make(name, schema).map_err(|error| make_failure(name, &error))?;
        let open = self.open_new(name).map_err(|error| indexes::unavailable(name, &error))?;
        let index = Arc::clone(&open.index);
        self.replace(|state| {
            state.indexes.insert(name.clone(), Entry::Open(Arc::clone(&open)));
        });
        tracing::info!(index = %name, uuid = %index.uuid, "created an index");
        Ok(Created::New(index))
    }

    fn make(&self, name: &IndexName, schema: IndexSchema) -> Result<(), MakeIndexError> {
        let new = NewIndex::begin(&self.root, name, schema)?;
        for shard in schema.shards.shards() {
            // Closed at once: the folder is about to get its name.
            drop(new.make_store(shard)?);
        }
        new.publish(name)
    }

    fn remove(&self, name: &IndexName) -> Result<(), Failure> {
        let state = self.state.load_full();
        if let Some(index) = state.aliases.get(name) {
            return Err(refusal::delete_by_alias(name, index));
        }
        let Some(entry) = state.indexes.get(name) else { return Err(refusal::index_not_found(name)) };
        if let Entry::Open(open) = entry {
            open.close();
        }
        // The renaming of the folder is what removes the index. If it fails, the index is there and unavailable, so
        // that it can be removed once the cause is gone.
        indexes::remove(&self.root, name).map_err(|fault| {
            let failure = disk_failure(&fault).with("index", name.as_str());
            self.replace(|state| {
                state.indexes.insert(name.clone(), Entry::Damaged(failure.clone()));
            });
            failure
        })?;
        self.replace(|state| {
            state.indexes.remove(name);
            state.aliases.retain(|_, index| index != name);
        });
        tracing::info!(index = %name, "removed an index");
        // Aliases that a crash leaves behind stand for nothing, and are dropped when the workspace is opened.
        alias_file::write(&self.root, &self.state.load().aliases).map_err(|fault| disk_failure(&fault))
    }

    fn set_alias(&self, alias: IndexName, index: IndexName) -> Result<(), Failure> {
        let state = self.state.load_full();
        if state.indexes.contains_key(&alias) {
            return Err(refusal::alias_is_an_index(&alias));
        }
        if !state.indexes.contains_key(&index) {
            return Err(refusal::index_not_found(&index));
        }
        if state.aliases.len() >= ALIASES_MAX && !state.aliases.contains_key(&alias) {
            return Err(refusal::too_many_aliases(state.aliases.len()));
        }
        self.change_aliases(|aliases| {
            aliases.insert(alias, index);
        })
    }

    fn remove_alias(&self, alias: &IndexName) -> Result<(), Failure> {
        if !self.state.load().aliases.contains_key(alias) {
            return Err(refusal::alias_not_found(alias));
        }
        self.change_aliases(|aliases| {
            aliases.remove(alias);
        })
    }

    fn change_aliases(&self, change: impl FnOnce(&mut alias_file::Aliases)) -> Result<(), Failure> {
        let mut aliases = self.state.load().aliases.clone();
        change(&mut aliases);
        alias_file::write(&self.root, &aliases).map_err(|fault| disk_failure(&fault))?;
        self.replace(|state| state.aliases.clone_from(&aliases));
        Ok(())
    }

    /// Opens an index whose folder has just got its name; if it does not open, the folder is removed again.
    pub(super) fn open_new(&self, name: &IndexName) -> Result<Arc<OpenIndex>, OpenIndexError> {
        indexes::open(&self.root, name, &self.parts).map(Arc::new).inspect_err(|_| indexes::withdraw(&self.root, name))
    }

    /// Replaces the state, whoever else does so at the same time.
    pub(super) fn replace(&self, change: impl Fn(&mut State)) {
        self.state.rcu(|state| {
            let mut state = State::clone(state);
            change(&mut state);
            state
        });
    }
}

pub(crate) fn disk_failure(fault: &DiskFault) -> Failure {
    let code = if fault.is_full() { ErrorCode::StorageFull } else { ErrorCode::StorageFailed };
    Failure::new(code, fault)
}

pub(crate) fn make_code(error: &MakeIndexError) -> ErrorCode {
    match error {
        MakeIndexError::Store(error) => store_code(error),
        MakeIndexError::Disk(fault) => disk_failure(fault).code,
        MakeIndexError::InTheWay { .. } => ErrorCode::StorageFailed,
    }
}

pub(crate) fn make_failure(name: &IndexName, error: &MakeIndexError) -> Failure {
    Failure::new(make_code(error), format_args!("index `{name}` cannot be made: {error}"))
}
