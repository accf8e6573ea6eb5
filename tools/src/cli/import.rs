//! `annuli import`

use super::{metric, quantization, shards};
use crate::parquet_file::ParquetColumns;
use annuli_core::limits::BATCH_DOCUMENTS_MAX;
use annuli_core::{IndexName, Metric, Quantization, ShardCount};
use clap::Args;
use std::path::PathBuf;

/// Documents in one request, unless said otherwise: enough that the request costs little beside its documents, few
/// enough that progress is seen.
const BATCH_DEFAULT: u64 = 1000;

/// Requests at the same time, unless said otherwise: one is on its way while another is written.
const CONNECTIONS_DEFAULT: u64 = 4;

/// Most requests at the same time: what more would do is wait in the server's queue.
const CONNECTIONS_MAX: u64 = 256;

/// `annuli import`
#[derive(Debug, Args)]
#[command(after_help = FORMATS)]
pub struct ImportArgs {
    /// The vectors: .npy, .fvecs, .hdf5, .jsonl or .parquet
    pub file: PathBuf,

    /// Index to store them in
    #[arg(long, value_name = "NAME", value_parser = IndexName::new)]
    pub index: IndexName,

    /// Create the index, if there is none, with this metric
    #[arg(long, value_parser = metric())]
    pub metric: Option<Metric>,

    /// Create the index, if there is none, with as many shards [default: the server's; 1 with --workspace]
    #[arg(long, value_name = "N", value_parser = shards(), requires = "metric")]
    pub shards: Option<ShardCount>,

    /// Make the index in this workspace, which no server has open, instead of sending documents to the server at --url: all
    /// of it or nothing, with graphs that are built once
    #[arg(long, value_name = "DIR", requires = "metric", conflicts_with_all = ["checkpoint", "batch", "connections"])]
    pub workspace: Option<PathBuf>,

    /// Links of a node in the graph, with --workspace [default: 16]
    #[arg(long, value_name = "N", requires = "workspace")]
    pub m: Option<usize>,

    /// Width of the beam while building the graph, with --workspace [default: 200]
    #[arg(long, value_name = "N", requires = "workspace")]
    pub ef_construction: Option<usize>,

    /// By what graphs are walked, with --workspace [default: int8]
    #[arg(long, requires = "workspace", value_parser = quantization())]
    pub quantization: Option<Quantization>,

    /// Ids, one a line
    #[arg(long, value_name = "FILE")]
    pub ids: Option<PathBuf>,

    /// Metadata, one object {"id", "metadata"} a line
    #[arg(long, value_name = "FILE.jsonl")]
    pub metadata: Option<PathBuf>,

    /// Column of a .parquet file with the ids: texts or whole numbers [default: id]
    #[arg(long, value_name = "NAME")]
    pub id_column: Option<String>,

    /// Column of a .parquet file with the vectors: lists of numbers [default: vector]
    #[arg(long, value_name = "NAME")]
    pub vector_column: Option<String>,

    /// Columns of a .parquet file that become metadata [default: all others]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub fields: Option<Vec<String>>,

    /// Keep how far it is in this file, and go on from there if it exists
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,

    /// Most documents in one request
    #[arg(long, value_name = "N", default_value_t = BATCH_DEFAULT,
          value_parser = clap::value_parser!(u64).range(1..=BATCH_DOCUMENTS_MAX as u64))]
    pub batch: u64,

    /// Requests at the same time. With more than one it is open which of several rows with the same id is stored; with
    /// one it is the last
    #[arg(long, value_name = "N", default_value_t = CONNECTIONS_DEFAULT,
          value_parser = clap::value_parser!(u64).range(1..=CONNECTIONS_MAX))]
    pub connections: u64,
}

impl ImportArgs {
    /// The columns that are named, if one is.
    pub fn columns(&self) -> Option<ParquetColumns> {
        if self.id_column.is_none() && self.vector_column.is_none() && self.fields.is_none() {
            return None;
        }
        let usual = ParquetColumns::default();
        Some(ParquetColumns {
            id: self.id_column.clone().unwrap_or(usual.id),
            vector: self.vector_column.clone().unwrap_or(usual.vector),
            fields: self.fields.clone(),
        })
    }
}

const FORMATS: &str = "\
Formats:
  .npy    a matrix of float16, float32 or float64: little-endian, in C order, one row a document
  .fvecs  for each document its dimension (int32), then its components (float32), little-endian
  .hdf5   the layout of ann-benchmarks: the dataset `train`, of float32 or float64
  .jsonl  one {\"id\", \"vector\", \"metadata\"?} a line; a vector is a list of numbers or base64 of float32
  .parquet  a column with ids, one with vectors; each other column is a field of the metadata, and a column `metadata` of
          texts holds a JSON object with fields, as `annuli export` writes it

The rows of a matrix get their ids from --ids, else from --metadata, else they are called by their numbers, from 0.
Row i belongs to line i of the other files.

Importing twice is harmless: a document replaces the one of the same id. With --workspace there is no index yet: `annuli serve
--workspace DIR` has it afterwards. For a cluster give it the cluster's --shards, and dump it to where the cluster keeps its
dumps, by `annuli dump create NAME --workspace DIR --dumps PLACE`: `annuli dump restore` then has the graphs as they are. While
the graphs of one shard are built it takes about three and a half times the room of its vectors and metadata, of many shards
about two and a half, which is also what stays. What a killed import leaves is removed when the workspace is opened the next
time, by whichever command.";
