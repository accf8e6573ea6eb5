//! The files that every peer reads: the same bytes for all.

use crate::dataset::split::{part, shuffled};
use crate::dataset::{Dataset, npy};
use crate::distance;
use crate::files::{self, FileFailed};
use annuli_core::Metric;
use ndarray::{Array2, Axis};
use std::path::PathBuf;
use tempfile::TempDir;

/// Vectors, queries and parts as tables in a folder that lives as long as this value.
pub(crate) struct Inputs {
    pub base: PathBuf,
    pub queries: PathBuf,
    pub parts_file: PathBuf,
    pub metric: Metric,
    /// For each query of the file its number in the data set. Sets come sorted, by frequency for one: in this order
    /// any first few are a fair sample.
    pub order: Vec<usize>,
    /// For each row a number below a hundred, to filter by.
    pub parts: Vec<u8>,
    _folder: TempDir,
}

impl Inputs {
    /// Writes at most `queries_max` queries. Under cosine all vectors are brought to length 1 and compared by their
    /// Euclidean distance, which orders them alike: no library has to divide then.
    pub(crate) fn write(dataset: &Dataset, queries_max: usize) -> Result<Self, FileFailed> {
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new().prefix("annuli-inputs-").tempdir_in(&temporary);
        let folder = folder.map_err(|source| FileFailed { path: temporary, source })?;
        let mut order = shuffled(dataset.queries.nrows());
        order.truncate(queries_max);
        let parts: Vec<u8> = (0..dataset.base.nrows()).map(part).collect();
        let [base, queries, parts_file] = ["base.npy", "queries.npy", "parts.npy"].map(|file| folder.path().join(file));
        let table = Array2::from_shape_fn((parts.len(), 1), |(row, _)| i32::from(parts[row]));
        files::write(&parts_file, &npy::write_integers(&table))?;
        let chosen = dataset.queries.select(Axis(0), &order);
        if dataset.metric == Metric::Cosine {
            files::write(&base, &npy::write_floats(&normalised(&dataset.base)))?;
            files::write(&queries, &npy::write_floats(&normalised(&chosen)))?;
        } else {
            files::write(&base, &npy::write_floats(&dataset.base))?;
            files::write(&queries, &npy::write_floats(&chosen))?;
        }
        Ok(Self { base, queries, parts_file, metric: dataset.metric, order, parts, _folder: folder })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "components in single precision are what libraries take")]
fn normalised(vectors: &Array2<f32>) -> Array2<f32> {
    let mut vectors = vectors.clone();
    for mut vector in vectors.rows_mut() {
        let length = distance::length(vector.as_slice().expect("vectors stand row by row"));
        vector.mapv_inplace(|component| (f64::from(component) / length) as f32);
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_normalised_vector_has_length_1() {
        assert_eq!(normalised(&array![[3.0, 4.0], [0.0, -2.0]]), array![[0.6, 0.8], [0.0, -1.0]]);
    }
}
