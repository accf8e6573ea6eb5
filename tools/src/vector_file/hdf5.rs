//! `.hdf5` in the layout of ann-benchmarks: the matrix is the dataset `train`; queries and their neighbours, which stand
//! beside it, are not looked at.

use super::{Failed, Shape};
use annuli_core::vector::{Dim, InvalidDim};
use hdf5_reader::{Dataset, Datatype, Hdf5File, SliceInfo, SliceInfoElem};
use std::collections::VecDeque;
use std::fmt;
use std::path::Path;

/// The dataset that is read.
const DATASET: &str = "train";

/// Components that are read at once, unless one row has more: 1 MiB of them.
const COMPONENTS_AT_ONCE: usize = 256 * 1024;

/// A file that holds no such matrix.
#[derive(Debug, thiserror::Error)]
pub enum Hdf5Fault {
    /// Not HDF5, or damaged, or of a kind that is not read here.
    #[error("is no HDF5 file with a dataset `{DATASET}` that can be read: {0}")]
    Format(#[from] hdf5_reader::error::Error),
    /// Not rows of numbers.
    #[error("has a dataset `{DATASET}` of {dimensions} dimensions: it has to be a matrix")]
    NoMatrix {
        /// How many it has.
        dimensions: usize,
    },
    /// Rows that no index takes.
    #[error("has a dataset `{DATASET}` that cannot be indexed: {0}")]
    Dim(#[from] InvalidDim),
    /// Not float32 or float64.
    #[error("has a dataset `{DATASET}` that is neither of float32 nor of float64")]
    Numbers,
}

pub(super) struct Hdf5 {
    dataset: Dataset,
    precision: Precision,
    shape: Shape,
    /// The row behind those that have been read.
    next: u64,
    ahead: VecDeque<Vec<f32>>,
}

#[derive(Debug, Clone, Copy)]
enum Precision {
    Single,
    Double,
}

impl fmt::Debug for Hdf5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hdf5").field("shape", &self.shape).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Hdf5 {
    pub(super) fn open(path: &Path) -> Result<Self, Failed<Hdf5Fault>> {
        // Whether the system lets the file be read is said in its own words.
        std::fs::File::open(path)?;
        Self::read(path).map_err(Failed::Fault)
    }

    fn read(path: &Path) -> Result<Self, Hdf5Fault> {
        let dataset = Hdf5File::open(path)?.dataset(DATASET)?;
        let [rows, components] = *dataset.shape() else {
            return Err(Hdf5Fault::NoMatrix { dimensions: dataset.shape().len() });
        };
        let Datatype::FloatingPoint { size, .. } = dataset.dtype() else { return Err(Hdf5Fault::Numbers) };
        let precision = match size {
            4 => Precision::Single,
            8 => Precision::Double,
            _ => return Err(Hdf5Fault::Numbers),
        };
        let shape = Shape { rows, dim: Dim::new(components)? };
        Ok(Self { dataset, precision, shape, next: 0, ahead: VecDeque::new() })
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    pub(super) fn next_row(&mut self) -> Result<Option<Vec<f32>>, Failed<Hdf5Fault>> {
        if self.ahead.is_empty() && self.next < self.shape.rows {
            self.read_ahead().map_err(|error| Failed::Fault(error.into()))?;
        }
        Ok(self.ahead.pop_front())
    }

    pub(super) fn seek(&mut self, row: u64) {
        self.ahead.clear();
        self.next = row;
    }

    fn read_ahead(&mut self) -> Result<(), hdf5_reader::error::Error> {
        let dim = self.shape.dim.get();
        let rows = (COMPONENTS_AT_ONCE / dim).max(1) as u64;
        let end = self.next.saturating_add(rows).min(self.shape.rows);
        let slice = |start, end| SliceInfoElem::Slice { start, end, step: 1 };
        let selection = SliceInfo { selections: vec![slice(self.next, end), slice(0, dim as u64)] };
        let numbers: Vec<f32> = match self.precision {
            Precision::Single => self.dataset.read_slice::<f32>(&selection)?.into_iter().collect(),
            #[allow(
                clippy::cast_possible_truncation,
                reason = "vectors are kept in 32 bits; what is too large is infinite and refused"
            )]
            Precision::Double => {
                self.dataset.read_slice::<f64>(&selection)?.into_iter().map(|number| number as f32).collect()
            }
        };
        self.ahead.extend(numbers.chunks_exact(dim).map(<[f32]>::to_vec));
        self.next = end;
        Ok(())
    }
}
