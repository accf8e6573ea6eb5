//! Goals of ours alone: beside what it could reach at most, in seconds, and with growing sets.

use super::{Goal, Measured, Outcome};
use crate::compare::Comparison;
use crate::compare::growth::{Step, steps};
use crate::compare::ratio::{self, Ratio};

pub(super) fn batches(goal: &Goal, comparison: &Comparison) -> Outcome {
    let batches = comparison.own.batches.as_ref();
    let ratio = batches.and_then(|batches| ratio::quotient(batches.service.speed?, batches.engine.speed?));
    goal.alone("queries a second by batches ÷ the engine's without a server", ratio.map(Measured::Ratio))
}

pub(super) fn exact(goal: &Goal, comparison: &Comparison) -> Outcome {
    let exact = comparison.own.exact.as_ref();
    let ratio = exact.map(|exact| Ratio::exact(exact.compared_per_second() / exact.read_per_second()));
    goal.alone("bytes a second compared by exact search ÷ read from memory", ratio.map(Measured::Ratio))
}

pub(super) fn restart(goal: &Goal, comparison: &Comparison) -> Outcome {
    let restart = comparison.own.restart.as_ref();
    goal.alone(
        "seconds from a restart until ready",
        restart.map(|restart| Measured::Seconds(restart.seconds_until_ready)),
    )
}

pub(super) fn growth_of_speed(goal: &Goal, growth: &[Comparison]) -> Vec<Outcome> {
    beside_the_fewest(goal, growth, "queries a second × log n", |step| step.speed_by_log)
}

pub(super) fn growth_of_build(goal: &Goal, growth: &[Comparison]) -> Vec<Outcome> {
    beside_the_fewest(goal, growth, "time to build a vector ÷ log n", |step| step.build_by_log.map(Ratio::exact))
}

/// One outcome for each set but the smallest, which the others are compared with.
fn beside_the_fewest(
    goal: &Goal,
    growth: &[Comparison],
    words: &str,
    ratio: fn(&Step) -> Option<Ratio>,
) -> Vec<Outcome> {
    let outcome = |step: &Step| {
        let words = format!("{words} with {} rows ÷ with the fewest", step.rows);
        goal.alone(&words, ratio(step).map(Measured::Ratio))
    };
    steps(growth).iter().skip(1).map(outcome).collect()
}
