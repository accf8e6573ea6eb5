//! `annuli index …`

use super::{metric, quantization, shards};
use annuli_core::vector::Dim;
use annuli_core::{IndexName, Metric, Quantization, ShardCount};
use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};

/// Indexes.
#[derive(Debug, Subcommand)]
pub enum IndexCommand {
    /// Create an index; one that is there already with an equal schema is left as it is
    Create(IndexCreate),
    /// List the indexes
    List,
    /// Describe an index
    Info(IndexInfoArgs),
    /// Delete an index with all its documents
    Delete(IndexDelete),
}

/// `annuli index create`
#[derive(Debug, Args)]
pub struct IndexCreate {
    /// Name of the index: lower-case letters, digits, `_` and `-`
    #[arg(value_parser = IndexName::new)]
    pub name: IndexName,

    /// Components of every vector
    #[arg(long, value_parser = clap::value_parser!(u64).try_map(Dim::new))]
    pub dim: Dim,

    /// How vectors are compared
    #[arg(long, value_parser = metric())]
    pub metric: Metric,

    /// Into how many parts the index is split [default: as the server is configured]
    #[arg(long, value_name = "N", value_parser = shards())]
    pub shards: Option<ShardCount>,

    /// Links of a node in the graph [default: 16]
    #[arg(long, value_name = "N")]
    pub m: Option<usize>,

    /// Width of the beam while building the graph [default: 200]
    #[arg(long, value_name = "N")]
    pub ef_construction: Option<usize>,

    /// By what graphs are walked: the vectors themselves (most memory and recall), or codes of 8 or 4 bits a component
    /// [default: int8]
    #[arg(long, value_parser = quantization())]
    pub quantization: Option<Quantization>,
}

/// `annuli index info`
#[derive(Debug, Args)]
pub struct IndexInfoArgs {
    /// Name of the index or alias
    #[arg(value_parser = IndexName::new)]
    pub name: IndexName,
}

/// `annuli index delete`
#[derive(Debug, Args)]
pub struct IndexDelete {
    /// Name of the index
    #[arg(value_parser = IndexName::new)]
    pub name: IndexName,

    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}
