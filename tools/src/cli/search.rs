//! `annuli search`

use annuli_core::IndexName;
use clap::{ArgGroup, Args, ValueEnum};
use std::path::PathBuf;

/// `annuli search`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("query").required(true).args(["id", "vector", "vectors"]))]
pub struct SearchArgs {
    /// Index to search
    #[arg(long, value_name = "NAME", value_parser = IndexName::new)]
    pub index: IndexName,

    /// Search for what is near this document
    #[arg(long)]
    pub id: Option<String>,

    /// Search for what is near this vector: JSON, or @FILE with JSON in it (@- for stdin)
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    pub vector: Option<String>,

    /// Search for what is near a row of this file (.npy, .fvecs or .hdf5)
    #[arg(long, value_name = "FILE", requires = "row")]
    pub vectors: Option<PathBuf>,

    /// Which row, from 0
    #[arg(long, value_name = "N", conflicts_with_all = ["id", "vector"])]
    pub row: Option<u64>,

    /// Hits to show [default: 10]
    #[arg(long, value_name = "K")]
    pub limit: Option<usize>,

    /// Width of the search beam: more finds more and takes longer
    #[arg(long, value_name = "N", conflicts_with = "exact")]
    pub ef: Option<usize>,

    /// Only documents that match, such as '{"section": "web", "size": {"$lt": 100}}'
    #[arg(long, value_name = "JSON")]
    pub filter: Option<String>,

    /// Compare with every document instead of walking the graph
    #[arg(long)]
    pub exact: bool,

    /// Nearest hits to leave out
    #[arg(long, value_name = "N")]
    pub offset: Option<usize>,

    /// Leave out hits of a lower score
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub score_threshold: Option<f32>,

    /// Parts of a document to show [default: metadata]
    #[arg(long, value_name = "PARTS", value_enum, value_delimiter = ',')]
    pub include: Option<Vec<IncludePart>>,

    /// Fields of the metadata to show, a column each, instead of all of it
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub fields: Vec<String>,
}

/// A part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IncludePart {
    /// Its metadata
    Metadata,
    /// Its vector
    Vector,
}
