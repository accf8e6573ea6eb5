//! `annuli import`: the rows of a file become documents of an index.
//!
//! ```text
//! Input ──rows──▶ Batches ──bounded queue──▶ connections ──outcomes──▶ Ledger ──▶ progress, summary
//! (files, in step; one thread)               (one thread each)         (the calling thread)
//! ```
//!
//! Memory is bounded by the batches in the queue and on their way, whatever the file's size. Modules in reading order.

mod input;

mod batches;

mod target;

mod ledger;
mod pipeline;

pub use input::{InputError, OpenInputError};
pub use ledger::{StoredRows, Summary};
pub use pipeline::{StopCause, Stopped};
pub use target::TargetError;

use crate::cli::{ImportArgs, OutputFormat};
use crate::client::{Client, InvalidUrl, Server};
use crate::command::progress::{Progress, Unit};
use crate::{clock, output};
use batches::Batches;
use input::Input;
use std::io;

/// Why an import is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// A file cannot be used. Nothing was written.
    #[error(transparent)]
    Open(#[from] OpenInputError),
    /// The index cannot take the file. Nothing was written.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It stopped on the way.
    #[error(transparent)]
    Stopped(#[from] Box<Stopped>),
    /// The summary could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Imports a file, and prints what was done.
pub fn run(args: &ImportArgs, server: &Server, format: OutputFormat) -> Result<(), ImportError> {
    let connections = usize::try_from(args.connections).expect("clap bounds it");
    let client = Client::of(server, connections)?;
    // Everything that can be known to be wrong is, before anything is written.
    let input = Input::open(&args.file, args.ids.as_deref(), args.metadata.as_deref())?;
    let shape = input.shape();
    let schema = target::find_or_create(&client, args, shape.dim)?;

    let began = clock::now();
    let mut progress = Progress::open(Unit::Rows, shape.rows, began);
    let batches = Batches::new(input, schema, usize::try_from(args.batch).expect("clap bounds it"));
    let watch = &mut |ledger: &ledger::Ledger| progress.show(ledger.rows(), clock::now());
    let done = pipeline::run(&client, &args.index, batches, connections, shape.rows, watch);
    progress.close();
    let summary = Summary::of(&done?, clock::now().duration_since(began));
    match format {
        OutputFormat::Table => output::text(&format!("{summary}\n"))?,
        OutputFormat::Json => output::json(&summary)?,
    }
    Ok(())
}
