//! Data sets: documents, queries, and where the right answers are known beforehand, those.

pub(crate) mod cache;

mod idx;
pub(crate) mod npy;

mod debian_packages;
mod fashion_mnist;

use annuli_api::v1::metadata::WireMetadata;
use annuli_core::Metric;
use cache::Cache;
use ndarray::Array2;
use std::path::PathBuf;

/// For each query, rows of the base: the nearest first, equally near ones in their order.
pub(crate) type Neighbours = Vec<Vec<usize>>;

/// Every data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    FashionMnist,
    DebianPackages,
}

impl Name {
    pub(crate) const ALL: [Self; 2] = [Self::DebianPackages, Self::FashionMnist];

    /// As on the command line, in results and in the names of folders.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FashionMnist => "fashion-mnist",
            Self::DebianPackages => "debian-packages",
        }
    }
}

/// Documents and queries. Row i of `base` is the vector of the i-th id and metadata.
pub(crate) struct Dataset {
    pub name: Name,
    pub metric: Metric,
    pub ids: Vec<String>,
    pub metadata: Vec<WireMetadata>,
    pub base: Array2<f32>,
    pub queries: Array2<f32>,
    /// Where the set comes with its exact answers.
    pub shipped_neighbours: Option<Neighbours>,
    pub filtered: Vec<FilteredQueries>,
}

/// All queries, asked of the documents that match a filter.
pub(crate) struct FilteredQueries {
    pub filter: serde_json::Value,
    /// Documents that match.
    pub matches: usize,
    pub neighbours: Neighbours,
}

/// Why a data set is not at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoDataset {
    #[error("fashion-mnist: {0}")]
    FashionMnist(#[from] fashion_mnist::NoFashionMnist),
    #[error("debian-packages: {0}")]
    DebianPackages(#[from] debian_packages::NoDebianPackages),
}

/// Brings a data set to this machine and returns the folder that it is in.
pub(crate) fn fetch(name: Name, cache: &Cache) -> Result<PathBuf, NoDataset> {
    match name {
        Name::FashionMnist => Ok(fashion_mnist::fetch(cache)?),
        Name::DebianPackages => Ok(debian_packages::folder()),
    }
}

/// Reads a data set, after fetching it if it is not there.
pub(crate) fn load(name: Name, cache: &Cache) -> Result<Dataset, NoDataset> {
    match name {
        Name::FashionMnist => Ok(fashion_mnist::load(cache)?),
        Name::DebianPackages => Ok(debian_packages::load()?),
    }
}

/// One vector.
pub(crate) fn row(vectors: &Array2<f32>, row: usize) -> &[f32] {
    vectors.row(row).to_slice().expect("vectors are read row by row and never rearranged")
}
