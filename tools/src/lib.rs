//! The parts of the `annuli` binary: the command line and what it does. Modules in reading order.

pub mod cli;
pub mod exit;

pub mod config;
pub mod logging;

pub mod checkpoint;
pub mod client;
pub mod clock;
pub mod lines;
pub mod output;
pub mod parquet_file;
pub mod vector_file;

pub mod command;

mod open_files;
mod process_figures;
pub mod serve;
mod told;
pub mod topology;
mod traces;

pub mod keys;
mod reload;
pub mod tls;

pub mod indexer;
pub mod membership;
mod peers;
pub mod router;

pub mod local_cluster;
