//! `annuli`: reads the command line, does what it says, and ends with the exit code that its help promises.

use annuli::cli::Cli;
use annuli::command;
use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run(Cli::read()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever closes the pipe has read what they wanted: `annuli search … | head -1`.
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit().into()
        }
    }
}
