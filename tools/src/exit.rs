//! The exit codes of the command line.

use std::process::ExitCode;

/// How a command ended. Numbers beyond 2 are those of `sysexits.h`; 2 is what clap exits with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It failed; the message says why.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The server cannot be reached, or does not answer (`EX_UNAVAILABLE`).
    Unreachable = 69,
    /// The configuration is wrong (`EX_CONFIG`).
    Configuration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_help_names_every_exit_code() {
        let help = Cli::command().render_help().to_string();
        for exit in [Exit::Failure, Exit::Usage, Exit::Unreachable, Exit::Configuration] {
            let line = format!("{:>4}  ", exit as u8);
            assert!(help.lines().any(|text| text.starts_with(&line)), "{exit:?}: {help}");
        }
    }
}
