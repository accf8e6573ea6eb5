//! Why files cannot be imported.

use crate::lines::LinesError;
use crate::parquet_file::ParquetFileError;
use crate::vector_file::VectorFileError;
use annuli_api::v1::vector::UnreadableVector;
use annuli_core::id::InvalidDocId;
use annuli_core::schema::UnfitVector;
use annuli_core::vector::InvalidVector;
use std::path::PathBuf;

/// Files that cannot be imported, or not together.
#[derive(Debug, thiserror::Error)]
pub enum OpenInputError {
    /// No format, by its name.
    #[error("`{}` is of no known format: its name must end in .npy, .fvecs, .hdf5, .jsonl or .parquet", path.display())]
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
    /// A file of columns cannot be used.
    #[error(transparent)]
    Parquet(#[from] ParquetFileError),
    /// Columns of a file that has none.
    #[error("`{}` has no columns: leave out --id-column, --vector-column and --fields", path.display())]
    NoColumns {
        /// The file.
        path: PathBuf,
    },
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
        // An import reads more formats.
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
    /// A file of columns cannot be read on.
    #[error(transparent)]
    Parquet(#[from] ParquetFileError),
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
    /// An id that none can have.
    #[error("`{}`, row {row}: {fault}", path.display())]
    Id {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: u64,
        /// What is wrong with it.
        fault: InvalidDocId,
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

/// A line is JSON of its own, so that "line 1" of it would only mislead.
fn in_one_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(fault) => format!("{fault} (column {})", error.column()),
        None => text,
    }
}
