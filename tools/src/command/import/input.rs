//! The files of an import, read in step: row i of the vectors belongs to line i of the others.

use crate::lines::{self, Line, Lines, LinesError};
use crate::vector_file::{Shape, VectorFile, VectorFileError};
use annuli_api::v1::document::IndexDocument;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::vector::{UnreadableVector, WireVector, to_base64};
use annuli_core::id::InvalidDocId;
use annuli_core::schema::UnfitVector;
use annuli_core::vector::InvalidVector;
use annuli_core::{DocId, IndexSchema, Vector};
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
}

/// A document, and about how many bytes of a request it takes.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) document: IndexDocument,
    pub(super) bytes: usize,
}

/// Files that cannot be imported, or not together.
#[derive(Debug, thiserror::Error)]
pub enum OpenInputError {
    /// No format, by its name.
    #[error("`{}` is of no known format: its name must end in .npy, .fvecs or .jsonl", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The vectors cannot be used.
    #[error(transparent)]
    Vectors(VectorFileError),
    /// A file of lines cannot be read.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// The first document, which says how long the vectors are, cannot be read.
    #[error(transparent)]
    First(#[from] InputError),
    /// Lengths that differ.
    #[error("`{}` has {lines} lines, `{}` has {rows} rows: line i belongs to row i", path.display(), vectors.display())]
    Uneven {
        /// The file of lines.
        path: PathBuf,
        /// How many it has.
        lines: u64,
        /// The file of vectors.
        vectors: PathBuf,
        /// How many it has.
        rows: u64,
    },
    /// Files beside one that has everything.
    #[error("`{}` has ids and metadata of its own: leave out --ids and --metadata", path.display())]
    Complete {
        /// The file.
        path: PathBuf,
    },
    /// Nothing to import.
    #[error("`{}` has no documents", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl From<VectorFileError> for OpenInputError {
    fn from(error: VectorFileError) -> Self {
        // An import reads one format more.
        if let VectorFileError::UnknownFormat { path } = error {
            Self::UnknownFormat { path }
        } else {
            Self::Vectors(error)
        }
    }
}

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The vectors cannot be read on.
    #[error(transparent)]
    Vectors(#[from] VectorFileError),
    /// A file of lines cannot be read on.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// A line that is not what it should be.
    #[error("`{}`, line {number}: {fault}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line.
        number: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// A vector that the index cannot take.
    #[error("`{}`, row {row}: the vector {fault}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: u64,
        /// What is wrong with it.
        fault: VectorFault,
    },
    /// A file that became shorter.
    #[error("`{}` has fewer lines than when the import began", path.display())]
    Shrunk {
        /// The file.
        path: PathBuf,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub enum LineFault {
    /// Not JSON, or not the object that belongs there.
    #[error("{}", in_one_line(.0))]
    Json(#[from] serde_json::Error),
    /// Nothing to call the document by.
    #[error("it has no `id`, and there is no --ids")]
    NoId,
    /// An id that none can have.
    #[error(transparent)]
    Id(#[from] InvalidDocId),
    /// A vector that the index cannot take.
    #[error("the vector {0}")]
    Vector(#[from] VectorFault),
}

/// What is wrong with a vector.
#[derive(Debug, thiserror::Error)]
pub enum VectorFault {
    /// Not numbers.
    #[error(transparent)]
    Unreadable(#[from] UnreadableVector),
    /// Not finite, or too large.
    #[error(transparent)]
    Invalid(#[from] InvalidVector),
    /// Not for this index.
    #[error(transparent)]
    Unfit(#[from] UnfitVector),
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
    pub(super) fn open(path: &Path, ids: Option<&Path>, metadata: Option<&Path>) -> Result<Self, OpenInputError> {
        let (shape, source) = if path.extension().is_some_and(|extension| extension == "jsonl") {
            if ids.is_some() || metadata.is_some() {
                return Err(OpenInputError::Complete { path: path.to_owned() });
            }
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

    /// The next document, fit for an index of that schema.
    pub(super) fn next(&mut self, schema: &IndexSchema) -> Result<Option<Measured>, InputError> {
        let row = self.next;
        self.next += 1;
        match &mut self.source {
            Source::Documents(lines) => match lines.next_line()? {
                Some(line) => Ok(Some(document_of_line(&line, schema).map_err(at(lines, line.number))?)),
                None => Ok(None),
            },
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

/// A line is JSON of its own, so that "line 1" of it would only mislead.
fn in_one_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(fault) => format!("{fault} (column {})", error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
