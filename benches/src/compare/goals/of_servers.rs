//! Goals of our server beside others: of each way to ask ours, over each number of connections.

use super::{Goal, Measured, Outcome};
use crate::compare::Comparison;
use crate::compare::ratio::{OURS, Ratio};
use crate::servers::results::{Load, OnConnections, ServerResults};

pub(super) fn service(goal: &Goal, comparison: &Comparison) -> Vec<Outcome> {
    beside(goal, comparison, "queries a second", |on| on.queries_per_second)
}

pub(super) fn latency(goal: &Goal, comparison: &Comparison) -> Vec<Outcome> {
    beside(goal, comparison, "99th percentile of latency", |on| on.p99_ms)
}

pub(super) fn ingest(goal: &Goal, comparison: &Comparison) -> Vec<Outcome> {
    // Rows that cannot be found with the recall asked for are not searchable yet.
    let rate = |peer: &ServerResults| reaching(peer).map(|_| peer.ingest.rows_per_second);
    let of = |ours: &ServerResults| {
        let ratio = |peer: &ServerResults| Some((Ratio::exact(rate(ours)? / rate(peer)?), peer.name));
        goal.worst(&format!("rows a second stored, {}", ours.name), others(goal, comparison).filter_map(ratio))
    };
    ours(comparison).map(of).collect()
}

pub(super) fn without_search(goal: &Goal, comparison: &Comparison) -> Vec<Outcome> {
    over_connections(comparison, |ours, on| {
        let most = on.without_search.as_ref().map(|without| without.queries_per_second);
        let ratio = most.map(|most| Measured::Ratio(Ratio::exact(on.queries_per_second / most)));
        let (connections, name) = (on.connections, ours.name);
        goal.alone(&format!("queries a second over {connections} connections ÷ without a search, {name}"), ratio)
    })
}

fn beside(goal: &Goal, comparison: &Comparison, words: &str, figure: fn(&OnConnections) -> f64) -> Vec<Outcome> {
    over_connections(comparison, |ours, on| {
        let theirs = |peer: &ServerResults| Some(figure(reaching(peer)?.on(on.connections)?));
        let ratio = |peer: &ServerResults| Some((Ratio::exact(figure(on) / theirs(peer)?), peer.name));
        let words = format!("{words} over {} connections, {}", on.connections, ours.name);
        goal.worst(&words, others(goal, comparison).filter_map(ratio))
    })
}

fn over_connections(
    comparison: &Comparison,
    outcome: impl Fn(&ServerResults, &OnConnections) -> Outcome,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for ours in ours(comparison) {
        outcomes.extend(ours.search.iter().flat_map(|load| &load.connections).map(|on| outcome(ours, on)));
    }
    outcomes
}

fn ours(comparison: &Comparison) -> impl Iterator<Item = &ServerResults> {
    comparison.servers.peers.iter().filter(|peer| peer.name.starts_with(OURS))
}

fn others<'a>(goal: &'a Goal, comparison: &'a Comparison) -> impl Iterator<Item = &'a ServerResults> {
    let others = comparison.servers.peers.iter().filter(|peer| !peer.name.starts_with(OURS));
    others.filter(|peer| goal.is_against(peer.name))
}

/// The searches of who reaches the recall asked for.
fn reaching(peer: &ServerResults) -> Option<&Load> {
    peer.search.as_ref().filter(|load| load.reached)
}
