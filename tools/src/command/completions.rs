//! `annuli completions`

use crate::cli::Cli;
use crate::output;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io;

/// Prints the completions of a shell.
pub fn run(shell: Shell) -> io::Result<()> {
    // Into memory first: the generator panics when its writer fails, as a pipe does that is closed early.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "annuli", &mut script);
    output::text(&String::from_utf8_lossy(&script))
}
