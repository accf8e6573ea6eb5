//! One peer under one set of conditions: its times, point by point.

use super::TARGETS;
use super::frontier::{Measured, at_recall};
use super::process::{Process, WorkerFailed};
use super::protocol::Request;
use super::results::{Clock, Point, Series, Target};
use crate::recall::{self, Judge, Tally};
use std::fmt;
use std::num::NonZeroUsize;

/// Rows that are asked for.
pub(super) const K: usize = recall::K;

/// Queries that are timed at once. Fewer would find what the pass before has left in the caches: with 250 the same
/// code seems up to one and a half times as fast.
const CHUNK: usize = 1000;

/// A pass that has taken this long ends with its chunk, or a slow peer would be measured for hours; the later rounds
/// ask the same queries.
const PASS_SECONDS: f64 = 5.0;

/// Under what a peer searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conditions {
    pub threads: NonZeroUsize,
    pub parts_below: Option<u8>,
}

impl Conditions {
    pub(super) fn configure(self, ef: usize) -> Request {
        Request::Configure { ef, threads: self.threads.get(), parts_below: self.parts_below }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.threads;
        match self.parts_below {
            Some(percent) => write!(f, "(threads: {threads}, among {percent} % of the rows)"),
            None => write!(f, "(threads: {threads})"),
        }
    }
}

/// A peer's way through the rounds.
pub(super) struct Lane {
    conditions: Conditions,
    points: Vec<Timed>,
}

/// A width of the beam and the best time of each chunk of queries.
struct Timed {
    ef: usize,
    tally: Option<Tally>,
    chunks: Vec<Best>,
    queries: usize,
}

/// Least times: what else the machine does only ever adds to one.
#[derive(Clone, Copy)]
struct Best {
    seconds: f64,
    cpu_seconds: f64,
}

impl Lane {
    pub(super) fn new(conditions: Conditions, widths: &[usize]) -> Self {
        let point = |&ef: &usize| Timed { ef, tally: None, chunks: Vec::new(), queries: 0 };
        Self { conditions, points: widths.iter().map(point).collect() }
    }

    pub(super) fn points(&self) -> usize {
        self.points.len()
    }

    /// Searches for all queries once at this point, or for those that there is time for; the first time, what was found
    /// is judged.
    pub(super) fn run(
        &mut self,
        point: usize,
        process: &mut Process,
        judge: &Judge<'_>,
        order: &[usize],
    ) -> Result<(), WorkerFailed> {
        let point = &mut self.points[point];
        process.ask(&self.conditions.configure(point.ef))?;
        let answers = point.tally.is_none();
        let order = if answers { order } else { &order[..point.queries] };
        let (mut found, mut asked, mut seconds) = (Vec::new(), 0, 0.0);
        for (number, queries) in order.chunks(CHUNK).enumerate() {
            let search = Request::Search { first: number * CHUNK, count: queries.len(), k: K, answers };
            let reply = process.ask(&search)?;
            point.keep_best(number, Best { seconds: reply.seconds, cpu_seconds: reply.cpu_seconds });
            found.extend(reply.answers.unwrap_or_default());
            asked += queries.len();
            seconds += reply.seconds;
            if answers && seconds >= PASS_SECONDS {
                break;
            }
        }
        if answers {
            if found.len() != asked {
                return Err(WorkerFailed::Answers { answered: found.len(), asked });
            }
            point.tally = Some(judge.judge_rows(&order[..asked], &found));
            point.queries = asked;
        }
        Ok(())
    }

    /// What came of it.
    pub(super) fn series(self) -> Series {
        let threads = self.conditions.threads.get();
        let clock = if threads == 1 { Clock::Processor } else { Clock::Wall };
        let points: Vec<Point> = self.points.iter().map(|point| point.result(clock)).collect();
        let measured: Vec<Measured> = points.iter().map(|point| point.measured).collect();
        let target = |recall| Some(Target { recall, speed: at_recall(&measured, recall)? });
        Series { threads, clock, at_recall: TARGETS.into_iter().filter_map(target).collect(), points }
    }
}

impl Timed {
    fn keep_best(&mut self, number: usize, time: Best) {
        match self.chunks.get_mut(number) {
            Some(best) => {
                best.seconds = best.seconds.min(time.seconds);
                best.cpu_seconds = best.cpu_seconds.min(time.cpu_seconds);
            }
            None => self.chunks.push(time),
        }
    }

    fn result(&self, clock: Clock) -> Point {
        let sum = |of: fn(&Best) -> f64| self.chunks.iter().map(of).sum::<f64>();
        let (seconds, cpu_seconds) = (sum(|best| best.seconds), sum(|best| best.cpu_seconds));
        let counted = match clock {
            Clock::Processor => cpu_seconds,
            Clock::Wall => seconds,
        };
        let tally = self.tally.unwrap_or_default();
        let measured = Measured {
            ef: self.ef,
            recall: tally.recall().unwrap_or_default(),
            queries_per_second: self.queries as f64 / counted,
        };
        Point { measured, seconds, cpu_seconds, bad_hits: tally.wrong + tally.repeated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_time_of_each_chunk_counts() {
        let mut timed = Timed { ef: 16, tally: None, chunks: Vec::new(), queries: 2000 };
        for (number, seconds, cpu_seconds) in [(0, 0.5, 0.4), (1, 0.3, 0.3), (0, 0.25, 0.5), (1, 0.75, 0.1)] {
            timed.keep_best(number, Best { seconds, cpu_seconds });
        }
        let point = timed.result(Clock::Processor);
        assert!((point.seconds - 0.55).abs() < 1e-12 && (point.cpu_seconds - 0.5).abs() < 1e-12, "{point:?}");
        assert!((point.measured.queries_per_second - 4000.0).abs() < 1e-6, "{point:?}");
        let point = timed.result(Clock::Wall);
        assert!((point.measured.queries_per_second - 2000.0 / 0.55).abs() < 1e-6, "{point:?}");
    }
}
