//! Libraries side by side: the same vectors, queries, threads and judge for each, in the same run, in turns.

pub(crate) mod environment;
pub(crate) mod frontier;
pub(crate) mod inputs;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod protocol;
pub(crate) mod results;

mod contender;
mod lane;
mod sweep;

use crate::dataset::cache::Cache;
use crate::dataset::{Dataset, Neighbours};
use crate::files::FileFailed;
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
    /// Threads to search on; each is a comparison of its own.
    pub threads: Vec<NonZeroUsize>,
    pub build_threads: NonZeroUsize,
    pub rounds: NonZeroUsize,
    pub queries_max: usize,
    pub m: usize,
    pub ef_construction: usize,
    pub filters: bool,
}

/// Compares; a peer that cannot take part, or fails on the way, is named with its reason.
pub(crate) fn compare(
    settings: &Settings,
    dataset: &Dataset,
    neighbours: &Neighbours,
    cache: &Cache,
) -> Result<LibraryResults, FileFailed> {
    if settings.peers.is_empty() {
        return Ok(LibraryResults::default());
    }
    let inputs = Inputs::write(dataset, settings.queries_max)?;
    let mut skipped = Vec::new();
    let mut contenders = Vec::new();
    for &peer in &settings.peers {
        eprintln!("{}: building with {}", dataset.name.as_str(), peer.as_str());
        match Contender::new(peer, settings, &inputs) {
            Ok(contender) => contenders.push(contender),
            Err(error) => skipped.push(Skipped { peer: peer.as_str(), reason: error.to_string() }),
        }
    }
    let judge = Judge::new(dataset, neighbours);
    let mut peers: Vec<PeerResults> = contenders.iter().map(Contender::results).collect();
    for &threads in &settings.threads {
        let conditions = Conditions { threads, parts_below: None };
        for (position, series) in race(&mut contenders, conditions, &judge, settings, &inputs, &mut skipped) {
            peers[position].search.push(series);
        }
    }
    for (contender, results) in contenders.iter().zip(&mut peers) {
        results.memory = contender.memory();
    }
    if settings.filters {
        for share in SHARES {
            let eligible: Vec<bool> = inputs.parts.iter().map(|&part| part < share).collect();
            let nearest = truth::among(dataset, &eligible, share, cache)?;
            let judge = Judge::among(dataset, &nearest, eligible);
            let conditions = Conditions { threads: NonZeroUsize::MIN, parts_below: Some(share) };
            for (position, series) in race(&mut contenders, conditions, &judge, settings, &inputs, &mut skipped) {
                peers[position].filtered.push(Filtered { percent: share, series });
            }
        }
    }
    Ok(LibraryResults { peers, skipped })
}

/// One comparison: every contender that can, under the same conditions, in turns. Series by the contender's position.
fn race(
    contenders: &mut [Contender],
    conditions: Conditions,
    judge: &Judge<'_>,
    settings: &Settings,
    inputs: &Inputs,
    skipped: &mut Vec<Skipped>,
) -> Vec<(usize, Series)> {
    let mut lanes = Vec::new();
    for (position, contender) in contenders.iter_mut().enumerate() {
        if contender.failed || (conditions.parts_below.is_some() && !contender.peer.filters()) {
            continue;
        }
        eprintln!("looking for widths of {} {conditions}", contender.peer.as_str());
        match sweep::widths(&mut contender.process, conditions, judge, &inputs.order) {
            Ok(widths) => lanes.push((position, Lane::new(conditions, &widths))),
            Err(error) => skipped.push(contender.drop_out(&error)),
        }
    }
    let points = lanes.iter().map(|(_, lane)| lane.points()).max().unwrap_or_default();
    for round in 1..=settings.rounds.get() {
        eprintln!("round {round} of {} {conditions}", settings.rounds);
        for point in 0..points {
            for (position, lane) in &mut lanes {
                let contender = &mut contenders[*position];
                if contender.failed || point >= lane.points() {
                    continue;
                }
                if let Err(error) = lane.run(point, &mut contender.process, judge, &inputs.order) {
                    skipped.push(contender.drop_out(&error));
                }
            }
        }
    }
    let finished = lanes.into_iter().filter(|(position, _)| !contenders[*position].failed);
    finished.map(|(position, lane)| (position, lane.series())).collect()
}
