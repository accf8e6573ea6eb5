//! Filling a new index at once, without a server: what is known from the start to be much.
//!
//! ```text
//! documents ──by owner──▶ stores, past all logs ──by id──▶ rows of a segment, laid out on the disk ──▶ segments
//! ```
//!
//! Who writes to an index that serves waits for a log, and its documents are built into small graphs that are merged into
//! larger ones. Here nobody searches meanwhile and nobody has been promised anything: documents go straight into tables,
//! then each into the one graph that it stays in. Only a whole index gets its name.

mod graphs;
mod laid_out;

use super::disk::DiskFault;
use super::indexes::{MakeIndexError, NewIndex, OpenIndexError, withdraw};
use super::loading::Loading;
use super::{Entry, Workspace};
use crate::segment_file::SaveError;
use crate::store::StoreError;
use crate::store::meta::Counters;
use crate::workshop::segment_points_max;
use annuli_api::Failure;
use annuli_api::catalogue::refusal;
use annuli_core::limits::INDEXES_MAX;
use annuli_core::schema::UnfitVector;
use annuli_core::{DocId, IndexName, IndexSchema, Metadata, ShardId, Vector};
use graphs::Graphs;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Why an index was not filled. Nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The name is taken.
    #[error("index or alias `{name}` exists: delete it first, or choose another name")]
    Exists {
        /// The name.
        name: IndexName,
    },
    /// The workspace takes no more indexes.
    #[error(transparent)]
    TooMany(Failure),
    /// A vector that the index cannot take.
    #[error("vector of document `{id}` {reason}")]
    Vector {
        /// The document.
        id: DocId,
        /// Why.
        reason: UnfitVector,
    },
    /// A store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A segment cannot be written.
    #[error("the graph of shard {shard} was not written: {reason}")]
    Graph {
        /// The shard.
        shard: ShardId,
        /// Why.
        reason: SaveError,
    },
    /// The new index cannot be made.
    #[error(transparent)]
    Make(#[from] MakeIndexError),
    /// A file or folder cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The new index does not open.
    #[error(transparent)]
    Open(#[from] OpenIndexError),
    /// It opens, and serves another number of documents than were written.
    #[error("the new index would serve {found} documents, its stores hold {stored}: this is a defect, or the disk's")]
    Served {
        /// How many it serves.
        found: u64,
        /// How many its stores hold.
        stored: u64,
    },
}

/// An index that is being filled. Dropped before it is [finished](Self::finish), nothing of it stays; what a process leaves that
/// is killed is swept when the workspace is opened.
pub struct Bulk {
    name: IndexName,
    schema: IndexSchema,
    /// Before `new`, whose folder is removed once the stores in it are closed.
    loading: Loading,
    new: NewIndex,
    /// Last: it is closed by its last holder.
    workspace: Workspace,
}

impl Workspace {
    /// Begins an index that does not exist.
    ///
    /// # Errors
    /// When there is an index or alias of that name, or there are as many indexes as there may be.
    pub fn bulk(&self, name: &IndexName, schema: IndexSchema) -> Result<Bulk, BulkError> {
        let state = self.0.state.load_full();
        if state.indexes.contains_key(name) || state.aliases.contains_key(name) {
            return Err(BulkError::Exists { name: name.clone() });
        }
        if state.indexes.len() >= INDEXES_MAX {
            return Err(BulkError::TooMany(refusal::too_many_indexes(state.indexes.len())));
        }
        let new = NewIndex::begin(&self.0.root, name, schema)?;
        let all: Vec<_> = schema.shards.shards().collect();
        let loading = Loading::begin(&new, schema.shards, &all, Counters::START)?;
        Ok(Bulk { name: name.clone(), schema, loading, new, workspace: self.clone() })
    }
}

impl Bulk {
    /// Stores a document, in place of an earlier one of the same id.
    ///
    /// # Errors
    /// When the vector does not fit, or the disk takes no more.
    pub fn add(&mut self, id: DocId, vector: Vector, metadata: Metadata) -> Result<(), BulkError> {
        if let Err(reason) = self.schema.check(&vector) {
            return Err(BulkError::Vector { id, reason });
        }
        Ok(self.loading.add(id, vector, metadata).map(drop)?)
    }

    /// Builds the graphs on all cores, shard by shard, and gives the index its name. Returns how many documents it holds.
    /// `built` counts those that have entered a graph, for who looks on. Blocks until it is done.
    ///
    /// # Errors
    /// When the disk fails or is full.
    pub fn finish(self, built: &AtomicUsize) -> Result<u64, BulkError> {
        let Self { name, schema, loading, new, workspace } = self;
        let threads = workspace.0.parts.build_pool.threads();
        let graphs = Graphs { new: &new, schema, threads, segment_points_max: segment_points_max(schema.dim), built };
        let mut stored = 0;
        for (shard, store) in loading.finish()? {
            stored += graphs.build(shard, &store)?;
        }
        new.publish(&name)?;
        let open = workspace.0.open_new(&name)?;
        let found = open.shards.iter().map(|shard| shard.view().live() as u64).sum();
        if found != stored {
            open.close();
            withdraw(&workspace.0.root, &name);
            return Err(BulkError::Served { found, stored });
        }
        workspace.0.replace(|state| {
            state.indexes.insert(name.clone(), Entry::Open(Arc::clone(&open)));
        });
        Ok(stored)
    }
}

#[cfg(test)]
mod tests;
