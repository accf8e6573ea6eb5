//! What was fetched is opened once to be written, before anybody is served from it: what no segment holds becomes one, so
//! that no search scans it and no opening goes through the log again. Only what is derived changes by that; documents,
//! seqs and history are those of the dump.

use super::dumped::Dumped;
use crate::build_pool::BuildPool;
use crate::gathered::TailRows;
use crate::part::Part;
use crate::plan::{self, Pace, TailWork};
use crate::segment_file::{SaveError, SegmentFolder};
use crate::settings::{Durability, ShardSettings};
use crate::shard::{Found, Lost};
use crate::snapshot::{UnknownSegment, missing_segments};
use crate::stop::Stop;
use crate::store::{SegmentsChange, Store, StoreError};
use crate::view::View;
use crate::workshop::segment_points_max;
use annuli_core::segment::{BuildOptions, Rows, SegmentOptions, WriteSegmentError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Why what was fetched cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The store does not open, or cannot be read to the end.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is not the one that the manifest names.
    #[error("the store in the archive is not the one that the manifest names")]
    Foreign,
    /// The store holds another number of documents than the manifest says.
    #[error("the archive holds {found} documents, the manifest says {recorded}")]
    Documents {
        /// How many there are.
        found: u64,
        /// How many there should be.
        recorded: u64,
    },
    /// The archive has a segment of which its store does not know.
    #[error(transparent)]
    UnknownSegment(#[from] UnknownSegment),
    /// A segment in the archive is not the one that its store knows.
    #[error("the archive is not of one piece: {0}")]
    Segment(#[from] Lost),
    /// What is in no segment was not built.
    #[error("what is in no segment cannot be built: {0}")]
    Seal(SaveError),
    /// Nobody waits for it any longer.
    #[error("nobody waits for it any longer")]
    Stopped,
}

impl SettleError {
    /// Returns whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Store(error) => matches!(error, StoreError::Full { .. }),
            Self::Seal(error) => error.is_full(),
            Self::Foreign | Self::Documents { .. } | Self::UnknownSegment(_) | Self::Segment(_) | Self::Stopped => {
                false
            }
        }
    }
}

/// What is to be served, with its store still open.
pub(super) struct Settled {
    pub(super) store: Store,
    pub(super) view: View,
}

/// Builds on `pool`.
pub(super) fn settle(
    folder: &Path,
    dumped: &Dumped<'_>,
    settings: ShardSettings,
    pool: &BuildPool,
    stop: &Stop,
) -> Result<Settled, SettleError> {
    let (store, found, counters) = Store::open_uncompacted(&folder.join("db"))?;
    let (identity, record) = (&dumped.identity, dumped.record);
    if (&found, counters.seq) != (identity, record.seq) {
        return Err(SettleError::Foreign);
    }
    forget_missing(&store, dumped)?;
    let segments = SegmentFolder::of(folder);
    let found = Found::while_wanted(&store, &segments, identity, pool.heads(), stop)?.ok_or(SettleError::Stopped)?;
    // Not left to be built again: an archive that says one thing twice is not to be trusted.
    let recovered = found.whole()?.recover(&store, &counters)?;
    let next = recovered.next_segment;
    let mut view = recovered.into_view();
    if stop.is_told() {
        return Err(SettleError::Stopped);
    }
    if view.live() as u64 != record.documents {
        return Err(SettleError::Documents { found: view.live() as u64, recorded: record.documents });
    }
    match plan::tail_work(&view.shape(), view.bounds(settings), Pace::Calm) {
        TailWork::Nothing => {}
        TailWork::Extend | TailWork::Seal | TailWork::Checkpoint => {
            let threads = pool.threads();
            Sealing { segments: &segments, next, threads, stop }.seal(&mut view)?;
            keep(&store, &mut view)?;
        }
    }
    Ok(Settled { store, view })
}

/// A dump may go without some segments, for the primary could not link them. Their documents are in the store.
fn forget_missing(store: &Store, dumped: &Dumped<'_>) -> Result<(), SettleError> {
    let missing = missing_segments(dumped.record, &store.segments()?)?;
    if missing.is_empty() {
        return Ok(());
    }
    let shard = dumped.record.shard.0;
    tracing::warn!(shard, ?missing, "the dump goes without some segments: their documents are built again");
    let forgotten = SegmentsChange { put: Vec::new(), removed: missing, replay_after: None };
    Ok(store.commit_segments(&forgotten, Durability::Os)?)
}

struct Sealing<'a> {
    segments: &'a SegmentFolder,
    next: u64,
    threads: usize,
    stop: &'a Stop,
}

impl Sealing<'_> {
    /// Makes segments of the whole tail: one, unless it is too large for that.
    fn seal(&mut self, view: &mut View) -> Result<(), SettleError> {
        let schema = view.schema;
        while !view.tail.table.is_empty() {
            let table = &view.tail.table;
            let to = table.end().min(table.first() + segment_points_max(schema.dim));
            let rows = TailRows::of(table, to);
            if !rows.is_empty() {
                let part = self.build(&rows, view)?;
                view.parts.push(part);
            }
            view.tail.leave(to, &schema);
        }
        Ok(())
    }

    fn build(&mut self, rows: &TailRows, view: &View) -> Result<Part, SettleError> {
        let number = self.next;
        self.next += 1;
        let options = SegmentOptions {
            dim: view.schema.dim,
            metric: view.schema.metric,
            quantization: view.schema.quantization,
            build: BuildOptions {
                hnsw: view.schema.hnsw,
                threads: self.threads,
                seed: number,
                cancelled: self.stop.flag(),
                inserted: &AtomicUsize::new(0),
            },
        };
        let file = self.segments.save(number, rows, options).map_err(|error| match error {
            SaveError::Write(WriteSegmentError::Cancelled(_)) => SettleError::Stopped,
            SaveError::Write(_) | SaveError::Disk(_) | SaveError::Open(_) => SettleError::Seal(error),
        })?;
        Ok(Part::new(Arc::new(file)))
    }
}

/// Has the store know what there is now.
fn keep(store: &Store, view: &mut View) -> Result<(), SettleError> {
    view.replay_after = Some(view.position.seq);
    let put = view.parts.iter().filter_map(Part::unsaved).collect();
    let change = SegmentsChange { put, removed: Vec::new(), replay_after: view.replay_after };
    store.commit_segments(&change, Durability::Fsync)?;
    view.parts.iter_mut().for_each(Part::mark_saved);
    Ok(())
}
