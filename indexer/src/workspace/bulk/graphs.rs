//! The graphs of a shard that has just been filled: segments as large as merges would make them, so that who opens the shard
//! has nothing left to build.

use super::BulkError;
use super::laid_out::LaidOut;
use crate::part::Part;
use crate::segment_file::SegmentFolder;
use crate::settings::Durability;
use crate::store::segment::SegmentRecord;
use crate::store::{SegmentsChange, Store};
use crate::workspace::disk::remove_folder;
use crate::workspace::indexes::NewIndex;
use annuli_core::segment::{BuildOptions, SegmentOptions};
use annuli_core::{IndexSchema, ShardId};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// How the graphs of a new index are built.
pub(super) struct Graphs<'a> {
    pub(super) new: &'a NewIndex,
    pub(super) schema: IndexSchema,
    pub(super) threads: usize,
    pub(super) segment_points_max: usize,
    pub(super) built: &'a AtomicUsize,
}

impl Graphs<'_> {
    /// Makes segments of all documents of a store, and has it know them. Returns how many documents those are.
    pub(super) fn build(&self, shard: ShardId, store: &Store) -> Result<u64, BulkError> {
        let snapshot = store.snapshot();
        let mut documents = snapshot.documents(None).peekable();
        let (mut records, mut count) = (Vec::new(), 0);
        for number in 0.. {
            if documents.peek().is_none() {
                break;
            }
            let folder = self.new.scratch("rows")?;
            let rows = LaidOut::of(documents.by_ref().take(self.segment_points_max), self.schema.dim, &folder)?;
            // The file in it has lost its name already.
            remove_folder(&folder)?;
            count += rows.documents();
            records.extend(self.segment(shard, number, &rows)?);
        }
        let change = SegmentsChange { put: records, removed: Vec::new(), replay_after: Some(snapshot.seq()?) };
        store.commit_segments(&change, Durability::Fsync)?;
        Ok(count)
    }

    /// Builds one segment; returns what the store is to know of it.
    fn segment(&self, shard: ShardId, number: u64, rows: &LaidOut) -> Result<Option<SegmentRecord>, BulkError> {
        let options = SegmentOptions {
            dim: self.schema.dim,
            metric: self.schema.metric,
            quantization: self.schema.quantization,
            build: BuildOptions {
                hnsw: self.schema.hnsw,
                threads: self.threads,
                seed: number,
                cancelled: rows.is_unreadable(),
                inserted: self.built,
            },
        };
        let saved = SegmentFolder::of(&self.new.shard_folder(shard)).save(number, rows, options);
        // First: of rows that could not be read the build has made something, or nothing, and either is worth nothing.
        rows.check()?;
        let file = saved.map_err(|reason| BulkError::Graph { shard, reason })?;
        Ok(Part::new(Arc::new(file)).unsaved())
    }
}
