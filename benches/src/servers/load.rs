//! The race of the servers: which beam each needs, then closed loops in turns.

use super::results::{Load, OnConnections, Round, ServerResults, ServersResults, WithoutSearch};
use super::{Client, Failed, Question, Server, Set, Settings};
use crate::clock::Stopwatch;
use crate::figures::{median, percentile_ms};
use crate::library::results::Skipped;
use crate::progress::Progress;
use crate::recall::{self, Judge};
use crate::workers::{share_out, share_out_passes};
use std::time::Duration;

/// From as wide as the answer on.
const WIDTHS: [usize; 21] =
    [10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1000];

/// Queries that recall is judged by while a beam is looked for, fewer of a server that takes longer for so many.
const SAMPLE: usize = 1000;
const SAMPLE_SECONDS: f64 = 10.0;

/// Queries in a pass, so that a slow server is not measured for minutes.
const PASS: usize = 500;

/// Of a slow server neither a sample nor a pass has fewer queries than this.
const QUERIES_MIN: usize = 100;

/// All that take part.
pub(super) struct Race<'a> {
    settings: &'a Settings,
    set: &'a Set<'a>,
    progress: &'a Progress,
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
    /// Queries that it answers in a round, at least.
    pass: usize,
    cells: Vec<Cell>,
}

/// The rounds over one number of connections.
#[derive(Default)]
struct Cell {
    rounds: Vec<Round>,
    without_search: Vec<Round>,
}

impl<'a> Race<'a> {
    pub(super) fn new(settings: &'a Settings, set: &'a Set<'a>, progress: &'a Progress) -> Self {
        Self { settings, set, progress, runners: Vec::new(), skipped: Vec::new() }
    }

    /// Starts a server and fills it. One after the other: an ingest takes every core that there is.
    pub(super) fn enter(&mut self, name: &'static str, start: impl FnOnce() -> Result<Box<dyn Server>, Failed>) {
        self.progress.tell(&format!("starting and filling {name}"));
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
            self.progress.tell(&format!("round {round} of {}", self.settings.rounds));
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
        let mut sample = &self.set.queries[..self.set.queries.len().min(SAMPLE)];
        let mut lane = Lane {
            runner: number,
            question: Question { ef: WIDTHS[0], parts_below },
            recall: 0.0,
            reached: false,
            pass: self.set.queries.len().min(PASS),
            cells: self.settings.connections.iter().map(|_| Cell::default()).collect(),
        };
        for ef in WIDTHS {
            let question = Question { ef, parts_below };
            let mut clients = runner.server.clients(self.set, question, 2)?;
            let watch = Stopwatch::start();
            let answers = share_out(&mut clients, sample.len(), |client, query| client.ask(sample[query]))?;
            let seconds = watch.seconds();
            lane.pass = affordable(lane.pass, sample.len(), seconds, self.settings.seconds_per_round);
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
            sample = &sample[..affordable(sample.len(), sample.len(), seconds, SAMPLE_SECONDS)];
        }
        let (name, ef, found) = (runner.results.name, lane.question.ef, lane.recall);
        self.progress.tell(&format!("{name} at ef {ef} finds {found:.4}"));
        Ok(lane)
    }

    fn run(&mut self, lane: &mut Lane) -> Result<(), Failed> {
        let runner = &mut self.runners[lane.runner];
        if runner.failed {
            return Ok(());
        }
        let pass = &self.set.queries[..lane.pass];
        let at_least = Duration::from_secs_f64(self.settings.seconds_per_round);
        for (connections, cell) in self.settings.connections.iter().zip(&mut lane.cells) {
            let mut clients = runner.server.clients(self.set, lane.question, connections.get())?;
            cell.rounds.push(round(&mut clients, pass, at_least)?);
            if lane.question.parts_below.is_none() {
                let mut clients = runner.server.clients_without_search(self.set, connections.get())?;
                if !clients.is_empty() {
                    cell.without_search.push(round(&mut clients, pass, at_least)?);
                }
            }
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
fn round(clients: &mut [Box<dyn Client>], pass: &[usize], at_least: Duration) -> Result<Round, Failed> {
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

/// How many of `wanted` queries there is time for within `at_most` seconds, of a server that took so long for `asked`.
fn affordable(wanted: usize, asked: usize, seconds: f64, at_most: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut off at what is wanted")]
    let fewer = (asked as f64 * at_most / seconds) as usize;
    fewer.max(QUERIES_MIN).min(wanted)
}

impl Lane {
    fn load(self, connections: impl Iterator<Item = usize>) -> Load {
        let connections = connections.zip(self.cells).map(|(connections, cell)| cell.medians(connections)).collect();
        Load { ef: self.question.ef, recall: self.recall, reached: self.reached, connections }
    }
}

impl Cell {
    fn medians(self, connections: usize) -> OnConnections {
        let of = |rounds: &[Round], figure: fn(&Round) -> f64| median(rounds.iter().map(figure)).unwrap_or_default();
        let Self { rounds, without_search } = self;
        OnConnections {
            connections,
            queries_per_second: of(&rounds, |round| round.queries_per_second),
            p50_ms: of(&rounds, |round| round.p50_ms),
            p99_ms: of(&rounds, |round| round.p99_ms),
            rounds,
            without_search: (!without_search.is_empty()).then(|| WithoutSearch {
                queries_per_second: of(&without_search, |round| round.queries_per_second),
                p99_ms: of(&without_search, |round| round.p99_ms),
                rounds: without_search,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_server_is_asked_less_but_not_too_little() {
        assert_eq!(affordable(500, 1000, 0.5, 3.0), 500);
        assert_eq!(affordable(500, 1000, 10.0, 3.0), 300);
        assert_eq!(affordable(500, 1000, 100.0, 3.0), QUERIES_MIN);
        assert_eq!(affordable(50, 50, 100.0, 3.0), 50);
    }

    #[test]
    fn each_figure_is_the_median_of_its_own_rounds() {
        let round = |rate| Round { queries_per_second: rate, p50_ms: 100.0 / rate, p99_ms: 1000.0 / rate };
        let rounds: Vec<Round> = [100.0, 500.0, 200.0].map(round).to_vec();
        let on = Cell { rounds, without_search: vec![round(1000.0)] }.medians(4);
        assert_eq!((on.connections, on.queries_per_second, on.p99_ms), (4, 200.0, 5.0));
        assert_eq!(on.without_search.map(|without| without.queries_per_second), Some(1000.0));
        assert_eq!(Cell { rounds: vec![round(1.0)], without_search: Vec::new() }.medians(1).without_search, None);
    }
}
