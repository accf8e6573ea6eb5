//! `.fvecs`: for each vector its dimension (int32), then its components (float32), all little-endian. The format of
//! the data sets at corpus-texmex.irisa.fr.

use super::{Failed, Shape};
use annuli_core::limits::DIM_MAX;
use annuli_core::vector::Dim;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// A file that is not rows of vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FvecsFault {
    /// Nothing in it, not even a dimension.
    #[error("is empty")]
    Empty,
    /// A first number that is no dimension, so that this is probably another format.
    #[error("begins with the number {found}, which is no dimension (1 to {DIM_MAX}): is it an .fvecs file?")]
    Dim {
        /// The number.
        found: i32,
    },
    /// Not a whole number of rows.
    #[error("has {bytes} bytes, which is no whole number of rows of {dim} components: it is cut off")]
    CutOff {
        /// Length of the file.
        bytes: u64,
        /// Components of its first row.
        dim: Dim,
    },
    /// Rows of several sizes.
    #[error("has {found} components in row {row}, and {dim} in row 0")]
    Uneven {
        /// Which row.
        row: u64,
        /// Its size.
        found: i32,
        /// Size of the first.
        dim: Dim,
    },
}

#[derive(Debug)]
pub(super) struct Fvecs {
    source: BufReader<File>,
    shape: Shape,
    next: u64,
}

impl Fvecs {
    pub(super) fn open(path: &Path) -> Result<Self, Failed<FvecsFault>> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        if bytes == 0 {
            return Err(Failed::Fault(FvecsFault::Empty));
        }
        let mut source = BufReader::new(file);
        let mut first = [0; 4];
        source.read_exact(&mut first)?;
        let found = i32::from_le_bytes(first);
        let dim = u64::try_from(found).ok().and_then(|dim| Dim::new(dim).ok());
        let dim = dim.ok_or(Failed::Fault(FvecsFault::Dim { found }))?;
        let row_bytes = row_bytes(dim) as u64;
        if bytes % row_bytes != 0 {
            return Err(Failed::Fault(FvecsFault::CutOff { bytes, dim }));
        }
        source.rewind()?;
        Ok(Self { source, shape: Shape { rows: bytes / row_bytes, dim }, next: 0 })
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Vec<f32>>, Failed<FvecsFault>> {
        let Shape { rows, dim } = self.shape;
        if self.next == rows {
            return Ok(None);
        }
        let mut bytes = vec![0; row_bytes(dim)];
        self.source.read_exact(&mut bytes)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let found = i32::from_le_bytes(numbers[0]);
        if usize::try_from(found) != Ok(dim.get()) {
            return Err(Failed::Fault(FvecsFault::Uneven { row: self.next, found, dim }));
        }
        self.next += 1;
        Ok(Some(numbers[1..].iter().map(|number| f32::from_le_bytes(*number)).collect()))
    }

    pub(super) fn seek(&mut self, row: u64) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(row * row_bytes(self.shape.dim) as u64))?;
        self.next = row;
        Ok(())
    }
}

const fn row_bytes(dim: Dim) -> usize {
    4 + 4 * dim.get()
}
