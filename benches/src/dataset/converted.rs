//! Converted sets: what took long to read once is kept as tables, beside a seal that says what they were made of.

use super::cache::{Cache, Checksum};
use super::npy;
use super::split::Split;
use crate::files::{self, FileFailed};
use serde::{Deserialize, Serialize};
use std::path::Path;

const BASE: &str = "base.npy";
const QUERIES: &str = "queries.npy";
const SEAL: &str = "converted.json";

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    /// What it was made of.
    source: String,
    tables: String,
}

/// The set as it was kept for this `source`, else as `convert` makes it.
///
/// # Errors
/// Those of `convert`, and when files cannot be written. A damaged or other table is made anew.
pub(super) fn load_or<E: From<FileFailed>>(
    dataset: &str,
    source: &str,
    cache: &Cache,
    convert: impl FnOnce() -> Result<Split, E>,
) -> Result<Split, E> {
    let folder = cache.folder_of(dataset)?;
    if let Some(kept) = kept_in(&folder, source) {
        return Ok(kept);
    }
    eprintln!("{dataset}: converting, once");
    let split = convert()?;
    keep_in(&folder, source, &split)?;
    Ok(split)
}

fn kept_in(folder: &Path, source: &str) -> Option<Split> {
    let seal: Seal = serde_json::from_slice(&files::read(&folder.join(SEAL)).ok()?).ok()?;
    let [base, queries] = [BASE, QUERIES].map(|file| files::read(&folder.join(file)).ok());
    let (base, queries) = (base?, queries?);
    if seal != (Seal { source: source.to_owned(), tables: checksum(&base, &queries) }) {
        return None;
    }
    Some(Split { base: npy::floats(&base).ok()?, queries: npy::floats(&queries).ok()? })
}

fn keep_in(folder: &Path, source: &str, split: &Split) -> Result<(), FileFailed> {
    let (base, queries) = (npy::write_floats(&split.base), npy::write_floats(&split.queries));
    let seal = Seal { source: source.to_owned(), tables: checksum(&base, &queries) };
    files::write(&folder.join(BASE), &base)?;
    files::write(&folder.join(QUERIES), &queries)?;
    files::write(&folder.join(SEAL), &serde_json::to_vec_pretty(&seal).expect("two texts"))
}

fn checksum(base: &[u8], queries: &[u8]) -> String {
    Checksum::default().bytes(base).bytes(queries).hexadecimal()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn load(cache: &Cache, source: &str, first: f32) -> Split {
        load_or::<FileFailed>("set", source, cache, || {
            Ok(Split { base: array![[first, 2.0], [3.0, 4.0]], queries: array![[5.0, 6.0]] })
        })
        .unwrap()
    }

    #[test]
    fn a_set_is_converted_once_for_each_source() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned())).unwrap();
        assert_eq!(load(&cache, "a", 1.0).base, array![[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(load(&cache, "a", 9.0).base[(0, 0)].to_bits(), 1.0_f32.to_bits());
        assert_eq!(load(&cache, "b", 9.0).base[(0, 0)].to_bits(), 9.0_f32.to_bits());
    }

    #[test]
    fn a_damaged_table_is_converted_anew() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(folder.path().to_owned())).unwrap();
        load(&cache, "a", 1.0);
        let path = cache.folder_of("set").unwrap().join(QUERIES);
        let mut bytes = files::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        files::write(&path, &bytes).unwrap();
        assert_eq!(load(&cache, "a", 9.0).base[(0, 0)].to_bits(), 9.0_f32.to_bits());
    }
}
