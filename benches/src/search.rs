//! Searching: recall of every query by every way to ask, then load in interleaved rounds.

use crate::connection::ExchangeFailed;
use crate::dataset::{Dataset, Neighbours};
use crate::load::Searches;
use crate::recall::{self, Judge, Tally, UnusableFilter};
use crate::remote_index::{Effort, RemoteIndex, Shape};
use crate::results::{Cell, Exact, Figures, FilteredTally, Point};
use crate::settings::Settings;
use annuli_api::v1::search::WireHit;
use serde_json::Value;
use std::time::Duration;

/// What is searched, and who judges the answers.
pub(crate) struct Bench<'a> {
    index: &'a RemoteIndex,
    dataset: &'a Dataset,
    /// The program's, if it runs here.
    pid: Option<u32>,
    judge: Judge<'a>,
    filters: Vec<FilterBench<'a>>,
}

struct FilterBench<'a> {
    filter: &'a Value,
    matches: usize,
    judge: Judge<'a>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        index: &'a RemoteIndex,
        dataset: &'a Dataset,
        neighbours: &Neighbours,
        pid: Option<u32>,
    ) -> Result<Self, UnusableFilter> {
        let filters = dataset.filtered.iter().map(|filtered| {
            let matching = recall::matching(dataset, &filtered.filter)?;
            let judge = Judge::among(dataset, &filtered.neighbours, matching);
            Ok(FilterBench { filter: &filtered.filter, matches: filtered.matches, judge })
        });
        let filters = filters.collect::<Result<_, UnusableFilter>>()?;
        Ok(Self { index, dataset, pid, judge: Judge::new(dataset, neighbours), filters })
    }

    /// Recall and load at each width of the beam.
    ///
    /// Rounds visit every cell before any cell is visited again: what else the machine does in a minute then falls
    /// on all of them alike.
    pub(crate) fn points(&self, settings: &Settings) -> Result<Vec<Point>, ExchangeFailed> {
        let mut points: Vec<Point> =
            settings.ef.iter().map(|&ef| self.unloaded_point(ef, settings)).collect::<Result<_, _>>()?;
        let at_least = Duration::from_secs_f64(settings.seconds_per_round);
        for round in 1..=settings.rounds {
            for point in &mut points {
                eprintln!("{}: round {round} of {}, ef {}", self.name(), settings.rounds, point.ef);
                for cell in &mut point.load {
                    let mut connections = self.index.connect(cell.connections)?;
                    let searches = self.searches(cell.shape, Effort::Ef(point.ef));
                    cell.rounds.push(searches.measure(&mut connections, at_least, self.pid)?);
                }
            }
        }
        for cell in points.iter_mut().flat_map(|point| &mut point.load) {
            cell.median = Figures::median_of(&cell.rounds);
        }
        Ok(points)
    }

    /// Exact search for the queries of the sample, and its hits without a filter.
    pub(crate) fn exact(&self, sample: &[usize]) -> Result<(Exact, Vec<Vec<WireHit>>), ExchangeFailed> {
        let searches = Searches::new(self.index, self.dataset, sample, Shape::Single, Effort::Exact, None);
        let answers = searches.answers(&mut self.index.connect(1)?)?;
        let exact = Exact {
            queries: sample.len(),
            tally: self.judge.judge(sample, &answers),
            filtered: self.filtered(sample, Effort::Exact)?,
        };
        Ok((exact, answers))
    }

    /// Recall of all queries, each way that they will be sent. This also warms the program up.
    fn unloaded_point(&self, ef: usize, settings: &Settings) -> Result<Point, ExchangeFailed> {
        eprintln!("{}: recall at ef {ef}", self.name());
        let cell = |(shape, connections)| Cell { shape, connections, median: None, rounds: Vec::new() };
        let ways = settings.connections.iter().flat_map(|&count| Shape::ALL.map(|shape| (shape, count.get())));
        Ok(Point {
            ef,
            single: self.tally(Shape::Single, ef)?,
            batched: self.tally(Shape::Batched, ef)?,
            filtered: self.filtered(&self.all_queries(), Effort::Ef(ef))?,
            load: ways.map(cell).collect(),
        })
    }

    fn tally(&self, shape: Shape, ef: usize) -> Result<Tally, ExchangeFailed> {
        let answers = self.searches(shape, Effort::Ef(ef)).answers(&mut self.index.connect(2)?)?;
        Ok(self.judge.judge(&self.all_queries(), &answers))
    }

    fn filtered(&self, queries: &[usize], effort: Effort) -> Result<Vec<FilteredTally>, ExchangeFailed> {
        let mut connections = self.index.connect(1)?;
        let mut tallies = Vec::with_capacity(self.filters.len());
        for FilterBench { filter, matches, judge } in &self.filters {
            let searches = Searches::new(self.index, self.dataset, queries, Shape::Batched, effort, Some(filter));
            let tally = judge.judge(queries, &searches.answers(&mut connections)?);
            tallies.push(FilteredTally { filter: (*filter).clone(), matches: *matches, tally });
        }
        Ok(tallies)
    }

    fn searches(&self, shape: Shape, effort: Effort) -> Searches {
        Searches::new(self.index, self.dataset, &self.all_queries(), shape, effort, None)
    }

    fn all_queries(&self) -> Vec<usize> {
        (0..self.dataset.queries.nrows()).collect()
    }

    fn name(&self) -> &'static str {
        self.dataset.name.as_str()
    }
}
