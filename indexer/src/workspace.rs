//! The folder that holds every index of a process: `workspace/<name>/{index.json, <shard_id>/db/}`.
//!
//! An index appears and disappears by the renaming of its folder, so a crash leaves all of it or nothing. Names that
//! start with a dot are not indexes: `.lock`, `.aliases.json`, `.dumps`, and folders that are being made or removed,
//! which are swept when the workspace is opened.

mod alias_file;
mod bulk;
mod catalogue;
pub(crate) mod disk;
mod index_file;
pub(crate) mod indexes;
pub(crate) mod json_file;
mod loading;
pub(crate) mod lock;
pub(crate) mod restore;

use crate::cpu_pool::CpuPool;
use crate::shard::{Shard, ShardParts};
use crate::snapshot;
use alias_file::Aliases;
use annuli_api::{Failure, Index};
use annuli_core::IndexName;
use annuli_dump::DumpStore;
use annuli_threads::Urgency;
use arc_swap::ArcSwap;
pub use bulk::{Bulk, BulkError};
pub(crate) use catalogue::{disk_failure, make_code, make_failure};
pub use disk::DiskFault;
pub use index_file::IndexFileError;
pub use indexes::{MakeIndexError, OpenIndexError};
pub use json_file::JsonFileError;
pub use lock::LockError;
use lock::WorkspaceLock;
pub use restore::{RestoreError, Restored};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Catalogue changes that wait for their turn; they are rare, and each is an fsync or two.
const CHANGES_QUEUE_MAX: usize = 64;

/// Dumps that wait for their turn.
const DUMPS_QUEUE_MAX: usize = 16;

/// An open workspace. Cheap to clone; closed with [`Workspace::close`], or when the last clone goes.
#[derive(Clone)]
pub struct Workspace(Arc<Inner>);

struct Inner {
    root: PathBuf,
    parts: ShardParts,
    state: ArcSwap<State>,
    /// One thread: changes of the catalogue happen one after the other.
    changes: CpuPool,
    /// One thread: a dump reads as fast as the disk gives.
    dumping: CpuPool,
    dumps: DumpStore,
    /// Held as long as the workspace is open.
    _lock: WorkspaceLock,
}

#[derive(Clone, Default)]
struct State {
    indexes: BTreeMap<IndexName, Entry>,
    aliases: Aliases,
}

/// An index of the workspace.
#[derive(Clone)]
enum Entry {
    /// It serves.
    Open(Arc<OpenIndex>),
    /// It does not, for this reason. The others do.
    Damaged(Failure),
}

struct OpenIndex {
    index: Arc<Index>,
    shards: Vec<Arc<Shard>>,
}

/// Why a workspace does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenWorkspaceError {
    /// Another process has it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The folder or a file in it cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The file of the aliases cannot be read.
    #[error(transparent)]
    Aliases(#[from] alias_file::AliasFileError),
    /// The folder holds one shard of a cluster.
    #[error(
        "`{}` holds one shard of a cluster: start it with `annuli indexer`, or choose another folder", root.display()
    )]
    Node {
        /// The folder.
        root: PathBuf,
    },
}

impl Workspace {
    /// Opens the workspace in the folder `root`, which is made if it is not there, with every index in it. `dumps` is
    /// where its dumps are. An index that does not open is there as unavailable; it does not keep the others.
    pub fn open(root: &Path, dumps: DumpStore, parts: ShardParts) -> Result<Self, OpenWorkspaceError> {
        disk::make_folder(root)?;
        let lock = WorkspaceLock::take(root)?;
        if root.join(crate::node::PLACE_FILE).exists() {
            return Err(OpenWorkspaceError::Node { root: root.to_owned() });
        }
        indexes::sweep(root)?;
        let aliases = alias_file::read(root)?;
        let mut state = State { aliases, ..State::default() };
        for name in indexes::names(root)? {
            let entry = indexes::open(root, &name, &parts).map_or_else(
                |error| {
                    tracing::error!(index = %name, %error, "an index does not open, the others do");
                    Entry::Damaged(indexes::unavailable(&name, &error))
                },
                |open| Entry::Open(Arc::new(open)),
            );
            state.indexes.insert(name, entry);
        }
        // What is left of an index that was removed just before a crash.
        let State { indexes, aliases } = &mut state;
        let read = aliases.len();
        aliases.retain(|_, index| indexes.contains_key(index));
        if aliases.len() < read {
            // Else they would come back with the next index of that name.
            alias_file::write(root, aliases)?;
        }
        if dumps.lies_in(root) {
            snapshot::sweep_store(&dumps);
        }
        Ok(Self(Arc::new(Inner {
            root: root.to_owned(),
            parts,
            state: ArcSwap::from_pointee(state),
            changes: CpuPool::start("catalogue", 1, CHANGES_QUEUE_MAX),
            dumping: CpuPool::start_as(Urgency::Background, "dump", 1, DUMPS_QUEUE_MAX),
            dumps,
            _lock: lock,
        })))
    }

    /// Finishes what is queued and closes every index. Blocks until it is done.
    pub fn close(&self) {
        self.0.close();
    }

    /// Where this workspace's dumps are.
    pub fn dump_store(&self) -> &DumpStore {
        &self.0.dumps
    }
}

impl Inner {
    fn close(&self) {
        let state = self.state.swap(Arc::new(State::default()));
        for entry in state.indexes.values() {
            if let Entry::Open(open) = entry {
                open.close();
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl OpenIndex {
    fn close(&self) {
        self.shards.iter().for_each(|shard| shard.close());
    }
}

#[cfg(test)]
mod tests;
