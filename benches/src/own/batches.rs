//! A hundred queries a request, beside our engine in a process without a server: what is lost on the way.
//!
//! Both have one graph of the same parameters over the same rows, both use every core, and both are timed by the clock
//! on the wall in turns. Speeds are read at the same recall.

use super::results::{Batches, Side};
use super::{Failed, Settings};
use crate::connection::Connection;
use crate::dataset::Dataset;
use crate::figures::median;
use crate::library::frontier::{Measured, at_recall};
use crate::library::inputs::Inputs;
use crate::library::peer::Peer;
use crate::library::process::Process;
use crate::library::protocol::Request;
use crate::library::sweep::{SAMPLING_ERROR, WIDTHS, around};
use crate::load::Searches;
use crate::progress::Progress;
use crate::recall::{Judge, K, Tally};
use crate::remote_index::{Effort, RemoteIndex, Shape};
use std::thread;
use std::time::Duration;

/// One of the two.
trait Searcher {
    /// What it finds for all queries with a beam of this width.
    fn tally(&mut self, ef: usize, judge: &Judge<'_>) -> Result<Tally, Failed>;

    /// Searches for all queries again and again.
    fn queries_per_second(&mut self, ef: usize, at_least: Duration) -> Result<f64, Failed>;
}

/// Measures the server's `index`, which holds all of `dataset`.
pub(super) fn measure(
    settings: &Settings,
    index: &RemoteIndex,
    dataset: &Dataset,
    judge: &Judge<'_>,
    progress: &Progress,
) -> Result<Batches, Failed> {
    progress.tell("building our engine's own graph");
    let inputs = Inputs::write(dataset, settings.queries_max)?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut engine = Engine::build(settings, &inputs, threads)?;
    let connections = index.connect(settings.connections.get())?;
    let mut service = Service { index, dataset, order: &inputs.order, connections };
    let mut lanes = [Lane::new(&mut engine, judge, settings)?, Lane::new(&mut service, judge, settings)?];
    let at_least = Duration::from_secs_f64(settings.seconds_per_round);
    for round in 1..=settings.rounds.get() {
        progress.tell(&format!("batches and engine, round {round} of {}", settings.rounds));
        for lane in &mut lanes {
            lane.run(at_least)?;
        }
    }
    let [engine, service] = lanes.map(|lane| lane.side(settings.recall));
    Ok(Batches {
        queries_per_request: Shape::Batched.queries_per_request(),
        connections: settings.connections.get(),
        threads,
        recall: settings.recall,
        engine,
        service,
    })
}

/// A searcher's way through the rounds.
struct Lane<'a> {
    searcher: &'a mut dyn Searcher,
    /// Around the recall that is compared at: width, recall, and the speed of each round.
    points: Vec<(usize, f64, Vec<f64>)>,
}

impl<'a> Lane<'a> {
    fn new(searcher: &'a mut dyn Searcher, judge: &Judge<'_>, settings: &Settings) -> Result<Self, Failed> {
        let mut seen = Vec::new();
        for ef in WIDTHS {
            let recall = searcher.tally(ef, judge)?.recall().unwrap_or_default();
            seen.push((ef, recall));
            if recall >= settings.recall + SAMPLING_ERROR {
                break;
            }
        }
        let chosen = around(&[settings.recall], &seen);
        let points = seen.into_iter().filter(|(ef, _)| chosen.contains(ef));
        Ok(Self { searcher, points: points.map(|(ef, recall)| (ef, recall, Vec::new())).collect() })
    }

    fn run(&mut self, at_least: Duration) -> Result<(), Failed> {
        for (ef, _, rounds) in &mut self.points {
            rounds.push(self.searcher.queries_per_second(*ef, at_least)?);
        }
        Ok(())
    }

    fn side(self, recall: f64) -> Side {
        let point = |(ef, recall, rounds): (usize, f64, Vec<f64>)| {
            Some(Measured { ef, recall, queries_per_second: median(rounds)? })
        };
        let points: Vec<Measured> = self.points.into_iter().filter_map(point).collect();
        Side { speed: at_recall(&points, recall), points }
    }
}

struct Engine<'a> {
    process: Process,
    order: &'a [usize],
    threads: usize,
}

impl<'a> Engine<'a> {
    fn build(settings: &Settings, inputs: &'a Inputs, threads: usize) -> Result<Self, Failed> {
        let mut process = Process::start(&mut Peer::Annuli.command()?)?;
        process.ask(&Request::Load { queries: inputs.queries.clone() })?;
        process.ask(&Request::Build {
            base: inputs.base.clone(),
            parts: None,
            metric: inputs.metric.name().to_owned(),
            m: settings.m,
            ef_construction: settings.ef_construction,
            threads: settings.build_threads.get(),
        })?;
        Ok(Self { process, order: &inputs.order, threads })
    }

    fn search(&self, answers: bool) -> Request {
        Request::Search { first: 0, count: self.order.len(), k: K, answers }
    }

    fn configure(&mut self, ef: usize) -> Result<(), Failed> {
        self.process.ask(&Request::Configure { ef, threads: self.threads, parts_below: None })?;
        Ok(())
    }
}

impl Searcher for Engine<'_> {
    fn tally(&mut self, ef: usize, judge: &Judge<'_>) -> Result<Tally, Failed> {
        self.configure(ef)?;
        let found = self.process.ask(&self.search(true))?.answers.unwrap_or_default();
        Ok(judge.judge_rows(self.order, &found))
    }

    fn queries_per_second(&mut self, ef: usize, at_least: Duration) -> Result<f64, Failed> {
        self.configure(ef)?;
        let (mut seconds, mut passes) = (0.0, 0.0);
        while passes < 1.0 || seconds < at_least.as_secs_f64() {
            seconds += self.process.ask(&self.search(false))?.seconds;
            passes += 1.0;
        }
        Ok(passes * self.order.len() as f64 / seconds)
    }
}

struct Service<'a> {
    index: &'a RemoteIndex,
    dataset: &'a Dataset,
    order: &'a [usize],
    connections: Vec<Connection>,
}

impl Service<'_> {
    fn searches(&self, ef: usize) -> Searches {
        Searches::new(self.index, self.dataset, self.order, Shape::Batched, Effort::Ef(ef), None)
    }
}

impl Searcher for Service<'_> {
    fn tally(&mut self, ef: usize, judge: &Judge<'_>) -> Result<Tally, Failed> {
        let answers = self.searches(ef).answers(&mut self.connections)?;
        Ok(judge.judge(self.order, &answers))
    }

    fn queries_per_second(&mut self, ef: usize, at_least: Duration) -> Result<f64, Failed> {
        let round = self.searches(ef).measure(&mut self.connections, at_least, None)?;
        Ok(round.figures.queries_per_second)
    }
}
