//! `.npy`: NumPy's file of one array. Read are matrices of little-endian floats in C order, which is what `numpy.save`
//! writes for embeddings on every machine in use.

use super::npy_header::{self, HeaderFault};
use super::{Failed, Shape, half};
use annuli_core::vector::{Dim, InvalidDim};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// An array that is no matrix of vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NpyFault {
    /// The header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderFault),
    /// Not numbers that vectors are made of.
    #[error("holds `{descr}`; read are <f2, <f4 and <f8: convert it with `array.astype('<f4')`")]
    Type {
        /// NumPy's name of the type.
        descr: String,
    },
    /// Column by column.
    #[error("is in Fortran order: save it with `numpy.ascontiguousarray(array)`")]
    FortranOrder,
    /// Not rows and columns.
    #[error("has {dimensions} dimensions; a matrix has 2: a row for each vector")]
    NotAMatrix {
        /// How many it has.
        dimensions: usize,
    },
    /// Rows that no index can hold.
    #[error("has rows that cannot be stored: {0}")]
    Dim(#[from] InvalidDim),
    /// The file was cut off, or something was added.
    #[error("has {found} bytes, its header asks for {expected}")]
    Length {
        /// Length of the file.
        found: u64,
        /// Length by the header.
        expected: u128,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Float {
    Half,
    Single,
    Double,
}

impl Float {
    const fn bytes(self) -> usize {
        match self {
            Self::Half => 2,
            Self::Single => 4,
            Self::Double => 8,
        }
    }
}

#[derive(Debug)]
pub(super) struct Npy {
    source: BufReader<File>,
    float: Float,
    shape: Shape,
    data_offset: u64,
    next: u64,
}

impl Npy {
    pub(super) fn open(path: &Path) -> Result<Self, Failed<NpyFault>> {
        let file = File::open(path)?;
        let found = file.metadata()?.len();
        let mut source = BufReader::new(file);
        let header = npy_header::read(&mut source).map_err(|failed| match failed {
            Failed::Read(error) => Failed::Read(error),
            Failed::Fault(fault) => Failed::Fault(fault.into()),
        })?;
        let float = match header.descr.as_str() {
            "<f2" => Float::Half,
            "<f4" => Float::Single,
            "<f8" => Float::Double,
            _ => return Err(Failed::Fault(NpyFault::Type { descr: header.descr })),
        };
        let [rows, columns] = header.shape[..] else {
            return Err(Failed::Fault(NpyFault::NotAMatrix { dimensions: header.shape.len() }));
        };
        if header.fortran_order {
            return Err(Failed::Fault(NpyFault::FortranOrder));
        }
        let dim = Dim::new(columns).map_err(|error| Failed::Fault(error.into()))?;
        // The dimension is small by now, and so rows of 64 bits cannot overflow 128.
        let expected = u128::from(header.data_offset) + u128::from(rows) * (dim.get() * float.bytes()) as u128;
        if u128::from(found) != expected {
            return Err(Failed::Fault(NpyFault::Length { found, expected }));
        }
        Ok(Self { source, float, shape: Shape { rows, dim }, data_offset: header.data_offset, next: 0 })
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Vec<f32>>, Failed<NpyFault>> {
        if self.next == self.shape.rows {
            return Ok(None);
        }
        let mut bytes = vec![0; self.row_bytes()];
        self.source.read_exact(&mut bytes)?;
        self.next += 1;
        Ok(Some(components(self.float, &bytes)))
    }

    pub(super) fn seek(&mut self, row: u64) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(self.data_offset + row * self.row_bytes() as u64))?;
        self.next = row;
        Ok(())
    }

    fn row_bytes(&self) -> usize {
        self.shape.dim.get() * self.float.bytes()
    }
}

fn components(float: Float, bytes: &[u8]) -> Vec<f32> {
    match float {
        Float::Half => bytes.as_chunks().0.iter().map(|half| half::from_bits(u16::from_le_bytes(*half))).collect(),
        Float::Single => bytes.as_chunks().0.iter().map(|single| f32::from_le_bytes(*single)).collect(),
        Float::Double => bytes.as_chunks().0.iter().map(|double| nearest_f32(f64::from_le_bytes(*double))).collect(),
    }
}

/// What is beyond an f32 becomes infinite, and is refused where the row is known.
#[allow(clippy::cast_possible_truncation, reason = "rounding to the nearest f32 is what is wanted")]
fn nearest_f32(double: f64) -> f32 {
    double as f32
}
