//! `annuli export`

use annuli_core::IndexName;
use annuli_core::limits::K_MAX;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Documents that are asked for at once, unless said otherwise: enough that the request costs little beside them.
const PAGE_DEFAULT: u64 = 1000;

/// Documents in one file, unless said otherwise: what is begun again after a failure, and a file that other tools open.
const PART_DOCUMENTS_DEFAULT: u64 = 1_000_000;

/// `annuli export`
#[derive(Debug, Args)]
#[command(after_help = PARTS)]
pub struct ExportArgs {
    /// The folder of the files; made, if it is not there
    pub folder: PathBuf,

    /// Index to read
    #[arg(long, value_name = "NAME", value_parser = IndexName::new)]
    pub index: IndexName,

    /// What to write
    #[arg(long, value_enum)]
    pub format: ExportFormat,

    /// Only documents that match, as JSON: '{"price": {"$lt": 5}}'
    #[arg(long, value_name = "JSON")]
    pub filter: Option<String>,

    /// Most documents in one file
    #[arg(long, value_name = "N", default_value_t = PART_DOCUMENTS_DEFAULT, value_parser = clap::value_parser!(u64).range(1..))]
    pub part_documents: u64,

    /// Most documents in one answer of the server
    #[arg(long, value_name = "N", default_value_t = PAGE_DEFAULT, value_parser = clap::value_parser!(u64).range(1..=K_MAX as u64))]
    pub page: u64,
}

/// What an export writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One {"id", "vector", "metadata"?} a line
    Jsonl,
    /// Columns `id`, `vector` and `metadata` (JSON)
    Parquet,
}

const PARTS: &str = "\
The files are part-00000.parquet, part-00001.parquet and so on, documents in the order of their ids; `annuli import`
reads each. A file has its name once it is whole, and _export.json says how far the export is: the same command again goes
on behind the last whole file, and does nothing when all are there.

Documents that are written meanwhile may be in the files or not, each as it was at some moment. For one moment of all of
them there is `annuli dump`.";
