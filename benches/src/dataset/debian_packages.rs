//! The set that ships with the repository: 7,825 packages of Debian 12 with metadata and 200 queries, under the
//! cosine metric, with exact answers, also to seven filters. `tests/data/README.md` says how it was made.

use super::npy::{self, UnreadableNpy};
use super::{Dataset, FilteredQueries, Name};
use crate::files::{self, FileFailed};
use crate::truth::{self, RowOutside};
use annuli_api::v1::metadata::WireMetadata;
use annuli_core::Metric;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Why the data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoDebianPackages {
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error("{file}: {source}")]
    Npy { file: &'static str, source: UnreadableNpy },
    #[error("documents.jsonl, line {line}: {source}")]
    Document { line: usize, source: serde_json::Error },
    #[error("filters.json: {0}")]
    Filters(serde_json::Error),
    #[error("{documents} documents and {vectors} vectors")]
    Lines { documents: usize, vectors: usize },
    #[error(transparent)]
    Row(#[from] RowOutside),
}

#[derive(Deserialize)]
struct Document {
    id: String,
    metadata: WireMetadata,
}

#[derive(Deserialize)]
struct Filtered {
    filter: serde_json::Value,
    matches: usize,
    top10: Vec<Vec<usize>>,
}

/// Where the repository keeps it.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("tests").join("data/debian-packages")
}

/// The data set.
pub(crate) fn load() -> Result<Dataset, NoDebianPackages> {
    let folder = folder();
    let floats =
        |file| npy::floats(&files::read(&folder.join(file))?).map_err(|source| NoDebianPackages::Npy { file, source });
    let base = floats("vectors.npy")?;
    let documents = documents(&files::read(&folder.join("documents.jsonl"))?)?;
    if documents.len() != base.nrows() {
        return Err(NoDebianPackages::Lines { documents: documents.len(), vectors: base.nrows() });
    }
    let file = "neighbors.npy";
    let neighbours =
        npy::integers(&files::read(&folder.join(file))?).map_err(|source| NoDebianPackages::Npy { file, source })?;
    let filters: Vec<Filtered> =
        serde_json::from_slice(&files::read(&folder.join("filters.json"))?).map_err(NoDebianPackages::Filters)?;
    let filtered = filters.into_iter().map(|Filtered { filter, matches, top10 }| {
        truth::check_rows(&top10, base.nrows())?;
        Ok(FilteredQueries { filter, matches, neighbours: top10 })
    });
    let (ids, metadata) = documents.into_iter().map(|document| (document.id, document.metadata)).unzip();
    Ok(Dataset {
        name: Name::DebianPackages,
        metric: Metric::Cosine,
        ids,
        metadata,
        queries: floats("queries.npy")?,
        shipped_neighbours: Some(truth::from_table(&neighbours, base.nrows())?),
        filtered: filtered.collect::<Result<_, RowOutside>>()?,
        base,
    })
}

fn documents(lines: &[u8]) -> Result<Vec<Document>, NoDebianPackages> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).zip(1..);
    let document =
        |(text, line)| serde_json::from_slice(text).map_err(|source| NoDebianPackages::Document { line, source });
    lines.map(document).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::row;
    use crate::{distance, recall};

    #[test]
    fn the_shipped_set_is_what_its_readme_says() {
        let set = load().unwrap();
        assert_eq!((set.base.dim(), set.queries.dim()), ((7825, 256), (200, 256)));
        assert_eq!((set.ids.len(), set.metadata.len(), set.filtered.len()), (7825, 7825, 7));
        assert_eq!(set.ids[0], "0ad");
    }

    #[test]
    fn the_shipped_neighbours_are_those_of_brute_force() {
        let set = load().unwrap();
        let shipped = set.shipped_neighbours.as_ref().unwrap();
        let found = truth::brute_force(set.metric, &set.base, &set.queries, 100);
        let distances = npy::floats(&files::read(&folder().join("distances.npy")).unwrap()).unwrap();
        for (query, (found, shipped)) in found.iter().zip(shipped).enumerate() {
            for rank in 0..100 {
                let distance_of = |base| distance::between(set.metric, row(&set.queries, query), row(&set.base, base));
                let [found, shipped] = [found[rank], shipped[rank]].map(distance_of);
                assert!((found - shipped).abs() < 1e-12, "query {query}, rank {rank}: {found} and {shipped}");
                assert!((found - f64::from(distances[(query, rank)])).abs() < 1e-6, "query {query}, rank {rank}");
            }
        }
    }

    #[test]
    fn as_many_documents_match_a_filter_as_the_set_says() {
        let set = load().unwrap();
        for filtered in &set.filtered {
            let matching = recall::matching(&set, &filtered.filter).unwrap();
            let count = matching.iter().filter(|matches| **matches).count();
            assert_eq!(count, filtered.matches, "{}", filtered.filter);
            assert!(filtered.neighbours.iter().flatten().all(|&row| matching[row]), "{}", filtered.filter);
        }
    }
}
