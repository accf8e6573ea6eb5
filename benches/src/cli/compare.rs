//! `annuli-benches compare`

use super::{BUILT_PROGRAM, Choice, PROGRAM, seconds};
use crate::compare::part::Part;
use crate::dataset::Name;
use crate::dataset::noise::Growth;
use crate::library::SHARES;
use crate::library::peer::Peer;
use crate::{cluster, compare, library, own, servers};
use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// What to compare, with whom.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// What to measure [default: everything]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Which data sets; growth has its own
    #[arg(long, value_delimiter = ',', default_value = "fashion-mnist,glove-100")]
    dataset: Vec<Choice>,
    /// Also what takes minutes: growth up to a million rows, and a restart and dumps with them
    #[arg(long)]
    large: bool,
    /// Begin nothing after so many minutes; what was left out is named in the report
    #[arg(long, default_value_t = 240)]
    minutes: u32,
    /// Which libraries; those that cannot be had here are skipped, with the reason in the report
    /// [default: all]
    #[arg(long, value_delimiter = ',')]
    peers: Option<Vec<Peer>>,
    /// Which servers; likewise [default: all]
    #[arg(long, value_delimiter = ',')]
    servers: Option<Vec<servers::Peer>>,
    /// Our own program, for the servers and what is operated
    #[arg(long, env = PROGRAM, default_value = BUILT_PROGRAM, value_name = "FILE")]
    program: PathBuf,
    /// Shards of our own server's index, beside other servers, and of the one that is dumped
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
    /// Rounds; of libraries the best of each chunk of queries counts, of servers the median
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
    /// Dumps that are rolled out in a row, at least
    #[arg(long, default_value = "20")]
    rollouts: NonZeroUsize,
    /// Searches that are answered meanwhile, at least
    #[arg(long, default_value_t = 200_000)]
    searches: u64,
    /// A run of seconds for continuous integration: the shipped set beside hnsw_rs, with an error only far outside of
    /// noise; or --only these parts of it, each as short as can be
    #[arg(long, conflicts_with_all = ["dataset", "large", "peers", "servers", "threads", "seconds", "rounds",
          "queries", "rollouts", "searches"])]
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

/// Of what is no search in this process.
const SMOKE_SECONDS: f64 = 0.2;

/// Numbers of replicas and of shards that are compared.
const STEPS: [u32; 3] = [1, 2, 4];

/// Of rollouts, and of searches meanwhile: what a second is enough for.
const SMOKE_ROLLOUTS: (NonZeroUsize, u64) = (NonZeroUsize::new(2).expect("not zero"), 500);

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
        let parts = self.parts();
        compare::Settings {
            libraries: self.libraries(&parts),
            servers: self.servers(&parts),
            own: self.own(),
            cluster: self.cluster(),
            growth: if parts.contains(&Part::Growth) { self.growth().to_vec() } else { Vec::new() },
            of_a_million: if self.large { of_a_million(&parts) } else { Vec::new() },
            at_most: Duration::from_secs(60 * u64::from(self.minutes)),
            parts,
        }
    }

    fn parts(&self) -> Vec<Part> {
        match (self.only.is_empty(), self.smoke) {
            (true, true) => vec![Part::Libraries, Part::Exact],
            (true, false) => Part::value_variants().to_vec(),
            (false, _) => self.only.clone(),
        }
    }

    /// Of servers: of libraries the best counts, so that many are cheap there.
    const fn rounds(&self) -> NonZeroUsize {
        if self.smoke { NonZeroUsize::MIN } else { self.rounds }
    }

    const fn seconds(&self) -> f64 {
        if self.smoke { SMOKE_SECONDS } else { self.seconds }
    }

    const fn growth(&self) -> &'static [Growth] {
        if self.large { &Growth::ALL } else { &Growth::SMALL }
    }

    fn libraries(&self, parts: &[Part]) -> library::Settings {
        let filters = parts.contains(&Part::Filters);
        let searches = parts.contains(&Part::Libraries);
        let all = self.peers.clone().unwrap_or_else(|| Peer::ALL.to_vec());
        let full = library::Settings {
            // Who does not filter has nothing to do where filters are all that is asked for.
            peers: all.into_iter().filter(|peer| searches || filters && peer.filters()).collect(),
            threads: if searches { self.threads.clone() } else { Vec::new() },
            shares: if filters { SHARES.to_vec() } else { Vec::new() },
            build_threads: self.build_threads,
            rounds: self.rounds,
            queries_max: self.queries,
            m: self.m,
            ef_construction: self.ef_construction,
        };
        if self.smoke {
            let (peers, threads) = (vec![Peer::Annuli, Peer::HnswRs], vec![NonZeroUsize::MIN]);
            library::Settings { peers, threads, rounds: SMOKE_ROUNDS, ..full }
        } else {
            full
        }
    }

    fn servers(&self, parts: &[Part]) -> servers::Settings {
        let unfiltered = parts.contains(&Part::Servers).then_some(None);
        let filtered = SHARES.into_iter().filter(|_| parts.contains(&Part::ServersFilters)).map(Some);
        servers::Settings {
            peers: self.servers.clone().unwrap_or_else(|| servers::Peer::value_variants().to_vec()),
            program: self.program.clone(),
            shards: self.shards,
            connections: self.connections.clone(),
            rounds: self.rounds(),
            seconds_per_round: self.seconds(),
            queries_max: self.queries,
            m: self.m,
            ef_construction: self.ef_construction,
            recall: SERVERS_RECALL,
            among: unfiltered.into_iter().chain(filtered).collect(),
        }
    }

    fn own(&self) -> own::Settings {
        own::Settings {
            program: self.program.clone(),
            connections: self.connections.iter().copied().max().unwrap_or(NonZeroUsize::MIN),
            build_threads: self.build_threads,
            rounds: self.rounds(),
            seconds_per_round: self.seconds(),
            queries_max: self.queries,
            m: self.m,
            ef_construction: self.ef_construction,
            recall: SERVERS_RECALL,
        }
    }

    fn cluster(&self) -> cluster::Settings {
        let (rollouts, searches) = if self.smoke { SMOKE_ROLLOUTS } else { (self.rollouts, self.searches) };
        cluster::Settings {
            program: self.program.clone(),
            shards: self.shards,
            steps: if self.smoke { STEPS[..2].to_vec() } else { STEPS.to_vec() },
            rollouts,
            searches,
            rounds: self.rounds(),
            seconds_per_round: self.seconds(),
            m: self.m,
            ef_construction: self.ef_construction,
        }
    }
}

/// Those of the parts that say more with a million rows.
fn of_a_million(parts: &[Part]) -> Vec<Part> {
    parts.iter().copied().filter(|part| matches!(part, Part::Restart | Part::Dumps)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[track_caller]
    fn compare(arguments: &[&str]) -> Compare {
        let arguments = ["annuli-benches", "compare"].iter().chain(arguments);
        let Command::Compare(compare) = Cli::try_parse_from(arguments).unwrap().command else {
            panic!("compare was asked for")
        };
        *compare
    }

    #[test]
    fn everything_is_compared_with_everybody_on_two_data_sets_unless_told_otherwise() {
        let compare = compare(&[]);
        let settings = compare.settings();
        assert_eq!(compare.names(), [Name::FashionMnist, Name::Glove100]);
        assert_eq!(settings.parts, Part::value_variants());
        assert_eq!(settings.libraries.peers, Peer::ALL);
        assert_eq!(settings.servers.peers, servers::Peer::value_variants());
        assert_eq!(settings.growth, Growth::SMALL);
    }

    #[test]
    fn what_takes_minutes_is_asked_for() {
        let settings = compare(&["--large", "--only", "growth"]).settings();
        assert_eq!((settings.growth.as_slice(), settings.of_a_million.len()), (Growth::ALL.as_slice(), 0));
        assert_eq!(compare(&["--large"]).settings().of_a_million, [Part::Restart, Part::Dumps]);
    }

    #[test]
    fn one_part_brings_only_those_who_have_to_do_with_it() {
        let settings = compare(&["--only", "filters"]).settings();
        assert_eq!(settings.libraries.peers, [Peer::Annuli, Peer::AnnuliFull, Peer::QdrantEdge]);
        assert!(settings.libraries.threads.is_empty() && settings.servers.among.is_empty());
        assert!(compare(&["--only", "restart"]).settings().libraries.peers.is_empty());
        assert_eq!(compare(&["--only", "servers"]).settings().servers.among, [None]);
    }

    #[test]
    fn a_smoke_comparison_needs_no_python_and_no_program() {
        let compare = compare(&["--smoke"]);
        assert_eq!(compare.names(), [Name::DebianPackages]);
        let settings = compare.settings();
        assert_eq!(settings.parts, [Part::Libraries, Part::Exact]);
        assert_eq!(settings.libraries.peers, [Peer::Annuli, Peer::HnswRs]);
    }

    #[test]
    fn a_smoke_comparison_may_be_of_other_parts() {
        let compare = compare(&["--smoke", "--only", "dumps"]);
        let settings = compare.settings();
        assert_eq!(
            (compare.names().as_slice(), settings.parts.as_slice()),
            (&[Name::DebianPackages][..], &[Part::Dumps][..])
        );
        assert_eq!(settings.cluster.rounds, NonZeroUsize::MIN);
    }
}
