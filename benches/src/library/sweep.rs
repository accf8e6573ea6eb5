//! Which widths of the beam are worth timing: those around the targets of recall.

use super::TARGETS;
use super::lane::{Conditions, K};
use super::process::{Process, WorkerFailed};
use super::protocol::Request;
use crate::recall::Judge;

/// From as wide as the answer to what no set here needs; each about a fifth wider than the one before.
pub(crate) const WIDTHS: [usize; 31] = [
    10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768,
    896, 1024, 1280, 1536, 2048,
];

/// A sample's recall lies this close to that of all queries.
pub(crate) const SAMPLING_ERROR: f64 = 0.005;

/// Queries in the sample.
const SAMPLE: usize = 2000;

/// Of a peer that takes longer than this, fewer are asked at the next width.
const SAMPLE_SECONDS: f64 = 3.0;

/// But never fewer than this.
const SAMPLE_MIN: usize = 200;

/// Searches a sample at growing widths and returns those that are to be timed.
pub(super) fn widths(
    process: &mut Process,
    conditions: Conditions,
    judge: &Judge<'_>,
    order: &[usize],
) -> Result<Vec<usize>, WorkerFailed> {
    let mut sample = &order[..order.len().min(SAMPLE)];
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
        sample = &sample[..affordable(sample.len(), reply.seconds)];
    }
    Ok(around(&TARGETS, &seen))
}

/// How many queries to ask next of a peer that took so long for these.
fn affordable(asked: usize, seconds: f64) -> usize {
    if seconds <= SAMPLE_SECONDS {
        return asked;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a small count")]
    let fewer = (asked as f64 * SAMPLE_SECONDS / seconds) as usize;
    fewer.max(SAMPLE_MIN).min(asked)
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
pub(crate) fn around(targets: &[f64], seen: &[(usize, f64)]) -> Vec<usize> {
    let mut chosen = vec![false; seen.len()];
    for &target in targets {
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
        assert_eq!(around(&TARGETS, &seen), [11, 12, 13, 15, 16, 19, 20]);
    }

    #[test]
    fn who_starts_above_or_ends_below_a_target_is_timed_at_the_end() {
        assert_eq!(around(&TARGETS, &[(10, 0.96), (12, 0.97), (14, 0.975)]), [10, 14]);
        assert_eq!(around(&TARGETS, &[(10, 0.999)]), [10]);
        assert_eq!(around(&TARGETS, &[(10, 0.5), (12, 0.6)]), [12]);
    }

    #[test]
    fn a_slow_peer_is_asked_fewer_queries_but_not_too_few() {
        assert_eq!([0.5, 3.0, 6.0, 600.0].map(|seconds| affordable(2000, seconds)), [2000, 2000, 1000, 200]);
        assert_eq!(affordable(100, 60.0), 100);
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
