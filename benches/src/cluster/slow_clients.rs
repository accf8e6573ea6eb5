//! Our server searched by a few clients, alone and beside a crowd that sends its requests byte by byte.

use super::crowd::{Crowd, allow_connections};
use super::results::{Latency, SlowClients, SlowClientsRound};
use super::searchers::{self, Searcher};
use super::{Failed, Settings};
use crate::clock::pause;
use crate::dataset::Dataset;
use crate::dataset::split::shuffled;
use crate::figures::median;
use crate::progress::Progress;
use crate::remote_index::Effort;
use crate::server::Program;
use std::time::Duration;

/// Of those that send slowly.
const CROWD: usize = 2_000;

/// That search without a pause.
const CLIENTS: usize = 4;

/// The beam of every search.
const EF: usize = 64;

/// Queries that are asked over and over.
const QUERIES: usize = 500;

/// Measures both in turns.
pub(super) fn measure(settings: &Settings, dataset: &Dataset, progress: &Progress) -> Result<SlowClients, Failed> {
    progress.tell("starting and filling our own server");
    // Before the server starts, which holds as many: it inherits what is allowed here.
    allow_connections(CROWD)?;
    let program = Program::new(&settings.program, settings.shards)?;
    let process = program.start()?;
    let index = settings.fill(&process.address, dataset, settings.shards)?;
    let mut queries = shuffled(dataset.queries.nrows());
    queries.truncate(QUERIES);
    let requests: Vec<_> = queries.iter().map(|&query| index.search(dataset, &[query], Effort::Ef(EF), None)).collect();
    let searchers: Vec<_> = (0..CLIENTS).map(|_| Searcher { address: index.address(), requests: &requests }).collect();
    let search = || {
        let for_a_while = Duration::from_secs_f64(settings.seconds_per_round);
        searchers::while_doing(&searchers, |_| {
            pause(for_a_while);
            Ok(())
        })
    };
    // What is not in memory yet is fetched before anything counts.
    search()?;
    let mut rounds = Vec::new();
    for round in 1..=settings.rounds.get() {
        progress.tell(&format!("searches alone and beside a crowd, round {round} of {}", settings.rounds));
        let ((), alone) = search()?;
        let crowd = Crowd::gather(CROWD, index.address(), &requests[0])?;
        let ((), beside) = search()?;
        let cut_off = crowd.disperse();
        let failed = alone.failed + beside.failed;
        let failures = alone.failures.into_iter().chain(beside.failures).collect();
        rounds.push(SlowClientsRound { alone: alone.latency, beside: beside.latency, failed, failures, cut_off });
    }
    let p99 = |of: fn(&SlowClientsRound) -> Latency| {
        median(rounds.iter().map(|round| of(round).p99_ms)).expect("at least one round")
    };
    Ok(SlowClients {
        crowd: CROWD,
        clients: CLIENTS,
        ef: EF,
        alone_p99_ms: p99(|round| round.alone),
        beside_p99_ms: p99(|round| round.beside),
        rounds,
    })
}
