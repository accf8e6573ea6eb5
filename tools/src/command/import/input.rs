//! The files of an import, read in step: row i of the vectors belongs to line i of the others.

mod fault;

pub use fault::{InputError, OpenInputError};

use crate::lines::{self, Line, Lines};
use crate::parquet_file::{ParquetColumns, ParquetFile, ParquetRow};
use crate::vector_file::{Shape, VectorFile};
use annuli_api::v1::document::IndexDocument;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::vector::{WireVector, to_base64};
use annuli_core::{DocId, IndexSchema, Vector};
use fault::{LineFault, VectorFault};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Files that were found to fit each other.
#[derive(Debug)]
pub(super) struct Input {
    path: PathBuf,
    shape: Shape,
    source: Source,
    next: u64,
}

#[derive(Debug)]
enum Source {
    Matrix { vectors: Box<VectorFile>, ids: Option<Lines>, metadata: Option<Lines> },
    Documents(Lines),
    Parquet(Box<ParquetFile>),
}

/// A document, and about how many bytes of a request it takes.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) document: IndexDocument,
    pub(super) bytes: usize,
}

/// A line beside a matrix.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetadataLine {
    id: Option<String>,
    metadata: Option<WireMetadata>,
}

/// A line that is a whole document.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentLine {
    id: String,
    vector: WireVector,
    metadata: Option<WireMetadata>,
}

impl Input {
    /// Opens the files and checks that they have the same number of rows.
    pub(super) fn open(
        path: &Path,
        ids: Option<&Path>,
        metadata: Option<&Path>,
        columns: Option<ParquetColumns>,
    ) -> Result<Self, OpenInputError> {
        let is = |ending| path.extension().is_some_and(|extension| extension == ending);
        if (is("jsonl") || is("parquet")) && (ids.is_some() || metadata.is_some()) {
            return Err(OpenInputError::Complete { path: path.to_owned() });
        }
        if columns.is_some() && !is("parquet") {
            return Err(OpenInputError::NoColumns { path: path.to_owned() });
        }
        let (shape, source) = if is("parquet") {
            let file = ParquetFile::open(path, columns.unwrap_or_default())?;
            (file.shape(), Source::Parquet(Box::new(file)))
        } else if is("jsonl") {
            (shape_of_documents(path)?, Source::Documents(Lines::open(path)?))
        } else {
            let vectors = VectorFile::open(path)?;
            let shape = vectors.shape();
            let beside = |lines: Option<&Path>| lines.map(|lines| open_beside(lines, path, shape.rows)).transpose();
            let (ids, metadata) = (beside(ids)?, beside(metadata)?);
            (shape, Source::Matrix { vectors: Box::new(vectors), ids, metadata })
        };
        if shape.rows == 0 {
            return Err(OpenInputError::Empty { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), shape, source, next: 0 })
    }

    /// Number and size of the vectors.
    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Passes over rows.
    pub(super) fn skip(&mut self, rows: u64) -> Result<(), InputError> {
        let rows = rows.min(self.shape.rows);
        let skip_lines = |lines: &mut Lines| (0..rows).try_for_each(|_| lines.next_line().map(drop));
        match &mut self.source {
            Source::Documents(lines) => skip_lines(lines)?,
            Source::Parquet(file) => file.skip_rows(rows)?,
            Source::Matrix { vectors, ids, metadata } => {
                // Behind the last row there is none to go to.
                if rows < self.shape.rows {
                    vectors.seek(rows)?;
                }
                [ids, metadata].into_iter().flatten().try_for_each(skip_lines)?;
            }
        }
        self.next = rows;
        Ok(())
    }

    /// The next document, fit for an index of that schema.
    pub(super) fn next(&mut self, schema: &IndexSchema) -> Result<Option<Measured>, InputError> {
        let row = self.next;
        self.next += 1;
        match &mut self.source {
            Source::Documents(lines) => match lines.next_line()? {
                Some(line) => Ok(Some(document_of_line(&line, schema).map_err(at(lines, line.number))?)),
                None => Ok(None),
            },
            Source::Parquet(file) => match file.next_row()? {
                Some(cells) => document_of_row(&self.path, row, cells, schema).map(Some),
                None => Ok(None),
            },
            Source::Matrix { .. } if row >= self.shape.rows => Ok(None),
            Source::Matrix { vectors, ids, metadata } => {
                let Some(vector) = vectors.next_row()? else { return Ok(None) };
                let at_row = |fault| InputError::Row { path: self.path.clone(), row, fault };
                let vector = Vector::new(vector).map_err(VectorFault::from);
                let vector = vector.and_then(|vector| encode(&vector, schema)).map_err(at_row)?;
                let id = ids.as_mut().map(next_id).transpose()?;
                let beside = metadata.as_mut().map(next_metadata).transpose()?.unwrap_or_default();
                let bytes = vector.len() + beside.bytes;
                let id = match (id, beside.id, metadata) {
                    (Some(id), _, _) | (None, Some(id), _) => id,
                    (None, None, Some(lines)) => return Err(at(lines, row + 1)(LineFault::NoId)),
                    (None, None, None) => row.to_string(),
                };
                Ok(Some(measured(id, WireVector::Base64(vector), beside.metadata, bytes)))
            }
        }
    }
}

/// Bytes of a document in a request beside its vector and metadata: names, quotes, braces, the id.
const FRAME_BYTES: usize = 64;

fn measured(id: String, vector: WireVector, metadata: Option<WireMetadata>, bytes: usize) -> Measured {
    let bytes = bytes + id.len() + FRAME_BYTES;
    Measured { document: IndexDocument { id, vector, metadata, if_seq: None }, bytes }
}

/// Counts the lines, and takes the dimension of the first for that of all: each is checked when it is read.
fn shape_of_documents(path: &Path) -> Result<Shape, OpenInputError> {
    let rows = lines::count(path)?;
    let mut lines = Lines::open(path)?;
    let Some(line) = lines.next_line()? else { return Err(OpenInputError::Empty { path: path.to_owned() }) };
    let dim = vector_of_line(&line).map_err(at(&lines, line.number))?.dim();
    Ok(Shape { rows, dim })
}

fn vector_of_line(line: &Line) -> Result<Vector, LineFault> {
    let document: DocumentLine = serde_json::from_str(&line.text)?;
    Ok(Vector::try_from(document.vector).map_err(VectorFault::from)?)
}

fn document_of_line(line: &Line, schema: &IndexSchema) -> Result<Measured, LineFault> {
    let DocumentLine { id, vector, metadata } = serde_json::from_str(&line.text)?;
    DocId::new(&id)?;
    let vector = encode(&Vector::try_from(vector).map_err(VectorFault::from)?, schema)?;
    Ok(measured(id, WireVector::Base64(vector), metadata, line.text.len()))
}

fn document_of_row(path: &Path, row: u64, cells: ParquetRow, schema: &IndexSchema) -> Result<Measured, InputError> {
    let ParquetRow { id, vector, metadata } = cells;
    DocId::new(&id).map_err(|fault| InputError::Id { path: path.to_owned(), row, fault })?;
    let vector = Vector::new(vector).map_err(VectorFault::from).and_then(|vector| encode(&vector, schema));
    let vector = vector.map_err(|fault| InputError::Row { path: path.to_owned(), row, fault })?;
    let bytes = metadata.as_ref().map_or(0, json_bytes) + vector.len();
    Ok(measured(id, WireVector::Base64(vector), metadata, bytes))
}

/// How long metadata is as JSON.
fn json_bytes(metadata: &WireMetadata) -> usize {
    serde_json::to_string(metadata).map_or(0, |text| text.len())
}

fn encode(vector: &Vector, schema: &IndexSchema) -> Result<String, VectorFault> {
    schema.check(vector)?;
    Ok(to_base64(vector.as_slice()))
}

/// A file of lines that has as many as the matrix has rows.
fn open_beside(path: &Path, vectors: &Path, rows: u64) -> Result<Lines, OpenInputError> {
    let lines = lines::count(path)?;
    if lines != rows {
        return Err(OpenInputError::Uneven { path: path.to_owned(), lines, vectors: vectors.to_owned(), rows });
    }
    Ok(Lines::open(path)?)
}

fn next_id(lines: &mut Lines) -> Result<String, InputError> {
    let line = next_line(lines)?;
    DocId::new(&line.text).map_err(|error| at(lines, line.number)(error.into()))?;
    Ok(line.text)
}

#[derive(Default)]
struct Beside {
    id: Option<String>,
    metadata: Option<WireMetadata>,
    bytes: usize,
}

fn next_metadata(lines: &mut Lines) -> Result<Beside, InputError> {
    let line = next_line(lines)?;
    let parsed = serde_json::from_str(&line.text).map_err(LineFault::from);
    let MetadataLine { id, metadata } = parsed.map_err(at(lines, line.number))?;
    if let Some(id) = &id {
        DocId::new(id).map_err(|error| at(lines, line.number)(error.into()))?;
    }
    Ok(Beside { id, metadata, bytes: line.text.len() })
}

fn next_line(lines: &mut Lines) -> Result<Line, InputError> {
    lines.next_line()?.ok_or_else(|| InputError::Shrunk { path: lines.path().to_owned() })
}

fn at(lines: &Lines, number: u64) -> impl Fn(LineFault) -> InputError {
    let path = lines.path().to_owned();
    move |fault| InputError::Line { path: path.clone(), number, fault }
}

#[cfg(test)]
mod tests;
