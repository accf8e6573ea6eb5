//! An import without a server: the rows of a file become an index of a workspace that no server has open.
//!
//! One thread reads; the calling thread stores what a server would take, and then all cores build.

use super::batches::{Batch, Batches};
use super::input::{Input, InputError};
use super::ledger::Summary;
use super::target::schema_of;
use crate::cli::ImportArgs;
use crate::clock;
use crate::command::progress::{Progress, Unit};
use crate::config::Settings;
use crate::serve::{OpenError, open_workspace};
use annuli_api::{Failure, Index};
use annuli_core::IndexUuid;
use annuli_indexer::workspace::{Bulk, BulkError};
use annuli_router::write::parse_document;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::convert::Infallible;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use uuid::Uuid;

/// Batches that wait to be stored: the reader is one ahead, which is enough, for it is the slower.
const BATCHES_WAITING_MAX: usize = 1;

/// Between two looks how much of the graphs is built.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Why no index was made. Nothing of it is there.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// No index can be as it was asked for.
    #[error(transparent)]
    Schema(Failure),
    /// The workspace does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A row cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A row that a server would refuse.
    #[error("row {row}: {reason}")]
    Row {
        /// From 0.
        row: u64,
        /// Why.
        reason: Failure,
    },
    /// The index was not filled.
    #[error(transparent)]
    Bulk(#[from] BulkError),
}

/// Imports a file into a new index of the workspace `root`.
pub(super) fn import(input: Input, args: &ImportArgs, root: &Path) -> Result<Summary, OfflineError> {
    let (began, shape) = (clock::now(), input.shape());
    let settings = Settings { workspace: root.to_owned(), ..Settings::default() };
    let metric = args.metric.expect("clap requires it");
    let schema = schema_of(args, shape.dim, metric).schema(settings.shards).map_err(OfflineError::Schema)?;
    let workspace = open_workspace(&settings)?;
    let to_be = Index { name: args.index.clone(), uuid: IndexUuid(Uuid::nil()), schema, shards: Vec::new() };
    let mut bulk = workspace.bulk(&args.index, schema)?;

    let batch = usize::try_from(args.batch).expect("clap bounds it");
    let batches = Batches::from_row(input, 0, schema, batch)?;
    let mut progress = Progress::open(Unit::Rows, shape.rows, began);
    let rows = fill(&mut bulk, batches, &to_be, &mut progress);
    progress.close();
    let rows = rows?;

    let documents = build(bulk, rows)?;
    workspace.close();
    Ok(Summary::new(documents, rows - documents, clock::now().duration_since(began)))
}

/// Stores every row; returns how many there were.
fn fill(bulk: &mut Bulk, mut batches: Batches, to_be: &Index, progress: &mut Progress) -> Result<u64, OfflineError> {
    let (queue, queued) = bounded(BATCHES_WAITING_MAX);
    thread::scope(|scope| {
        scope.spawn(move || read(&mut batches, &queue));
        let mut stored = 0;
        // Ours, so that the reader notices when it is gone.
        for batch in queued {
            let Batch { rows, documents } = batch?;
            stored = rows.end;
            for (row, document) in rows.zip(documents) {
                let parsed = parse_document(to_be, document).map_err(|reason| OfflineError::Row { row, reason });
                let (id, vector, metadata) = parsed?;
                bulk.add(id, vector, metadata)?;
            }
            progress.show(stored, clock::now());
        }
        Ok(stored)
    })
}

fn read(batches: &mut Batches, queue: &Sender<Result<Batch, InputError>>) {
    while let Some(batch) = batches.next().transpose() {
        let failed = batch.is_err();
        if queue.send(batch).is_err() || failed {
            return;
        }
    }
}

/// Has the graphs built; returns how many documents there are.
fn build(bulk: Bulk, rows: u64) -> Result<u64, BulkError> {
    let built = AtomicUsize::new(0);
    let mut progress = Progress::open(Unit::Documents, rows, clock::now());
    let (working, ended) = bounded::<Infallible>(0);
    let finished = thread::scope(|scope| {
        let building = scope.spawn(|| {
            let _until_here = working;
            bulk.finish(&built)
        });
        while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            progress.show(built.load(Ordering::Relaxed) as u64, clock::now());
        }
        building.join()
    });
    progress.close();
    finished.unwrap_or_else(|panic| resume_unwind(panic))
}
