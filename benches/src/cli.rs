//! The command line.

mod compare;
mod run;

pub(crate) use compare::Compare;
pub(crate) use run::Run;

use crate::dataset::Name;
use crate::dataset::noise::Growth;
use crate::worker;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Measures Annuli: alone and beside its peers, as a library and over HTTP
///
/// Exit codes: 0 all is well; 1 an answer was wrong, or a floor was missed; 2 the run could not be done.
#[derive(Debug, Parser)]
#[command(name = "annuli-benches")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Where fetched data sets are kept [default: ~/.cache/annuli/data]
    #[arg(long, global = true, env = "ANNULI_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fetch and verify data sets
    Fetch {
        /// Which
        #[arg(long, default_value = "all")]
        dataset: Choice,
    },
    /// Measure the service over HTTP, print a report and write results.json and report.md
    Run(Run),
    /// Measure Annuli beside its peers, print tables and write results.json, report.md and
    /// report.html
    Compare(Box<Compare>),
    /// Serve a library's index to `compare`, which starts this by itself
    #[command(hide = true)]
    Worker {
        /// Which
        engine: worker::Engine,
    },
}

/// Data sets to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    FashionMnist,
    DebianPackages,
    #[value(name = "glove-100")]
    Glove100,
    #[value(name = "word2vec-google-26k")]
    Word2vecGoogle26k,
    #[value(name = "noise-10k")]
    Noise10k,
    #[value(name = "noise-32k")]
    Noise32k,
    #[value(name = "noise-100k")]
    Noise100k,
    #[value(name = "noise-316k")]
    Noise316k,
    #[value(name = "noise-1m")]
    Noise1m,
    /// The real ones
    All,
}

/// Names our own program; `annuli bench` sets it to itself.
const PROGRAM: &str = "ANNULI_PROGRAM";

/// Where our own program is after `cargo build --release -p annuli`.
const BUILT_PROGRAM: &str = "target/release/annuli";

impl Choice {
    pub(crate) fn names(self) -> &'static [Name] {
        match self {
            Self::FashionMnist => &[Name::FashionMnist],
            Self::DebianPackages => &[Name::DebianPackages],
            Self::Glove100 => &[Name::Glove100],
            Self::Word2vecGoogle26k => &[Name::Word2vecGoogle26k],
            Self::Noise10k => &[Name::Noise(Growth::Thousands10)],
            Self::Noise32k => &[Name::Noise(Growth::Thousands32)],
            Self::Noise100k => &[Name::Noise(Growth::Thousands100)],
            Self::Noise316k => &[Name::Noise(Growth::Thousands316)],
            Self::Noise1m => &[Name::Noise(Growth::Million)],
            Self::All => &Name::ALL,
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "not a number from 0 to 3600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
