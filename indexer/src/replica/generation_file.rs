//! `generation.json`: which dump a generation is, and what its files were when they came.

use crate::workspace::DiskFault;
use crate::workspace::json_file::{self, JsonFileError};
use annuli_core::{HistoryId, Seq};
use annuli_dump::{DumpId, InvalidDumpId, ShardRecord};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use uuid::Uuid;

const FILE: &str = "generation.json";

#[derive(Serialize, Deserialize)]
struct GenerationFile {
    dump: Uuid,
    history: Uuid,
    seq: u64,
    files: Vec<FileRow>,
}

#[derive(Serialize, Deserialize)]
struct FileRow {
    path: String,
    bytes: u64,
    blake3: String,
}

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) dump: DumpId,
    pub(super) history: HistoryId,
    pub(super) seq: Seq,
    pub(super) files: Vec<KeptFile>,
}

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeptFile {
    /// In the folder of the generation, as in the archive.
    pub(super) path: String,
    pub(super) bytes: u64,
    /// Of its content, as hex text.
    pub(super) blake3: String,
}

/// Why the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GenerationFileError {
    /// There is none: what is there was not made by this program.
    #[error("`{}` is not there", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is not a file of this release.
    #[error(transparent)]
    File(#[from] JsonFileError),
    /// A dump that no release names so.
    #[error("`{}`: {reason}", path.display())]
    Dump {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: InvalidDumpId,
    },
}

pub(super) fn read(folder: &Path) -> Result<Kept, GenerationFileError> {
    let path = folder.join(FILE);
    let Some(file) = json_file::read::<GenerationFile>(&path)? else {
        return Err(GenerationFileError::Missing { path });
    };
    let dump = DumpId::new(file.dump).map_err(|reason| GenerationFileError::Dump { path, reason })?;
    let kept = |FileRow { path, bytes, blake3 }| KeptFile { path, bytes, blake3 };
    let files = file.files.into_iter().map(kept).collect();
    Ok(Kept { dump, history: HistoryId(file.history), seq: Seq(file.seq), files })
}

pub(super) fn write(folder: &Path, dump: DumpId, record: &ShardRecord) -> Result<(), DiskFault> {
    let row = |entry: &annuli_dump::EntryRecord| FileRow {
        path: entry.path.as_str().to_owned(),
        bytes: entry.bytes,
        blake3: entry.blake3.to_hex().to_string(),
    };
    let file = GenerationFile {
        dump: dump.uuid(),
        history: record.history.0,
        seq: record.seq.0,
        files: record.archive.entries().iter().map(row).collect(),
    };
    json_file::write(&folder.join(FILE), file)
}
