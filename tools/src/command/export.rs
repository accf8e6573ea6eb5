//! `annuli export`: the documents of an index become files of a folder.
//!
//! Pages of documents are asked for one behind the other and added to a part; a whole part gets its name, and then the
//! state beside it says so. Modules in reading order.

mod state;

mod part;

pub use part::PartError;
pub use state::OtherExport;

use crate::checkpoint::CheckpointError;
use crate::cli::{ExportArgs, ExportFormat, OutputFormat};
use crate::client::{Client, ClientError, InvalidUrl, Server};
use crate::command::progress::{Progress, Unit};
use crate::{clock, output};
use annuli_api::v1::document::{CountRequest, ListQuery, ListReply};
use annuli_api::v1::vector::VectorEncoding;
use part::Part;
use serde::Serialize;
use state::{About, State};
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs, io};

/// How often a page is asked for again of a server that is busy.
const RETRIES_MAX: u32 = 20;

/// Wait before a page is asked for again, when the server does not say how long.
const WAIT_DEFAULT: Duration = Duration::from_secs(1);

/// Longest wait that is believed: beyond this somebody should look.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Why an export is not complete. The same command again goes on behind the last whole file.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The filter cannot be read.
    #[error("--filter is not the JSON that it should be: {0}")]
    Filter(serde_json::Error),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The folder cannot be made.
    #[error("the folder `{}` cannot be made: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The folder's state cannot be used.
    #[error(transparent)]
    State(#[from] CheckpointError),
    /// The folder holds something else.
    #[error(transparent)]
    Other(#[from] Box<OtherExport>),
    /// A file cannot be written.
    #[error(transparent)]
    Part(#[from] PartError),
    /// The summary could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// What an export has done.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Summary {
    /// Documents in all files, those of earlier runs too.
    documents: u64,
    /// Files.
    parts: u32,
    /// Time that this run took.
    seconds: f64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { documents, parts, seconds } = self;
        write!(f, "{documents} documents in {parts} files, {seconds:.1} s")
    }
}

/// Exports an index, and prints what was done.
pub fn run(args: &ExportArgs, server: &Server, format: OutputFormat) -> Result<(), ExportError> {
    let client = Client::of(server, 1)?;
    let filter = args.filter.as_deref().map(serde_json::from_str).transpose().map_err(ExportError::Filter)?;
    let index = client.index(&args.index)?.uuid;
    let total = client.count(&args.index, &CountRequest { filter, ..CountRequest::default() })?.count;
    let folder = |error| ExportError::Folder { path: args.folder.clone(), error };
    fs::create_dir_all(&args.folder).map_err(folder)?;
    let mut state = State::open(&args.folder, &About::new(index, args))?;

    let began = clock::now();
    let mut progress = Progress::open(Unit::Documents, total, began);
    let done = export(&client, args, &mut state, &mut progress);
    progress.close();
    done?;
    let seconds = clock::now().duration_since(began).as_secs_f64();
    let summary = Summary { documents: state.documents, parts: state.parts, seconds };
    match format {
        OutputFormat::Table => output::text(&format!("{summary}\n"))?,
        OutputFormat::Json => output::json(&summary)?,
    }
    Ok(())
}

fn export(client: &Client, args: &ExportArgs, state: &mut State, progress: &mut Progress) -> Result<(), ExportError> {
    while !state.is_complete {
        let mut cursor = state.cursor.clone();
        let mut part = Part::create(&args.folder, state.parts, args.format)?;
        while part.documents() < args.part_documents && !state.is_complete {
            let limit = args.page.min(args.part_documents - part.documents());
            let page = page(client, args, cursor.take(), limit)?;
            part.add(page.documents)?;
            progress.show(state.documents + part.documents(), clock::now());
            cursor = page.next;
            state.is_complete = cursor.is_none();
        }
        state.cursor = cursor;
        state.documents += part.documents();
        // The last one may have been full by chance; of an empty index there is an empty file.
        if part.documents() > 0 || state.parts == 0 {
            part.finish()?;
            state.parts += 1;
        } else {
            part.discard()?;
        }
        state.write()?;
    }
    Ok(())
}

/// A page, which is asked for again while the server is busy.
fn page(client: &Client, args: &ExportArgs, cursor: Option<String>, limit: u64) -> Result<ListReply, ClientError> {
    let query = ListQuery {
        cursor,
        limit: usize::try_from(limit).ok(),
        filter: args.filter.clone(),
        include: Some("metadata,vector".to_owned()),
        vector_encoding: match args.format {
            // It is passed on as it comes.
            ExportFormat::Jsonl => None,
            ExportFormat::Parquet => Some(VectorEncoding::Base64),
        },
        ..ListQuery::default()
    };
    let mut retries = 0;
    loop {
        let error = match client.list_documents(&args.index, &query) {
            Err(error) if error.is_transient() && retries < RETRIES_MAX => error,
            answer => return answer,
        };
        retries += 1;
        let wait = error.retry_after().unwrap_or(WAIT_DEFAULT).min(WAIT_MAX);
        tracing::info!("the server is busy, waiting {} s: {error}", wait.as_secs());
        clock::pause(wait);
    }
}
