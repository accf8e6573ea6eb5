//! Documents as rows of a Parquet file: a column with ids, one with vectors, and metadata in the others.
//!
//! Files are read row by row; of a file that is written, one row group is in memory.

mod cell;
mod reader;
mod vectors;
mod writer;

pub use cell::CellFault;
pub use reader::{ParquetColumns, ParquetFile, ParquetFileError, ParquetRow};
pub use writer::ParquetWriter;

#[cfg(test)]
mod tests;
