//! How far an export is: `_export.json` in its folder.

use crate::checkpoint::{self, CheckpointError};
use crate::cli::ExportArgs;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use uuid::Uuid;

use super::ExportError;

/// Readers of folders of Parquet pass over what begins with `_` or a dot.
const NAME: &str = "_export.json";

/// What is exported, and into what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    #[serde(with = "uuid::serde::hyphenated")]
    index: Uuid,
    filter: Option<String>,
    format: String,
    part_documents: u64,
}

impl About {
    pub(super) fn new(index: Uuid, args: &ExportArgs) -> Self {
        let format = super::part::ending(args.format).to_owned();
        Self { index, filter: args.filter.clone(), format, part_documents: args.part_documents }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    about: About,
    parts: u32,
    documents: u64,
    cursor: Option<String>,
    is_complete: bool,
}

/// A folder that holds another export.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{}` holds the export of another index, or one with another --format, --filter or --part-documents: choose another \
     folder, or remove it", path.display()
)]
pub struct OtherExport {
    path: PathBuf,
}

/// The state of a folder.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    about: About,
    /// Whole files.
    pub(super) parts: u32,
    /// Documents in them.
    pub(super) documents: u64,
    /// Where the next one begins.
    pub(super) cursor: Option<String>,
    /// Whether there is no next one.
    pub(super) is_complete: bool,
}

impl State {
    /// What an earlier run has left, or the beginning.
    pub(super) fn open(folder: &Path, about: &About) -> Result<Self, ExportError> {
        let path = folder.join(NAME);
        let new = Record { about: about.clone(), parts: 0, documents: 0, cursor: None, is_complete: false };
        let record = checkpoint::read(&path)?.unwrap_or(new);
        if record.about != *about {
            return Err(Box::new(OtherExport { path: folder.to_owned() }).into());
        }
        let Record { about, parts, documents, cursor, is_complete } = record;
        Ok(Self { path, about, parts, documents, cursor, is_complete })
    }

    /// Leaves it for the next run.
    pub(super) fn write(&self) -> Result<(), CheckpointError> {
        let Self { path, about, parts, documents, cursor, is_complete } = self;
        let (about, cursor) = (about.clone(), cursor.clone());
        let record = Record { about, parts: *parts, documents: *documents, cursor, is_complete: *is_complete };
        checkpoint::write(path, &record)
    }
}
