//! Files that hold a matrix: a row of numbers for each document, and nothing else.
//!
//! Files are read row by row; none is ever in memory whole. What a file says of itself is checked against its length
//! before the first row is read.

mod fvecs;
mod half;
mod hdf5;
mod npy;
mod npy_header;

pub use fvecs::FvecsFault;
pub use hdf5::Hdf5Fault;
pub use npy::NpyFault;
pub use npy_header::HeaderFault;

use annuli_core::vector::Dim;
use fvecs::Fvecs;
use hdf5::Hdf5;
use npy::Npy;
use std::io;
use std::path::{Path, PathBuf};

/// An open file of vectors, before its first row.
#[derive(Debug)]
pub struct VectorFile {
    path: PathBuf,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Npy(Npy),
    Fvecs(Fvecs),
    Hdf5(Box<Hdf5>),
}

/// How large a matrix is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Number of vectors.
    pub rows: u64,
    /// Components of each.
    pub dim: Dim,
}

/// A file of vectors that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VectorFileError {
    /// No format, by its name.
    #[error("`{}` is of no known format: its name must end in .npy, .fvecs or .hdf5", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("`{}` cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Not a matrix as NumPy writes it, or one of a kind that is not read here.
    #[error("`{}` {fault}", path.display())]
    Npy {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: NpyFault,
    },
    /// Not rows of vectors.
    #[error("`{}` {fault}", path.display())]
    Fvecs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: FvecsFault,
    },
    /// Not a matrix as ann-benchmarks writes it.
    #[error("`{}` {fault}", path.display())]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Hdf5Fault,
    },
    /// A row beyond the last.
    #[error("`{}` has {rows} rows, from 0: there is no row {row}", path.display())]
    NoSuchRow {
        /// The file.
        path: PathBuf,
        /// How many it has.
        rows: u64,
        /// The one asked for.
        row: u64,
    },
}

/// How a format's reader fails.
#[derive(Debug)]
enum Failed<Fault> {
    Read(io::Error),
    Fault(Fault),
}

impl<Fault> From<io::Error> for Failed<Fault> {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

impl VectorFile {
    /// Opens a file by the ending of its name, and checks that its length is what it says.
    pub fn open(path: &Path) -> Result<Self, VectorFileError> {
        let npy = |failed| npy_error(path, failed);
        let fvecs = |failed| fvecs_error(path, failed);
        let hdf5 = |failed| hdf5_error(path, failed);
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("npy") => Format::Npy(Npy::open(path).map_err(npy)?),
            Some("fvecs") => Format::Fvecs(Fvecs::open(path).map_err(fvecs)?),
            Some("hdf5") => Format::Hdf5(Box::new(Hdf5::open(path).map_err(hdf5)?)),
            Some(_) | None => return Err(VectorFileError::UnknownFormat { path: path.to_owned() }),
        };
        Ok(Self { path: path.to_owned(), format })
    }

    /// Number and size of its rows.
    pub fn shape(&self) -> Shape {
        match &self.format {
            Format::Npy(file) => file.shape(),
            Format::Fvecs(file) => file.shape(),
            Format::Hdf5(file) => file.shape(),
        }
    }

    /// The next row; `None` behind the last.
    pub fn next_row(&mut self) -> Result<Option<Vec<f32>>, VectorFileError> {
        match &mut self.format {
            Format::Npy(file) => file.next_row().map_err(|failed| npy_error(&self.path, failed)),
            Format::Fvecs(file) => file.next_row().map_err(|failed| fvecs_error(&self.path, failed)),
            Format::Hdf5(file) => file.next_row().map_err(|failed| hdf5_error(&self.path, failed)),
        }
    }

    /// Goes to a row, which is the next one then.
    pub fn seek(&mut self, row: u64) -> Result<(), VectorFileError> {
        let rows = self.shape().rows;
        if row >= rows {
            return Err(VectorFileError::NoSuchRow { path: self.path.clone(), rows, row });
        }
        let sought = match &mut self.format {
            Format::Npy(file) => file.seek(row),
            Format::Fvecs(file) => file.seek(row),
            Format::Hdf5(file) => {
                file.seek(row);
                Ok(())
            }
        };
        sought.map_err(|error| VectorFileError::Read { path: self.path.clone(), error })
    }
}

fn npy_error(path: &Path, failed: Failed<NpyFault>) -> VectorFileError {
    let path = path.to_owned();
    match failed {
        Failed::Read(error) => VectorFileError::Read { path, error },
        Failed::Fault(fault) => VectorFileError::Npy { path, fault },
    }
}

fn fvecs_error(path: &Path, failed: Failed<FvecsFault>) -> VectorFileError {
    let path = path.to_owned();
    match failed {
        Failed::Read(error) => VectorFileError::Read { path, error },
        Failed::Fault(fault) => VectorFileError::Fvecs { path, fault },
    }
}

fn hdf5_error(path: &Path, failed: Failed<Hdf5Fault>) -> VectorFileError {
    let path = path.to_owned();
    match failed {
        Failed::Read(error) => VectorFileError::Read { path, error },
        Failed::Fault(fault) => VectorFileError::Hdf5 { path, fault },
    }
}

#[cfg(test)]
mod tests;
