//! Libraries side by side: the same vectors, queries, threads and judge for each, in the same run, in turns.

pub(crate) mod environment;
pub(crate) mod frontier;
pub(crate) mod inputs;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod protocol;
pub(crate) mod results;

pub(crate) mod sweep;

mod contender;
mod lane;

use crate::dataset::cache::Cache;
use crate::dataset::{Dataset, Neighbours};
use crate::files::FileFailed;
use crate::progress::Progress;
use crate::recall::Judge;
use crate::truth;
use contender::Contender;
use inputs::Inputs;
use lane::{Conditions, Lane};
use peer::Peer;
use results::{Filtered, LibraryResults, PeerResults, Series, Skipped};
use serde::Serialize;
use std::num::NonZeroUsize;

/// Recall at which speeds are compared.
pub(crate) const TARGETS: [f64; 3] = [0.90, 0.95, 0.99];

/// Shares of the rows, in percent, that a filter lets through.
pub(crate) const SHARES: [u8; 3] = [1, 10, 50];

/// How libraries are compared.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Settings {
    pub peers: Vec<Peer>,
    /// Threads to search on among all rows; each is a comparison of its own.
    pub threads: Vec<NonZeroUsize>,
    /// Shares of the rows, in percent, to search among.
    pub shares: Vec<u8>,
    pub build_threads: NonZeroUsize,
    pub rounds: NonZeroUsize,
    pub queries_max: usize,
    pub m: usize,
    pub ef_construction: usize,
}

/// Compares; a peer that cannot take part, or fails on the way, is named with its reason.
pub(crate) fn compare(
    settings: &Settings,
    dataset: &Dataset,
    neighbours: &Neighbours,
    cache: &Cache,
    progress: &Progress,
) -> Result<LibraryResults, FileFailed> {
    if settings.peers.is_empty() {
        return Ok(LibraryResults::default());
    }
    let inputs = Inputs::write(dataset, settings.queries_max)?;
    let mut skipped = Vec::new();
    let mut contenders = Vec::new();
    for &peer in &settings.peers {
        progress.tell(&format!("building with {}", peer.as_str()));
        match Contender::new(peer, settings, &inputs) {
            Ok(contender) => contenders.push(contender),
            Err(error) => skipped.push(Skipped { peer: peer.as_str(), reason: error.to_string() }),
        }
    }
    let mut peers: Vec<PeerResults> = contenders.iter().map(Contender::results).collect();
    let rounds = settings.rounds.get();
    let mut races = Races { contenders, skipped, rounds, order: &inputs.order, progress };
    let judge = Judge::new(dataset, neighbours);
    for &threads in &settings.threads {
        for (position, series) in races.run(Conditions { threads, parts_below: None }, &judge) {
            peers[position].search.push(series);
        }
    }
    if !settings.threads.is_empty() {
        for (contender, results) in races.contenders.iter().zip(&mut peers) {
            results.memory = contender.memory();
        }
    }
    for &share in &settings.shares {
        let eligible: Vec<bool> = inputs.parts.iter().map(|&part| part < share).collect();
        let nearest = truth::among(dataset, &eligible, share, cache)?;
        let judge = Judge::among(dataset, &nearest, eligible);
        let conditions = Conditions { threads: NonZeroUsize::MIN, parts_below: Some(share) };
        for (position, series) in races.run(conditions, &judge) {
            peers[position].filtered.push(Filtered { percent: share, series });
        }
    }
    Ok(LibraryResults { peers, skipped: races.skipped })
}

/// All comparisons with one data set.
struct Races<'a> {
    contenders: Vec<Contender>,
    skipped: Vec<Skipped>,
    rounds: usize,
    /// For each query of the file its number in the data set.
    order: &'a [usize],
    progress: &'a Progress,
}

impl Races<'_> {
    /// One comparison: every contender that can, under the same conditions, in turns. Series by the contender's
    /// position.
    fn run(&mut self, conditions: Conditions, judge: &Judge<'_>) -> Vec<(usize, Series)> {
        let Self { contenders, skipped, rounds, order, progress } = self;
        let mut lanes = Vec::new();
        for (position, contender) in contenders.iter_mut().enumerate() {
            if contender.failed || (conditions.parts_below.is_some() && !contender.peer.filters()) {
                continue;
            }
            progress.tell(&format!("looking for widths of {} {conditions}", contender.peer.as_str()));
            match sweep::widths(&mut contender.process, conditions, judge, order) {
                Ok(widths) => lanes.push((position, Lane::new(conditions, &widths))),
                Err(error) => skipped.push(contender.drop_out(&error)),
            }
        }
        let points = lanes.iter().map(|(_, lane)| lane.points()).max().unwrap_or_default();
        for round in 1..=*rounds {
            progress.tell(&format!("round {round} of {rounds} {conditions}"));
            for point in 0..points {
                for (position, lane) in &mut lanes {
                    let contender = &mut contenders[*position];
                    if contender.failed || point >= lane.points() {
                        continue;
                    }
                    if let Err(error) = lane.run(point, &mut contender.process, judge, order) {
                        skipped.push(contender.drop_out(&error));
                    }
                }
            }
        }
        let finished = lanes.into_iter().filter(|(position, _)| !contenders[*position].failed);
        finished.map(|(position, lane)| (position, lane.series())).collect()
    }
}
