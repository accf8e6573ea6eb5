//! Exact neighbours: brute force in double precision, computed once and kept.

mod brute_force;

pub(crate) use brute_force::brute_force;

use crate::clock::Stopwatch;
use crate::dataset::cache::{Cache, Checksum};
use crate::dataset::{Dataset, Neighbours, npy};
use crate::files::{self, FileFailed};
use crate::recall;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How many neighbours of each query are kept: what recall@100 would need, as in other published sets.
const NEIGHBOURS_KEPT: usize = 100;

/// A neighbour that is no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the neighbours of query {query} name row {row} of a base of {rows} rows")]
pub(crate) struct RowOutside {
    query: usize,
    row: i64,
    rows: usize,
}

/// Stands beside a table of neighbours and says what it was computed of and what it must be.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    inputs: String,
    table: String,
}

/// The exact neighbours of each query: as shipped, else as kept, else computed now.
pub(crate) fn of(dataset: &Dataset, cache: &Cache) -> Result<Neighbours, FileFailed> {
    if let Some(shipped) = &dataset.shipped_neighbours {
        return Ok(shipped.clone());
    }
    kept_or_computed(dataset, "neighbors", NEIGHBOURS_KEPT, cache, || {
        brute_force(dataset.metric, &dataset.base, &dataset.queries, NEIGHBOURS_KEPT)
    })
}

/// The exact neighbours of each query among the `eligible` rows, of which about `percent` % are.
pub(crate) fn among(
    dataset: &Dataset,
    eligible: &[bool],
    percent: u8,
    cache: &Cache,
) -> Result<Neighbours, FileFailed> {
    kept_or_computed(dataset, &format!("neighbors-among-{percent}"), recall::K, cache, || {
        let rows: Vec<usize> = (0..eligible.len()).filter(|&row| eligible[row]).collect();
        let base = dataset.base.select(Axis(0), &rows);
        let mut neighbours = brute_force(dataset.metric, &base, &dataset.queries, recall::K);
        // Rows stay in their order when some are left out, so that equal distances are still ordered by row.
        neighbours.iter_mut().flatten().for_each(|row| *row = rows[*row]);
        neighbours
    })
}

fn kept_or_computed(
    dataset: &Dataset,
    table: &str,
    k: usize,
    cache: &Cache,
    compute: impl FnOnce() -> Neighbours,
) -> Result<Neighbours, FileFailed> {
    let name = dataset.name.as_str();
    let kept = Kept { folder: cache.folder_of(name)?, table };
    let inputs = checksum_of_inputs(dataset, k);
    if let Some(neighbours) = kept.read(&inputs, dataset.base.nrows()) {
        return Ok(neighbours);
    }
    eprintln!("{name}: computing the exact neighbours of {} queries, once", dataset.queries.nrows());
    let watch = Stopwatch::start();
    let neighbours = compute();
    eprintln!("{name}: exact neighbours computed in {:.1} s, kept in {}", watch.seconds(), kept.folder.display());
    kept.write(inputs, &neighbours)?;
    Ok(neighbours)
}

/// Checks a table of rows of a base with `rows` rows.
pub(crate) fn from_table(table: &Array2<i32>, rows: usize) -> Result<Neighbours, RowOutside> {
    let row = |query, row: i32| usize::try_from(row).map_err(|_| RowOutside { query, row: row.into(), rows });
    let of_query = |(query, nearest): (usize, ndarray::ArrayView1<'_, i32>)| -> Result<Vec<usize>, RowOutside> {
        nearest.iter().map(|&nearest| row(query, nearest)).collect()
    };
    let neighbours = table.rows().into_iter().enumerate().map(of_query).collect::<Result<Neighbours, _>>()?;
    check_rows(&neighbours, rows)?;
    Ok(neighbours)
}

/// Checks that every neighbour is one of `rows` rows.
pub(crate) fn check_rows(neighbours: &Neighbours, rows: usize) -> Result<(), RowOutside> {
    for (query, nearest) in neighbours.iter().enumerate() {
        if let Some(&row) = nearest.iter().find(|row| **row >= rows) {
            return Err(RowOutside { query, row: i64::try_from(row).unwrap_or(i64::MAX), rows });
        }
    }
    Ok(())
}

fn checksum_of_inputs(dataset: &Dataset, k: usize) -> String {
    let (rows, dim) = dataset.base.dim();
    let shape = format!("{} {rows} {dim} {} {k}", dataset.metric, dataset.queries.nrows());
    Checksum::default().bytes(shape.as_bytes()).floats(&dataset.base).floats(&dataset.queries).hexadecimal()
}

/// A table of neighbours in the cache, and its seal beside it.
struct Kept<'a> {
    folder: PathBuf,
    table: &'a str,
}

impl Kept<'_> {
    fn path(&self, extension: &str) -> PathBuf {
        self.folder.join(self.table).with_extension(extension)
    }

    /// What was kept, if it belongs to these inputs and is whole; anything else is computed anew.
    fn read(&self, inputs: &str, rows: usize) -> Option<Neighbours> {
        let seal: Seal = serde_json::from_slice(&files::read(&self.path("json")).ok()?).ok()?;
        let table = files::read(&self.path("npy")).ok()?;
        let whole = seal == Seal { inputs: inputs.to_owned(), table: Checksum::default().bytes(&table).hexadecimal() };
        if whole { from_table(&npy::integers(&table).ok()?, rows).ok() } else { None }
    }

    fn write(&self, inputs: String, neighbours: &Neighbours) -> Result<(), FileFailed> {
        let columns = neighbours.first().map_or(0, Vec::len);
        let table = Array2::from_shape_fn((neighbours.len(), columns), |(query, rank)| {
            i32::try_from(neighbours[query][rank]).expect("a base of this machine's memory has fewer rows")
        });
        let table = npy::write_integers(&table);
        let seal = Seal { inputs, table: Checksum::default().bytes(&table).hexadecimal() };
        files::write(&self.path("npy"), &table)?;
        files::write(&self.path("json"), &serde_json::to_vec_pretty(&seal).expect("two texts"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Name;
    use annuli_core::Metric;
    use ndarray::array;
    use std::path::Path;

    fn kept(folder: &Path) -> Kept<'static> {
        Kept { folder: folder.to_owned(), table: "neighbors" }
    }

    #[test]
    fn neighbours_among_eligible_rows_are_rows_of_the_whole_base() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned())).unwrap();
        let base = Array2::from_shape_fn((40, 1), |(row, _)| row as f32);
        let dataset = Dataset {
            name: Name::FashionMnist,
            metric: Metric::Euclidean,
            ids: Vec::new(),
            metadata: Vec::new(),
            base,
            queries: array![[0.0]],
            shipped_neighbours: None,
            filtered: Vec::new(),
        };
        let odd: Vec<bool> = (0..40).map(|row| row % 2 == 1).collect();
        for _ in ["computed", "kept"] {
            assert_eq!(among(&dataset, &odd, 50, &cache).unwrap(), [[1, 3, 5, 7, 9, 11, 13, 15, 17, 19]]);
        }
    }

    #[test]
    fn what_was_kept_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let neighbours = vec![vec![2, 0], vec![1, 2]];
        kept(folder.path()).write("inputs".to_owned(), &neighbours).unwrap();
        assert_eq!(kept(folder.path()).read("inputs", 3), Some(neighbours));
    }

    #[test]
    fn what_was_kept_of_other_inputs_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        kept(folder.path()).write("inputs".to_owned(), &vec![vec![0]]).unwrap();
        assert_eq!(kept(folder.path()).read("others", 3), None);
    }

    #[test]
    fn a_damaged_table_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path());
        kept.write("inputs".to_owned(), &vec![vec![0, 1]]).unwrap();
        let mut bytes = files::read(&kept.path("npy")).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        files::write(&kept.path("npy"), &bytes).unwrap();
        assert_eq!(kept.read("inputs", usize::MAX), None);
    }

    #[test]
    fn a_neighbour_that_is_no_document_is_named() {
        let check = |table, message: &str| assert_eq!(from_table(&table, 3).unwrap_err().to_string(), message);
        check(array![[0, 2], [1, 3]], "the neighbours of query 1 name row 3 of a base of 3 rows");
        check(array![[0, -1]], "the neighbours of query 0 name row -1 of a base of 3 rows");
    }
}
