//! `annuli bench`

use clap::Args;
use std::ffi::OsString;

/// `annuli bench`
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct BenchArgs {
    /// What `annuli-benches` is asked to do, such as `compare --only growth`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<OsString>,
}

const AFTER_HELP: &str = "\
The harness is a program of its own, which is looked for beside this one, then on PATH. Built from a checkout:
  cargo build --release -p annuli-benches

Its own help, and that of one of its commands:
  annuli bench help
  annuli bench help compare

It measures this program, unless its --program, or ANNULI_PROGRAM, names another. Exit codes are its own.";
