//! The race of the servers: which beam each needs, then closed loops in turns.

use super::results::{Load, OnConnections, ServerResults, ServersResults};
use super::{Client, Failed, Question, Server, Set, Settings};
use crate::clock::Stopwatch;
use crate::figures::{median, percentile_ms};
use crate::library::results::Skipped;
use crate::recall::{self, Judge};
use crate::workers::{share_out, share_out_passes};
use std::time::Duration;

/// From as wide as the answer on.
const WIDTHS: [usize; 21] =
    [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1000];

/// Queries that recall is judged by while a beam is looked for.
const SAMPLE: usize = 1000;

/// All that take part.
pub(super) struct Race<'a> {
    settings: &'a Settings,
    set: &'a Set<'a>,
    runners: Vec<Runner>,
    skipped: Vec<Skipped>,
}

struct Runner {
    server: Box<dyn Server>,
    results: ServerResults,
    failed: bool,
}

/// A runner's beam and its rounds.
struct Lane {
    runner: usize,
    question: Question,
    recall: f64,
    reached: bool,
    /// For each number of connections the rounds.
    rounds: Vec<Vec<Round>>,
}

struct Round {
    queries_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl<'a> Race<'a> {
    pub(super) fn new(settings: &'a Settings, set: &'a Set<'a>) -> Self {
        Self { settings, set, runners: Vec::new(), skipped: Vec::new() }
    }

    /// Starts a server and fills it. One after the other: an ingest takes every core that there is.
    pub(super) fn enter(&mut self, name: &'static str, start: impl FnOnce() -> Result<Box<dyn Server>, Failed>) {
        eprintln!("{}: starting and filling {name}", self.set.dataset.name.as_str());
        let entered = start().and_then(|mut server| {
            let ingest = server.ingest(self.set)?;
            let results = ServerResults {
                name,
                version: server.version(),
                ingest,
                memory_bytes: None,
                search: None,
                filtered: Vec::new(),
                restart_seconds: None,
            };
            Ok(Runner { server, results, failed: false })
        });
        match entered {
            Ok(runner) => self.runners.push(runner),
            Err(error) => self.skipped.push(Skipped { peer: name, reason: error.to_string() }),
        }
    }

    /// Searches, and hands what came of it for each runner to `keep`.
    pub(super) fn search(
        &mut self,
        parts_below: Option<u8>,
        judge: &Judge<'_>,
        mut keep: impl FnMut(&mut ServerResults, Load),
    ) {
        let mut lanes = Vec::new();
        for number in 0..self.runners.len() {
            match self.look_for_width(number, parts_below, judge) {
                Ok(lane) => lanes.push(lane),
                Err(error) => self.drop_out(number, &error),
            }
        }
        for round in 1..=self.settings.rounds.get() {
            eprintln!("servers: round {round} of {}", self.settings.rounds);
            for lane in &mut lanes {
                if let Err(error) = self.run(lane) {
                    self.drop_out(lane.runner, &error);
                }
            }
        }
        for lane in lanes {
            let runner = &mut self.runners[lane.runner];
            if !runner.failed {
                let connections = self.settings.connections.iter().map(|count| count.get());
                keep(&mut runner.results, lane.load(connections));
            }
        }
    }

    pub(super) fn note_memory(&mut self) {
        for runner in self.runners.iter_mut().filter(|runner| !runner.failed) {
            runner.results.memory_bytes = runner.server.memory_bytes();
        }
    }

    pub(super) fn restart(&mut self) {
        for number in 0..self.runners.len() {
            if self.runners[number].failed {
                continue;
            }
            match self.runners[number].server.restart(self.set) {
                Ok(seconds) => self.runners[number].results.restart_seconds = Some(seconds),
                Err(error) => self.drop_out(number, &error),
            }
        }
    }

    pub(super) fn results(self) -> ServersResults {
        let peers = self.runners.into_iter().map(|runner| runner.results).collect();
        ServersResults { peers, skipped: self.skipped }
    }

    fn look_for_width(&mut self, number: usize, parts_below: Option<u8>, judge: &Judge<'_>) -> Result<Lane, Failed> {
        let runner = &mut self.runners[number];
        if runner.failed {
            return Err(Failed::Unusable("it dropped out before".to_owned()));
        }
        let sample = &self.set.queries[..self.set.queries.len().min(SAMPLE)];
        let rounds = self.settings.connections.iter().map(|_| Vec::new());
        let mut lane = Lane {
            runner: number,
            question: Question { ef: WIDTHS[0], parts_below },
            recall: 0.0,
            reached: false,
            rounds: rounds.collect(),
        };
        for ef in WIDTHS {
            let question = Question { ef, parts_below };
            let mut clients = runner.server.clients(self.set, question, 2)?;
            let answers = share_out(&mut clients, sample.len(), |client, query| client.ask(sample[query]))?;
            let found = judge.judge_rows(sample, &answers).recall().unwrap_or_default();
            // The widest of those that find the most is no use: the narrowest one that reaches the target is, else
            // whichever found most.
            if found > lane.recall {
                (lane.question, lane.recall) = (question, found);
            }
            if found >= self.settings.recall {
                lane.reached = true;
                break;
            }
        }
        eprintln!("servers: {} at ef {} finds {:.4}", runner.results.name, lane.question.ef, lane.recall);
        Ok(lane)
    }

    fn run(&mut self, lane: &mut Lane) -> Result<(), Failed> {
        let runner = &mut self.runners[lane.runner];
        if runner.failed {
            return Ok(());
        }
        let at_least = Duration::from_secs_f64(self.settings.seconds_per_round);
        for (connections, rounds) in self.settings.connections.iter().zip(&mut lane.rounds) {
            let mut clients = runner.server.clients(self.set, lane.question, connections.get())?;
            rounds.push(round(&mut clients, &self.set.queries, at_least)?);
        }
        Ok(())
    }

    fn drop_out(&mut self, number: usize, error: &Failed) {
        let runner = &mut self.runners[number];
        if !runner.failed {
            runner.failed = true;
            self.skipped.push(Skipped { peer: runner.results.name, reason: error.to_string() });
        }
    }
}

/// Sends the queries over all connections at once, again and again until `at_least` has passed.
fn round(clients: &mut [Box<dyn Client>], queries: &[usize], at_least: Duration) -> Result<Round, Failed> {
    // A pass is short, so that a slow server is not measured for minutes; over the rounds all queries get their turn.
    const PASS: usize = 500;
    let pass = &queries[..queries.len().min(PASS)];
    let watch = Stopwatch::start();
    let mut latencies = share_out_passes(clients, pass.len(), at_least, |client, number| {
        let watch = Stopwatch::start();
        if client.ask(pass[number])?.len() > recall::K {
            return Err(Failed::Unusable(format!("it answered with more than {} hits", recall::K)));
        }
        Ok(watch.elapsed())
    })?;
    let seconds = watch.seconds();
    latencies.sort_unstable();
    let percentile = |percent| percentile_ms(&latencies, percent).unwrap_or_default();
    Ok(Round { queries_per_second: latencies.len() as f64 / seconds, p50_ms: percentile(50), p99_ms: percentile(99) })
}

impl Lane {
    fn load(self, connections: impl Iterator<Item = usize>) -> Load {
        let of = |rounds: &[Round], figure: fn(&Round) -> f64| median(rounds.iter().map(figure)).unwrap_or_default();
        let on = |(connections, rounds): (usize, &Vec<Round>)| OnConnections {
            connections,
            queries_per_second: of(rounds, |round| round.queries_per_second),
            p50_ms: of(rounds, |round| round.p50_ms),
            p99_ms: of(rounds, |round| round.p99_ms),
        };
        let connections = connections.zip(&self.rounds).map(on).collect();
        Load { ef: self.question.ef, recall: self.recall, reached: self.reached, connections }
    }
}
