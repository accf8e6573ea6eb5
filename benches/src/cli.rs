//! The command line.

use crate::dataset::Name;
use crate::dataset::noise::Growth;
use crate::fault::{SMOKE_EF, Strictness};
use crate::library::peer::Peer;
use crate::settings::{Settings, Target};
use crate::{compare, library, servers, worker};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Measures Annuli over HTTP: recall, load, memory, restart
///
/// Exit codes: 0 all is well; 1 an answer was wrong; 2 the run could not be done.
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
    Compare(Compare),
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
    #[value(name = "noise-30k")]
    Noise30k,
    #[value(name = "noise-100k")]
    Noise100k,
    #[value(name = "noise-300k")]
    Noise300k,
    #[value(name = "noise-1m")]
    Noise1m,
    /// The real ones
    All,
}

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Which data sets
    #[arg(long, default_value = "all")]
    dataset: Choice,
    /// The program to start and measure
    #[arg(long, default_value = "target/release/annuli", value_name = "FILE")]
    program: PathBuf,
    /// Measure a program that runs already, such as http://127.0.0.1:7700, instead of starting one
    #[arg(long, conflicts_with_all = ["program", "smoke"], value_parser = address_of)]
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

/// What to compare, with whom.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// Which data sets
    #[arg(long, value_delimiter = ',', default_value = "fashion-mnist,glove-100")]
    dataset: Vec<Choice>,
    /// Which libraries; those that cannot be had here are skipped, with the reason in the report [default:
    /// all, or none where servers are given]
    #[arg(long, value_delimiter = ',', conflicts_with = "all_peers")]
    peers: Option<Vec<Peer>>,
    /// All libraries, also where servers are given
    #[arg(long)]
    all_peers: bool,
    /// Which servers; without any only libraries are compared
    #[arg(long, value_delimiter = ',')]
    servers: Vec<servers::Peer>,
    /// Our own program, for the servers
    #[arg(long, default_value = "target/release/annuli", value_name = "FILE")]
    program: PathBuf,
    /// Shards of our own server's index
    #[arg(long, default_value_t = 2)]
    shards: u32,
    /// Connections to a server at the same time
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    connections: Vec<NonZeroUsize>,
    /// Least seconds that each server is measured in a round
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Threads to search on, each a comparison of its own
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<NonZeroUsize>,
    /// Threads to build on
    #[arg(long, default_value = "2")]
    build_threads: NonZeroUsize,
    /// Rounds; of each chunk of queries the best one counts
    #[arg(long, default_value = "3")]
    rounds: NonZeroUsize,
    /// At most so many queries, a fair sample of a set's
    #[arg(long, default_value_t = 10_000)]
    queries: usize,
    /// Neighbours of a point in the graph, twice as many on its lowest level
    #[arg(long, default_value_t = 16)]
    m: usize,
    /// Width of the beam while building
    #[arg(long, default_value_t = 200)]
    ef_construction: usize,
    /// Also search among 1, 10 and 50 % of the rows, with the peers that can
    #[arg(long)]
    filters: bool,
    /// A run of seconds for continuous integration: the shipped set beside hnsw_rs, with an error only far outside of
    /// noise
    #[arg(long, conflicts_with_all = ["dataset", "peers", "all_peers", "threads", "rounds", "queries", "filters", "servers"])]
    smoke: bool,
    /// The date for the report [default: now]
    #[arg(long)]
    pub date: Option<String>,
    /// Folder for results.json, report.md and report.html
    #[arg(long, default_value = "target/benches/compare", value_name = "DIR")]
    pub out: PathBuf,
}

/// The shipped set has 200 queries: a round is milliseconds, and the best of many is hardly disturbed.
const SMOKE_ROUNDS: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");

/// Recall that servers are compared at.
const SERVERS_RECALL: f64 = 0.95;

impl Compare {
    pub(crate) fn names(&self) -> Vec<Name> {
        if self.smoke {
            return vec![Name::DebianPackages];
        }
        self.dataset.iter().flat_map(|choice| choice.names()).copied().collect()
    }

    pub(crate) fn settings(&self) -> compare::Settings {
        compare::Settings { libraries: self.libraries(), servers: self.servers() }
    }

    fn libraries(&self) -> library::Settings {
        let all = self.all_peers || self.servers.is_empty();
        let full = library::Settings {
            peers: self.peers.clone().unwrap_or_else(|| if all { Peer::ALL.to_vec() } else { Vec::new() }),
            threads: self.threads.clone(),
            build_threads: self.build_threads,
            rounds: self.rounds,
            queries_max: self.queries,
            m: self.m,
            ef_construction: self.ef_construction,
            filters: self.filters,
        };
        if self.smoke {
            let (peers, threads) = (vec![Peer::Annuli, Peer::HnswRs], vec![NonZeroUsize::MIN]);
            library::Settings { peers, threads, rounds: SMOKE_ROUNDS, ..full }
        } else {
            full
        }
    }

    fn servers(&self) -> servers::Settings {
        servers::Settings {
            peers: self.servers.clone(),
            program: self.program.clone(),
            shards: self.shards,
            connections: self.connections.clone(),
            rounds: self.rounds,
            seconds_per_round: self.seconds,
            queries_max: self.queries,
            m: self.m,
            ef_construction: self.ef_construction,
            recall: SERVERS_RECALL,
            filters: self.filters,
        }
    }
}

impl Choice {
    pub(crate) fn names(self) -> &'static [Name] {
        match self {
            Self::FashionMnist => &[Name::FashionMnist],
            Self::DebianPackages => &[Name::DebianPackages],
            Self::Glove100 => &[Name::Glove100],
            Self::Word2vecGoogle26k => &[Name::Word2vecGoogle26k],
            Self::Noise10k => &[Name::Noise(Growth::Thousands10)],
            Self::Noise30k => &[Name::Noise(Growth::Thousands30)],
            Self::Noise100k => &[Name::Noise(Growth::Thousands100)],
            Self::Noise300k => &[Name::Noise(Growth::Thousands300)],
            Self::Noise1m => &[Name::Noise(Growth::Million)],
            Self::All => &Name::ALL,
        }
    }
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

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=3600.0).contains(seconds));
    seconds.ok_or_else(|| "not a number from 0 to 3600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[track_caller]
    fn run(arguments: &[&str]) -> Run {
        let arguments = ["annuli-benches", "run"].iter().chain(arguments);
        let Command::Run(run) = Cli::try_parse_from(arguments).unwrap().command else { panic!("run was asked for") };
        run
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_run_measures_all_data_sets_unless_told_otherwise() {
        let run = run(&[]);
        assert_eq!(run.names(), Name::ALL);
        assert_eq!(run.settings().ef, [16, 32, 64, 128, 256]);
        assert_eq!(run.settings().target, Target::Program("target/release/annuli".into()));
    }

    #[test]
    fn a_comparison_is_of_two_data_sets_with_everybody_unless_told_otherwise() {
        let cli = Cli::try_parse_from(["annuli-benches", "compare"]).unwrap();
        let Command::Compare(compare) = cli.command else { panic!("compare was asked for") };
        assert_eq!(compare.names(), [Name::FashionMnist, Name::Glove100]);
        assert_eq!(compare.settings().libraries.peers, Peer::ALL);
    }

    #[test]
    fn a_smoke_comparison_needs_no_python() {
        let cli = Cli::try_parse_from(["annuli-benches", "compare", "--smoke"]).unwrap();
        let Command::Compare(compare) = cli.command else { panic!("compare was asked for") };
        assert_eq!(compare.names(), [Name::DebianPackages]);
        assert_eq!(compare.settings().libraries.peers, [Peer::Annuli, Peer::HnswRs]);
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
