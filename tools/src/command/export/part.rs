//! One file of an export. It has its name once it is whole.

use crate::cli::ExportFormat;
use crate::parquet_file::ParquetWriter;
use annuli_api::v1::document::StoredDocument;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::vector::{UnreadableVector, WireVector};
use annuli_core::Vector;
use parquet::errors::ParquetError;
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be written: {fault}", path.display())]
pub struct PartError {
    path: PathBuf,
    fault: PartFault,
}

/// Why it cannot.
#[derive(Debug, thiserror::Error)]
enum PartFault {
    #[error(transparent)]
    System(#[from] io::Error),
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error("the server sent document `{id}` with a vector that is none: {error}")]
    Vector { id: String, error: UnreadableVector },
    #[error("the server sent document `{id}` without its vector")]
    NoVector { id: String },
}

/// An open file.
pub(super) struct Part {
    name: PathBuf,
    unfinished: PathBuf,
    writer: Writer,
    documents: u64,
}

enum Writer {
    Jsonl(BufWriter<File>),
    Parquet(Box<ParquetWriter>),
}

/// A line, as `annuli import` reads it.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    vector: &'a WireVector,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a WireMetadata>,
}

/// How the names of files end.
pub(super) const fn ending(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Jsonl => "jsonl",
        ExportFormat::Parquet => "parquet",
    }
}

impl Part {
    /// Begins the file of that number, in place of what a run has left that did not finish it.
    pub(super) fn create(folder: &Path, number: u32, format: ExportFormat) -> Result<Self, PartError> {
        let name = folder.join(format!("part-{number:05}.{}", ending(format)));
        let unfinished = folder.join(format!(".part-{number:05}.{}", ending(format)));
        let open = || {
            let file = File::create(&unfinished)?;
            Ok(match format {
                ExportFormat::Jsonl => Writer::Jsonl(BufWriter::new(file)),
                ExportFormat::Parquet => Writer::Parquet(Box::new(ParquetWriter::new(file)?)),
            })
        };
        let writer = open().map_err(|fault| PartError { path: unfinished.clone(), fault })?;
        Ok(Self { name, unfinished, writer, documents: 0 })
    }

    /// How many it has.
    pub(super) fn documents(&self) -> u64 {
        self.documents
    }

    /// Adds documents.
    pub(super) fn add(&mut self, documents: Vec<StoredDocument>) -> Result<(), PartError> {
        self.documents += documents.len() as u64;
        let added = documents.into_iter().try_for_each(|document| self.writer.add(document));
        added.map_err(|fault| PartError { path: self.unfinished.clone(), fault })
    }

    /// Gives it its name.
    pub(super) fn finish(self) -> Result<(), PartError> {
        let Self { name, unfinished, writer, .. } = self;
        let finish = || {
            writer.finish()?.sync_all()?;
            Ok(fs::rename(&unfinished, &name)?)
        };
        finish().map_err(|fault| PartError { path: unfinished.clone(), fault })
    }

    /// Removes it.
    pub(super) fn discard(self) -> Result<(), PartError> {
        fs::remove_file(&self.unfinished).map_err(|error| PartError { path: self.unfinished, fault: error.into() })
    }
}

impl Writer {
    fn add(&mut self, document: StoredDocument) -> Result<(), PartFault> {
        let StoredDocument { id, vector, metadata, .. } = document;
        let Some(vector) = vector else { return Err(PartFault::NoVector { id }) };
        let metadata = metadata.filter(|metadata| !metadata.0.is_empty());
        match self {
            Self::Jsonl(file) => {
                let line = Line { id: &id, vector: &vector, metadata: metadata.as_ref() };
                serde_json::to_writer(&mut *file, &line).map_err(io::Error::from)?;
                file.write_all(b"\n")?;
            }
            Self::Parquet(file) => {
                let vector = Vector::try_from(vector).map_err(|error| PartFault::Vector { id: id.clone(), error })?;
                let metadata = metadata.map(|metadata| serde_json::to_string(&metadata)).transpose();
                file.add(id, vector.as_slice(), metadata.map_err(io::Error::from)?)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<File, PartFault> {
        match self {
            Self::Jsonl(file) => file.into_inner().map_err(|error| error.into_error().into()),
            Self::Parquet(file) => Ok(file.finish()?),
        }
    }
}
