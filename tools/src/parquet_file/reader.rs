//! Reads documents out of a Parquet file.

use super::cell::{self, CellFault};
use super::vectors::Vectors;
use crate::vector_file::Shape;
use annuli_api::v1::metadata::WireMetadata;
use annuli_core::Value;
use annuli_core::value::Object;
use annuli_core::vector::{Dim, InvalidDim};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The column that holds all metadata of a document as one JSON object, as our own export writes it.
const METADATA: &str = "metadata";

/// Which columns a document is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetColumns {
    /// The one with ids.
    pub id: String,
    /// The one with vectors.
    pub vector: String,
    /// Those that become metadata; all others if absent.
    pub fields: Option<Vec<String>>,
}

impl Default for ParquetColumns {
    fn default() -> Self {
        Self { id: "id".to_owned(), vector: "vector".to_owned(), fields: None }
    }
}

/// An open file of documents, before its first row.
#[derive(Debug)]
pub struct ParquetFile {
    shape: Shape,
    rows: Rows,
}

struct Rows {
    path: PathBuf,
    columns: ParquetColumns,
    count: u64,
    /// The vectors, where they can be read by themselves; else they are among the cells.
    vectors: Option<Vectors>,
    cells: RowIter<'static>,
    next: u64,
}

/// A document as it stands in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct ParquetRow {
    /// Its id, which has not been checked.
    pub id: String,
    /// Its vector, which has not been checked.
    pub vector: Vec<f32>,
    /// Its metadata, if there is any.
    pub metadata: Option<WireMetadata>,
}

/// A file of documents that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ParquetFileError {
    /// The system refused.
    #[error("`{}` cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Not Parquet, or damaged, or of a kind that is not read here.
    #[error("`{}` is no Parquet file that can be read: {error}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ParquetError,
    },
    /// No such column.
    #[error("`{}` has no column `{column}`; there are {}: see --id-column, --vector-column and --fields", path.display(), there_are.join(", "))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Those that it has.
        there_are: Vec<String>,
    },
    /// No rows.
    #[error("`{}` has no documents", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A first vector that none can be.
    #[error("`{}`, row 0: column `{column}`: {error}", path.display())]
    Dim {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it.
        error: InvalidDim,
    },
    /// A cell that cannot be used.
    #[error("`{}`, row {row}: column `{column}` {fault}", path.display())]
    Cell {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: u64,
        /// The column.
        column: String,
        /// What is wrong with it.
        fault: CellFault,
    },
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("path", &self.path).field("next", &self.next).finish_non_exhaustive()
    }
}

impl ParquetFile {
    /// Opens a file, and reads its first vector, whose size is taken for that of all.
    pub fn open(path: &Path, columns: ParquetColumns) -> Result<Self, ParquetFileError> {
        let mut ahead = Rows::open(path, columns.clone())?;
        let Some(first) = ahead.next()? else { return Err(ParquetFileError::Empty { path: path.to_owned() }) };
        let dim = Dim::new(first.vector.len() as u64).map_err(|error| ParquetFileError::Dim {
            path: path.to_owned(),
            column: columns.vector.clone(),
            error,
        })?;
        let rows = Rows::open(path, columns)?;
        Ok(Self { shape: Shape { rows: rows.count, dim }, rows })
    }

    /// Number and size of the vectors.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The next row; `None` behind the last.
    pub fn next_row(&mut self) -> Result<Option<ParquetRow>, ParquetFileError> {
        self.rows.next()
    }

    /// Passes over rows.
    pub fn skip_rows(&mut self, rows: u64) -> Result<(), ParquetFileError> {
        for _ in 0..rows {
            if !self.rows.skip()? {
                break;
            }
        }
        Ok(())
    }
}

impl Rows {
    fn open(path: &Path, columns: ParquetColumns) -> Result<Self, ParquetFileError> {
        let open = || -> Result<_, ParquetFileError> {
            let file = File::open(path).map_err(|error| ParquetFileError::Read { path: path.to_owned(), error })?;
            SerializedFileReader::new(file).map_err(|error| ParquetFileError::Format { path: path.to_owned(), error })
        };
        let reader = open()?;
        let about = reader.metadata().file_metadata();
        let count = u64::try_from(about.num_rows()).unwrap_or(0);
        check_columns(path, &columns, about.schema())?;
        let vectors = Vectors::open(open()?, &columns.vector);
        let format = |error| ParquetFileError::Format { path: path.to_owned(), error };
        let projection = projection(&columns, about.schema(), vectors.is_some()).map_err(format)?;
        let cells = RowIter::from_file_into(Box::new(reader)).project(Some(projection)).map_err(format)?;
        Ok(Self { path: path.to_owned(), columns, count, vectors, cells, next: 0 })
    }

    fn next(&mut self) -> Result<Option<ParquetRow>, ParquetFileError> {
        let number = self.next;
        self.next += 1;
        let Some(cells) = self.cells.next().transpose().map_err(|error| self.broken(error))? else { return Ok(None) };
        let at = |path: &Path, column: &str, fault| {
            let (path, column) = (path.to_owned(), column.to_owned());
            ParquetFileError::Cell { path, row: number, column, fault }
        };
        let (mut id, mut vector, mut metadata) = (None, None, Object::new());
        if let Some(vectors) = &mut self.vectors {
            let read = vectors.next().map_err(|error| self.broken(error))?;
            vector = read.flatten();
            if vector.is_none() {
                return Err(at(&self.path, &self.columns.vector, CellFault::NoVector));
            }
        }
        for (name, field) in cells.into_columns() {
            let read = if name == self.columns.id {
                cell::id(field).map(|text| id = Some(text))
            } else if name == self.columns.vector {
                cell::vector(&field).map(|numbers| vector = Some(numbers))
            } else {
                cell::value(field).and_then(|value| value.map_or(Ok(()), |value| add(&mut metadata, &name, value)))
            };
            read.map_err(|fault| at(&self.path, &name, fault))?;
        }
        let metadata = (!metadata.is_empty()).then_some(WireMetadata(metadata));
        // Both columns were found when the file was opened.
        Ok(Some(ParquetRow { id: id.unwrap_or_default(), vector: vector.unwrap_or_default(), metadata }))
    }

    /// Passes over a row, if there is one.
    fn skip(&mut self) -> Result<bool, ParquetFileError> {
        self.next += 1;
        let row = self.cells.next().transpose().map_err(|error| self.broken(error))?;
        if let Some(vectors) = &mut self.vectors {
            let skipped = vectors.next();
            skipped.map_err(|error| self.broken(error))?;
        }
        Ok(row.is_some())
    }

    fn broken(&self, error: ParquetError) -> ParquetFileError {
        ParquetFileError::Format { path: self.path.clone(), error }
    }
}

/// Each column that is wanted is there.
fn check_columns(path: &Path, columns: &ParquetColumns, schema: &Type) -> Result<(), ParquetFileError> {
    let there_are = || schema.get_fields().iter().map(|column| column.name().to_owned());
    let mut wanted = [&columns.id, &columns.vector].into_iter().chain(columns.fields.iter().flatten());
    match wanted.find(|wanted| !there_are().any(|name| name == **wanted)) {
        Some(missing) => {
            let (column, there_are) = (missing.clone(), there_are().collect());
            Err(ParquetFileError::NoColumn { path: path.to_owned(), column, there_are })
        }
        None => Ok(()),
    }
}

/// The columns whose cells are read: the vectors may come by themselves.
fn projection(columns: &ParquetColumns, schema: &Type, is_without_vectors: bool) -> Result<Type, ParquetError> {
    let is_wanted = |column: &&Arc<Type>| {
        let name = column.name();
        let is_field = columns.fields.as_ref().is_none_or(|fields| fields.iter().any(|field| field == name));
        if name == columns.vector { !is_without_vectors } else { name == columns.id || is_field }
    };
    let fields = schema.get_fields().iter().filter(is_wanted).cloned().collect();
    Type::group_type_builder(schema.name()).with_fields(fields).build()
}

/// Adds a field; the column with all of them is taken apart.
fn add(metadata: &mut Object, name: &str, value: Value) -> Result<(), CellFault> {
    if name == METADATA
        && let Value::Text(text) = &value
    {
        let read: WireMetadata = serde_json::from_str(text).map_err(|error| CellFault::NoObject(error.to_string()))?;
        metadata.extend(read.0);
    } else {
        metadata.insert(name.into(), value);
    }
    Ok(())
}
