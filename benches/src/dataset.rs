//! Data sets: documents, queries, and where the right answers are known beforehand, those.

pub(crate) mod cache;

mod archive;
mod converted;
mod idx;
pub(crate) mod npy;
pub(crate) mod split;

mod debian_packages;
mod fashion_mnist;
mod glove_100;
pub(crate) mod noise;
mod word2vec;

use annuli_api::v1::metadata::WireMetadata;
use annuli_core::Metric;
use cache::Cache;
use ndarray::Array2;
use noise::Growth;
use std::path::PathBuf;

/// For each query, rows of the base: the nearest first, equally near ones in their order.
pub(crate) type Neighbours = Vec<Vec<usize>>;

/// Every data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    FashionMnist,
    DebianPackages,
    Glove100,
    Word2vecGoogle26k,
    Noise(Growth),
}

impl Name {
    /// The real ones.
    pub(crate) const ALL: [Self; 4] =
        [Self::DebianPackages, Self::FashionMnist, Self::Glove100, Self::Word2vecGoogle26k];

    /// As on the command line, in results and in the names of folders.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::FashionMnist => "fashion-mnist",
            Self::DebianPackages => "debian-packages",
            Self::Glove100 => "glove-100",
            Self::Word2vecGoogle26k => "word2vec-google-26k",
            Self::Noise(growth) => growth.as_str(),
        }
    }

    /// About how many documents, to tell beforehand how long something takes.
    pub(crate) const fn rows(self) -> u64 {
        match self {
            Self::FashionMnist => 60_000,
            Self::DebianPackages => 8_000,
            Self::Glove100 => 331_000,
            Self::Word2vecGoogle26k => 25_000,
            Self::Noise(growth) => growth.rows() as u64,
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

impl Dataset {
    /// A set of vectors and nothing else: ids are the numbers of the rows.
    pub(crate) fn of_vectors(name: Name, metric: Metric, base: Array2<f32>, queries: Array2<f32>) -> Self {
        Self {
            name,
            metric,
            ids: (0..base.nrows()).map(|row| row.to_string()).collect(),
            metadata: vec![WireMetadata::default(); base.nrows()],
            base,
            queries,
            shipped_neighbours: None,
            filtered: Vec::new(),
        }
    }
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
    #[error("glove-100: {0}")]
    Glove100(#[from] glove_100::NoGlove),
    #[error("word2vec-google-26k: {0}")]
    Word2vec(#[from] word2vec::NoWord2vec),
}

/// Brings a data set to this machine and returns the folder that it is in.
pub(crate) fn fetch(name: Name, cache: &Cache) -> Result<PathBuf, NoDataset> {
    match name {
        Name::FashionMnist => Ok(fashion_mnist::fetch(cache)?),
        Name::DebianPackages => Ok(debian_packages::folder()),
        Name::Glove100 => Ok(glove_100::fetch(cache)?),
        Name::Word2vecGoogle26k => Ok(word2vec::fetch(cache)?),
        // Made of it.
        Name::Noise(_) => Ok(fashion_mnist::fetch(cache)?),
    }
}

/// Reads a data set, after fetching it if it is not there.
pub(crate) fn load(name: Name, cache: &Cache) -> Result<Dataset, NoDataset> {
    match name {
        Name::FashionMnist => Ok(fashion_mnist::load(cache)?),
        Name::DebianPackages => Ok(debian_packages::load()?),
        Name::Glove100 => Ok(glove_100::load(cache)?),
        Name::Word2vecGoogle26k => Ok(word2vec::load(cache)?),
        Name::Noise(growth) => Ok(noise::load(growth, cache)?),
    }
}

/// One vector.
pub(crate) fn row(vectors: &Array2<f32>, row: usize) -> &[f32] {
    vectors.row(row).to_slice().expect("vectors are read row by row and never rearranged")
}
