//! `annuli-benches run`

use super::{BUILT_PROGRAM, Choice, PROGRAM, seconds};
use crate::dataset::Name;
use crate::fault::{SMOKE_EF, Strictness};
use crate::settings::{Settings, Target};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Which data sets
    #[arg(long, default_value = "all")]
    dataset: Choice,
    /// The program to start and measure
    #[arg(long, env = PROGRAM, default_value = BUILT_PROGRAM, value_name = "FILE")]
    program: PathBuf,
    /// Measure a program that runs already, such as http://127.0.0.1:7700, instead of starting --program; ANNULI_API_KEY is
    /// the key that it asks for
    #[arg(long, conflicts_with = "smoke", value_parser = address_of)]
    url: Option<String>,
    /// Shards of each index
    #[arg(long, default_value_t = 2)]
    shards: u32,
    /// Widths of the search beam
    #[arg(long, value_delimiter = ',', default_value = "16,32,64,128,256")]
    ef: Vec<usize>,
    /// Numbers of clients that send at the same time
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    connections: Vec<NonZeroUsize>,
    /// Rounds; the figures shown are medians over them
    #[arg(long, default_value = "3")]
    rounds: NonZeroUsize,
    /// Least seconds that each way to send is measured in a round; never less than all queries once
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// The date for the report [default: now]
    #[arg(long)]
    pub date: Option<String>,
    /// Folder for results.json and report.md
    #[arg(long, default_value = "target/benches", value_name = "DIR")]
    pub out: PathBuf,
    /// A run of seconds for continuous integration: debian-packages in one round, with an error if recall at ef 128
    /// is below 0.95
    #[arg(long, conflicts_with_all = ["dataset", "ef", "connections", "rounds", "seconds"])]
    smoke: bool,
}

impl Run {
    pub(crate) fn names(&self) -> &'static [Name] {
        if self.smoke { &[Name::DebianPackages] } else { self.dataset.names() }
    }

    pub(crate) fn strictness(&self) -> Strictness {
        if self.smoke { Strictness::Smoke } else { Strictness::Answers }
    }

    pub(crate) fn settings(&self) -> Settings {
        let target = match &self.url {
            Some(address) => Target::Address(address.clone()),
            None => Target::Program(self.program.clone()),
        };
        let full = Settings {
            target,
            shards: self.shards,
            ef: self.ef.clone(),
            connections: self.connections.clone(),
            rounds: self.rounds.get(),
            seconds_per_round: self.seconds,
        };
        if self.smoke {
            let connections = vec![NonZeroUsize::MIN];
            Settings { ef: vec![SMOKE_EF], connections, rounds: 1, seconds_per_round: 0.2, ..full }
        } else {
            full
        }
    }
}

/// `host:port` of a URL. Without TLS: encryption is not what is measured here.
fn address_of(url: &str) -> Result<String, String> {
    let address = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let address = address.filter(|address| address.contains(':') && !address.contains('/'));
    address.map(str::to_owned).ok_or_else(|| "write it as http://host:port".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[track_caller]
    fn run(arguments: &[&str]) -> Run {
        let arguments = ["annuli-benches", "run"].iter().chain(arguments);
        let Command::Run(run) = Cli::try_parse_from(arguments).unwrap().command else { panic!("run was asked for") };
        run
    }

    #[test]
    fn a_run_measures_all_data_sets_unless_told_otherwise() {
        let run = run(&["--program", "annuli"]);
        assert_eq!(run.names(), Name::ALL);
        assert_eq!(run.settings().ef, [16, 32, 64, 128, 256]);
        assert_eq!(run.settings().target, Target::Program("annuli".into()));
    }

    #[test]
    fn a_smoke_run_is_short_and_strict() {
        let run = run(&["--smoke", "--shards", "3"]);
        assert_eq!(run.names(), [Name::DebianPackages]);
        assert_eq!(run.strictness(), Strictness::Smoke);
        let settings = run.settings();
        assert_eq!((settings.ef.as_slice(), settings.rounds, settings.shards), ([SMOKE_EF].as_slice(), 1, 3));
        assert!(Cli::try_parse_from(["annuli-benches", "run", "--smoke", "--ef", "16"]).is_err());
    }

    #[test]
    fn a_url_is_an_address_without_a_path() {
        assert_eq!(address_of("http://127.0.0.1:7700/").as_deref(), Ok("127.0.0.1:7700"));
        for wrong in ["127.0.0.1:7700", "https://localhost:7700", "http://localhost:7700/v1", "http://localhost"] {
            assert!(address_of(wrong).is_err(), "{wrong}");
        }
    }
}
