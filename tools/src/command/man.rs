//! `annuli man`

use crate::cli::Cli;
use crate::output;
use clap::CommandFactory;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why there are no manual pages.
#[derive(Debug, thiserror::Error)]
pub enum ManError {
    /// They cannot be written.
    #[error("cannot write manual pages into `{}`: {reason}", folder.display())]
    Write {
        /// Where they were to go.
        folder: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// The answer could not be printed.
    #[error("cannot write to stdout: {0}")]
    Output(io::Error),
}

/// Writes a manual page for each command into `folder`, which is made if it is not there.
pub fn run(folder: &Path) -> Result<(), ManError> {
    let failed = |reason| ManError::Write { folder: folder.to_owned(), reason };
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    output::text(&format!("manual pages are in {}\n", folder.display())).map_err(ManError::Output)
}
