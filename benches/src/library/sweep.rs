//! Which widths of the beam are worth timing: those around the targets of recall.

use super::TARGETS;
use super::lane::{Conditions, K};
use super::process::{Process, WorkerFailed};
use super::protocol::Request;
use crate::recall::Judge;

/// From as wide as the answer to what no set here needs; each about a fifth wider than the one before.
const WIDTHS: [usize; 31] = [
    10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768,
    896, 1024, 1280, 1536, 2048,
];

/// A sample's recall lies this close to that of all queries.
const SAMPLING_ERROR: f64 = 0.005;

/// Queries in the sample.
const SAMPLE: usize = 2000;

/// Searches a sample at growing widths and returns those that are to be timed.
pub(super) fn widths(
    process: &mut Process,
    conditions: Conditions,
    judge: &Judge<'_>,
    order: &[usize],
) -> Result<Vec<usize>, WorkerFailed> {
    let sample = &order[..order.len().min(SAMPLE)];
    let mut seen: Vec<(usize, f64)> = Vec::new();
    for ef in WIDTHS {
        process.ask(&conditions.configure(ef))?;
        let reply = process.ask(&Request::Search { first: 0, count: sample.len(), k: K, answers: true })?;
        let answers = reply.answers.unwrap_or_default();
        if answers.len() != sample.len() {
            return Err(WorkerFailed::Answers { answered: answers.len(), asked: sample.len() });
        }
        seen.push((ef, judge.judge_rows(sample, &answers).recall().unwrap_or_default()));
        if is_enough(&seen) {
            break;
        }
    }
    Ok(around_targets(&seen))
}

/// Whether wider beams have nothing to add: the last target is passed, or recall grows no more.
fn is_enough(seen: &[(usize, f64)]) -> bool {
    const STILL: usize = 5;
    let Some(&(_, last)) = seen.last() else { return false };
    let highest = TARGETS[TARGETS.len() - 1];
    let stands_still = seen.len() > STILL && last - seen[seen.len() - 1 - STILL].1 < 0.0005;
    last >= (highest + 2.0 * SAMPLING_ERROR).min(0.999) || stands_still
}

/// Of the widths seen, those from the last that is surely below a target to the first that is surely above it.
fn around_targets(seen: &[(usize, f64)]) -> Vec<usize> {
    let mut chosen = vec![false; seen.len()];
    for target in TARGETS {
        let below = seen.iter().rposition(|&(_, recall)| recall < target - SAMPLING_ERROR).unwrap_or(0);
        let above = seen.iter().position(|&(_, recall)| recall >= target + SAMPLING_ERROR);
        let above = above.unwrap_or(seen.len().saturating_sub(1)).max(below);
        chosen[below..=above].fill(true);
    }
    seen.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(&(ef, _), _)| ef).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_around_each_target_are_timed() {
        let recall = [0.80, 0.89, 0.901, 0.92, 0.93, 0.94, 0.96, 0.97, 0.975, 0.98, 0.997];
        let seen: Vec<(usize, f64)> = (10..).zip(recall).collect();
        assert_eq!(around_targets(&seen), [11, 12, 13, 15, 16, 19, 20]);
    }

    #[test]
    fn who_starts_above_or_ends_below_a_target_is_timed_at_the_end() {
        assert_eq!(around_targets(&[(10, 0.96), (12, 0.97), (14, 0.975)]), [10, 14]);
        assert_eq!(around_targets(&[(10, 0.999)]), [10]);
        assert_eq!(around_targets(&[(10, 0.5), (12, 0.6)]), [12]);
    }

    #[test]
    fn a_sweep_ends_above_the_last_target_or_when_recall_stands_still() {
        let seen = |recall: &[f64]| (10..).zip(recall.iter().copied()).collect::<Vec<_>>();
        assert!(is_enough(&seen(&[0.9, 0.9991])));
        assert!(!is_enough(&seen(&[0.9, 0.95])));
        assert!(is_enough(&seen(&[0.9, 0.98, 0.98, 0.98, 0.98, 0.98, 0.9801])));
        assert!(!is_enough(&seen(&[0.9, 0.98, 0.98, 0.98, 0.98, 0.98, 0.99])));
    }
}
