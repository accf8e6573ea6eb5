//! `annuli import`: the rows of a file become documents of an index.
//!
//! ```text
//! Input ──rows──▶ Batches ──bounded queue──▶ connections ──outcomes──▶ Ledger ──▶ progress, summary
//! (files, in step; one thread)               (one thread each)         (the calling thread)
//! ```
//!
//! A checkpoint keeps how many rows are stored, for the next run. Without a server the same batches go straight into an index
//! of a workspace (`offline`). Memory is bounded by the batches in the queue and on their way, whatever the file's size.
//! Modules in reading order.

mod input;

mod batches;

mod target;

mod checkpoint;
mod ledger;
mod pipeline;

mod offline;

pub use checkpoint::{OpenCheckpointError, OtherImport};
pub use input::{InputError, OpenInputError};
pub use ledger::{StoredRows, Summary};
pub use offline::OfflineError;
pub use pipeline::{StopCause, Stopped};
pub use target::TargetError;

use crate::checkpoint::CheckpointError;
use crate::cli::{ImportArgs, OutputFormat};
use crate::client::{Client, InvalidServer, InvalidUrl, Server};
use crate::command::progress::{Progress, Unit};
use crate::{clock, output};
use batches::Batches;
use checkpoint::{About, Checkpoint};
use input::Input;
use ledger::Ledger;
use std::{fs, io};
use uuid::Uuid;

/// Why an import is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The server cannot be talked to as was said.
    #[error(transparent)]
    Server(#[from] InvalidServer),
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// A file cannot be used. Nothing was written.
    #[error(transparent)]
    Open(#[from] OpenInputError),
    /// The index cannot take the file. Nothing was written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The checkpoint is of another import, or cannot be used.
    #[error(transparent)]
    OpenCheckpoint(#[from] OpenCheckpointError),
    /// The rows before the checkpoint cannot be passed over.
    #[error(transparent)]
    Skip(#[from] InputError),
    /// The checkpoint cannot be written any more. What was imported is stored.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It stopped on the way.
    #[error(transparent)]
    Stopped(#[from] Box<Stopped>),
    /// No index was made in the workspace.
    #[error("nothing was imported: {0}")]
    Offline(#[from] OfflineError),
    /// The summary could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Imports a file, and prints what was done. `server` is asked for where one is talked to.
pub fn run(
    args: &ImportArgs,
    server: impl FnOnce() -> Result<Server, InvalidServer>,
    format: OutputFormat,
) -> Result<(), ImportError> {
    let summary = match &args.workspace {
        Some(root) => offline::import(open_input(args)?, args, root)?,
        None => import(args, &server()?)?,
    };
    match format {
        OutputFormat::Table => output::text(&format!("{summary}\n"))?,
        OutputFormat::Json => output::json(&summary)?,
    }
    Ok(())
}

fn open_input(args: &ImportArgs) -> Result<Input, OpenInputError> {
    Input::open(&args.file, args.ids.as_deref(), args.metadata.as_deref(), args.columns())
}

fn import(args: &ImportArgs, server: &Server) -> Result<Summary, ImportError> {
    let connections = usize::try_from(args.connections).expect("clap bounds it");
    let client = Client::of(server, connections)?;
    // Everything that can be known to be wrong is, before anything is written.
    let input = open_input(args)?;
    let shape = input.shape();
    let target = target::find_or_create(&client, args, shape.dim)?;
    let mut checkpoint = open_checkpoint(args, target.uuid, shape.rows)?;
    let stored = checkpoint.as_ref().map_or(0, Checkpoint::stored);

    let began = clock::now();
    let mut progress = Progress::open(Unit::Rows, shape.rows, began);
    let batch = usize::try_from(args.batch).expect("clap bounds it");
    let batches = Batches::from_row(input, stored, target.schema, batch)?;
    let mut written = Ok(());
    let watch = &mut |ledger: &Ledger| {
        let now = clock::now();
        progress.show(ledger.rows(), now);
        if let (Some(checkpoint), Ok(())) = (&mut checkpoint, &written) {
            written = checkpoint.reach(ledger.stored_from_first(), now);
        }
    };
    let ledger = Ledger::beginning_with(stored, shape.rows);
    let done = pipeline::run(&client, &args.index, batches, connections, ledger, watch);
    progress.close();
    if let (Some(checkpoint), Ok(())) = (&mut checkpoint, &written) {
        written = checkpoint.write(clock::now());
    }
    // Why it has stopped is more to know than that the next run begins with an older checkpoint.
    let done = done?;
    written?;
    Ok(Summary::of(&done, clock::now().duration_since(began)))
}

fn open_checkpoint(args: &ImportArgs, index: Uuid, rows: u64) -> Result<Option<Checkpoint>, ImportError> {
    let Some(path) = &args.checkpoint else { return Ok(None) };
    let bytes = fs::metadata(&args.file).map_or(0, |about| about.len());
    Ok(Some(Checkpoint::open(path, About { index, bytes, rows }, clock::now())?))
}
