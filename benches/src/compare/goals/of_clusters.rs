//! Goals of ours while it is operated.

use super::{Goal, Measured, Outcome};
use crate::compare::Comparison;
use crate::compare::ratio::Ratio;

pub(super) fn dump(goal: &Goal, comparison: &Comparison) -> Outcome {
    let ratio = comparison.cluster.dumps.as_ref().map(|dumps| Ratio::exact(dumps.by_slower_limit()));
    goal.alone("bytes dumped a second ÷ those of tar with zstd or cp, whichever is slower", ratio.map(Measured::Ratio))
}

pub(super) fn dump_writes(goal: &Goal, comparison: &Comparison) -> Outcome {
    let ratio = comparison.cluster.dumps.as_ref().map(|dumps| Ratio::exact(dumps.writes_by_alone()));
    goal.alone("p99 of single documents while dumping ÷ while nothing else is done", ratio.map(Measured::Ratio))
}

pub(super) fn replicas(goal: &Goal, comparison: &Comparison, count: u32) -> Outcome {
    let ratio = comparison.cluster.scaling.as_ref().and_then(|scaling| scaling.by_one(count)).map(Ratio::exact);
    goal.alone(&format!("searches a second with {count} replicas ÷ with one"), ratio.map(Measured::Ratio))
}

pub(super) fn rollout_failures(goal: &Goal, comparison: &Comparison) -> Outcome {
    let rollouts = comparison.cluster.rollouts.as_ref();
    let searches = rollouts.map(|rollouts| &rollouts.during.searches);
    let answered = searches.map(|searches| format!(" ({} were answered)", searches.latency.requests));
    let words = format!("searches that failed during rollouts{}", answered.unwrap_or_default());
    goal.alone(&words, searches.map(|searches| Measured::Count(searches.failed)))
}

pub(super) fn rollout_latency(goal: &Goal, comparison: &Comparison) -> Outcome {
    let ratio = comparison.cluster.rollouts.as_ref().map(|rollouts| Ratio::exact(rollouts.searches_by_before()));
    goal.alone("p99 of searches during rollouts ÷ before", ratio.map(Measured::Ratio))
}

pub(super) fn slow_clients(goal: &Goal, comparison: &Comparison) -> Outcome {
    let ratio = comparison.cluster.slow_clients.as_ref().map(|slow| Ratio::exact(slow.beside_by_alone()));
    goal.alone("p99 of searches beside slow clients ÷ alone", ratio.map(Measured::Ratio))
}
