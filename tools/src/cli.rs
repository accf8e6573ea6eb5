//! The command line: definitions only. The doc comments are the help.

mod bench;
mod coordinator;
mod dump;
mod events;
mod export;
mod import;
mod index;
mod role;
mod rollout;
mod search;
mod task;

pub use bench::BenchArgs;
pub use coordinator::CoordinatorCommand;
pub use dump::{DumpCommand, DumpCreate, DumpDelete, DumpInspect, DumpList, DumpRestore, DumpVerify, StoreArgs};
pub use events::EventsArgs;
pub use export::{ExportArgs, ExportFormat};
pub use import::ImportArgs;
pub use index::{IndexCommand, IndexCreate, IndexDelete, IndexInfoArgs};
pub use role::{
    ClusterArgs, ClusterCommand, ClusterUp, CoordinationArgs, CoordinationPlace, IndexerArgs, Interval, InvalidEtcd,
    NodeRole, ReshardArgs, RouterArgs,
};
pub use rollout::{RolloutArgs, RolloutCommand, RolloutStart};
pub use search::{IncludePart, SearchArgs};
pub use task::{TaskArgs, TaskCommand, TaskList};

use crate::client::{InvalidServer, Server};
use crate::config::{Flags, LogFormat};
use annuli_core::Metric;
use annuli_core::Quantization;
use annuli_core::ShardCount;
use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// Sharded indexes for nearest-neighbour search: the server and its tools.
#[derive(Debug, Parser)]
#[command(name = "annuli", version, propagate_version = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// For every command.
    #[command(flatten)]
    pub global: Global,
}

impl Cli {
    /// Reads the command line of this process; one that is wrong is the end of it.
    pub fn read() -> Self {
        let matches = Self::command().get_matches();
        let read = Self::from_arg_matches(&matches);
        read.and_then(|cli| check(&matches).map(|()| cli)).unwrap_or_else(|error| error.exit())
    }
}

fn check(matches: &ArgMatches) -> Result<(), clap::Error> {
    dump::check_place(matches)?;
    check_url(matches)
}

/// Refuses a server where a command works without one: it was passed over. A variable may stand there for other commands.
fn check_url(matches: &ArgMatches) -> Result<(), clap::Error> {
    let is_said = |name: &str, of: &ArgMatches| of.value_source(name) == Some(ValueSource::CommandLine);
    let (verb, command) = match matches.subcommand() {
        Some(("dump", dump)) => dump.subcommand(),
        command => command.filter(|(name, _)| *name == "import"),
    }
    .unwrap_or(("", matches));
    let message = match verb {
        "import" | "create" | "restore" if is_said("workspace", command) => {
            "--workspace and --url name two places: leave out the one that is not meant"
        }
        "list" | "delete" if !command.get_flag("online") => {
            "--url: this command reads dumps where they are kept; to ask the server add --online, or leave --url out"
        }
        "inspect" | "verify" => "--url: this command reads dumps where they are kept, and asks no server: leave it out",
        _ => return Ok(()),
    };
    if is_said("url", command) { Err(Cli::command().error(ErrorKind::ArgumentConflict, message)) } else { Ok(()) }
}

/// Kept in step with `exit::Exit` by a test there.
const EXIT_CODES: &str = "\
Exit codes:
   0  done
   1  failed; the message says why
   2  the command line is wrong
  69  the server cannot be reached, or does not answer
  78  the configuration is wrong";

/// What `annuli` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a server: everything in one process, data in a folder
    Serve(Flags),
    /// Run a router of a cluster: it takes requests, and asks the processes that hold the shards
    Router(RouterArgs),
    /// Run a process of a cluster that holds one shard of every index
    Indexer(IndexerArgs),
    /// Run a whole cluster on this machine, or show who is in one
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Show which router coordinates a cluster, or let another have its turn
    #[command(subcommand)]
    Coordinator(CoordinatorCommand),
    /// Print the configuration that `serve` would run with, and where each value comes from
    Config(Flags),
    /// Create, list, describe and delete indexes
    #[command(subcommand)]
    Index(IndexCommand),
    /// Store the vectors of a file: .npy, .fvecs, .hdf5, .jsonl or .parquet
    Import(ImportArgs),
    /// Write the documents of an index into files: .jsonl or .parquet
    Export(ExportArgs),
    /// Find the nearest documents
    Search(SearchArgs),
    /// Create, check, restore and delete dumps
    #[command(subcommand)]
    Dump(DumpCommand),
    /// Move the replicas of a cluster to another dump
    #[command(subcommand)]
    Rollout(RolloutCommand),
    /// Show what happens in a cluster
    Events(EventsArgs),
    /// Look at what is done in the background
    #[command(subcommand)]
    Task(TaskCommand),
    /// Measure this program, by the benchmark harness `annuli-benches`
    Bench(BenchArgs),
    /// Write the manual pages of all commands into a folder
    Man {
        /// Made, if it is not there
        folder: PathBuf,
    },
    /// Print the completions of a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
}

/// For every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Server to talk to
    #[arg(long, global = true, env = "ANNULI_URL", default_value = "http://127.0.0.1:7700")]
    pub url: String,

    /// File with the API key that the server asks for; also ANNULI_API_KEY, the key itself
    #[arg(long, global = true, value_name = "FILE", env = "ANNULI_API_KEY_FILE", value_parser = file_or_none())]
    pub api_key_file: Option<PathBuf>,

    /// Certificates (PEM) of whoever issued the server's; those that this machine believes, if none are named
    #[arg(long, global = true, value_name = "FILE", env = "ANNULI_CA_FILE", value_parser = file_or_none())]
    pub ca_file: Option<PathBuf>,

    /// Tables for people, or the API's JSON
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub output: OutputFormat,

    /// What is logged to stderr, such as `info` or `warn,annuli_indexer=debug`; also ANNULI_LOG
    /// [default: info for serve, warn for the rest]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,

    /// How it is logged [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl Global {
    /// The server to talk to, with the key that it asks for.
    pub fn server(&self) -> Result<Server, InvalidServer> {
        let named = |file: &'_ Option<PathBuf>| file.clone().filter(|path| !path.as_os_str().is_empty());
        Server::with_key(&self.url, named(&self.api_key_file).as_deref())?.trusting(named(&self.ca_file).as_deref())
    }

    /// The flags of a server, those for every command included.
    pub fn complete(&self, flags: Flags) -> Flags {
        Flags { log: self.log.clone(), log_format: self.log_format, ..flags }
    }
}

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Tables for people
    Table,
    /// JSON for programs
    Json,
}

/// Reads a path that may be empty: a variable that is empty is how a shell or a compose file leaves one out.
fn file_or_none() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// Reads the path of a file that is not left out by an empty variable: whoever sets that means one.
fn file(variable: &'static str) -> impl TypedValueParser<Value = PathBuf> {
    let named = move |path: OsString| if path.is_empty() { Err(NoFile { variable }) } else { Ok(PathBuf::from(path)) };
    OsStringValueParser::new().try_map(named)
}

/// A path that is empty.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it names no file; if none is meant, unset {variable}")]
struct NoFile {
    /// The variable that says it too.
    variable: &'static str,
}

/// Reads a metric, and lets clap list them all.
fn metric() -> impl TypedValueParser<Value = Metric> {
    PossibleValuesParser::new(Metric::ALL.map(Metric::name)).try_map(|name| Metric::from_name(&name))
}

/// Reads a quantization, and lets clap list them all.
fn quantization() -> impl TypedValueParser<Value = Quantization> {
    PossibleValuesParser::new(Quantization::ALL.map(Quantization::name)).try_map(|name| Quantization::from_name(&name))
}

/// Reads a number of shards.
fn shards() -> impl TypedValueParser<Value = ShardCount> {
    clap::value_parser!(u32).try_map(ShardCount::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[track_caller]
    fn check(line: &str, accepted: bool) {
        let words = ["annuli"].into_iter().chain(line.split_whitespace());
        let parsed = Cli::try_parse_from(words);
        assert_eq!(parsed.is_ok(), accepted, "{line}: {:?}", parsed.err().map(|error| error.to_string()));
    }

    #[test]
    fn a_search_has_exactly_one_query() {
        check("search --index a --id 7", true);
        check("search --index a --vector [1,2]", true);
        check("search --index a --vectors q.npy --row 3", true);
        check("search --index a", false);
        check("search --index a --id 7 --vector [1]", false);
        check("search --index a --vectors q.npy", false);
        check("search --index a --id 7 --row 3", false);
    }

    #[test]
    fn an_empty_name_of_a_file_is_none() {
        let cli = Cli::try_parse_from(["annuli", "index", "list", "--ca-file", "", "--api-key-file="]).unwrap();
        assert!(cli.global.server().is_ok());
        let cli = Cli::try_parse_from(["annuli", "index", "list", "--ca-file", "nowhere.pem"]).unwrap();
        assert!(cli.global.server().unwrap_err().to_string().starts_with("cannot read `nowhere.pem`"));
    }

    /// It was said that a flag lacks a value, to somebody who had set a variable.
    #[test]
    fn an_empty_name_of_a_secret_or_a_topology_is_refused_with_its_variable() {
        for (flag, variable) in
            [("--cluster-secret-file", "ANNULI_CLUSTER_SECRET_FILE"), ("--topology", "ANNULI_TOPOLOGY")]
        {
            let said = Cli::try_parse_from(["annuli", "router", flag, ""]).unwrap_err().to_string();
            assert!(said.contains(&format!("it names no file; if none is meant, unset {variable}")), "{said}");
        }
    }

    #[test]
    fn a_benchmark_is_given_everything_after_its_first_word() {
        let cli = Cli::try_parse_from(["annuli", "bench", "compare", "--only", "growth", "--help", "--url", "x"]);
        let Command::Bench(bench) = cli.unwrap().command else { panic!("bench was asked for") };
        assert_eq!(bench.arguments, ["compare", "--only", "growth", "--help", "--url", "x"]);
    }

    #[test]
    fn names_and_bounds_are_checked_at_once() {
        check("index create faces --dim 4 --metric cosine --shards 2", true);
        check("index create Faces --dim 4 --metric cosine", false);
        check("index create faces --dim 5000 --metric cosine", false);
        check("index create faces --dim 4 --metric manhattan", false);
        check("index create faces --dim 4 --metric cosine --shards 0", false);
        check("cluster up --shards 256 --routers 16", true);
        check("cluster up --shards 257", false);
        check("cluster up --routers 17", false);
        check("cluster reshard --shards 3 --wait", true);
        check("cluster reshard --cancel", true);
        check("cluster reshard", false);
        check("cluster reshard --shards 3 --cancel", false);
        check("index create faces --dim 4 --metric cosine --quantization int4", true);
        check("index create faces --dim 4 --metric cosine --quantization int2", false);
        check("dump verify 01890a5d-ac96-774b-bcce-b302099a8057", true);
        check("dump verify newest", false);
        check("import a.npy --index a --batch 0", false);
        check("import a.npy --index a --metric cosine --workspace w --shards 3 --m 8 --quantization int4", true);
        check("import a.npy --index a --workspace w", false);
        check("import a.npy --index a --metric cosine --m 8", false);
        check("import a.npy --index a --metric cosine --workspace w --checkpoint c", false);
        check("import a.npy --index a --metric cosine --workspace w --connections 2", false);
        check("rollout start faces --generation 3 --max-unavailable 2 --approve --watch", true);
        check("rollout start faces --max-unavailable 0", false);
        check("rollout start faces --plan --wait", false);
        check("rollout start faces --wait --watch", false);
        check("rollout watch faces newest", false);
        check("events --follow --after 17-1", true);
        check("events --after newest", false);
        check("import a.npy --index a --connections 0", false);
    }
}
