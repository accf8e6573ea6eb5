//! One call of one replica, from when it is chosen until it is known how that went.

use crate::choice::{Candidate, Turn};
use crate::limits::HUNG_AFTER;
use crate::set::{Replica, ReplicaSet};
use crate::standing::Trial;
use crate::tempo::Tempo;
use crate::verdict::Verdict;
use annuli_api::Failure;
use std::time::Duration;
use tokio::time::Instant;

/// A call that is under way. It is counted for as long as this lives: who drops it has given the call up.
pub(crate) struct Underway<'a> {
    set: &'a ReplicaSet,
    place: usize,
    /// What its answer is measured by, if it is of a usual kind.
    tempo: Option<&'a Tempo>,
    started: Instant,
    is_trial: bool,
    is_hedge: bool,
    is_settled: bool,
}

impl<'a> Underway<'a> {
    /// Begins a call of the chosen replica. Who is to be tried is on trial already.
    pub(crate) fn begin(
        set: &'a ReplicaSet,
        chosen: &Candidate,
        turn: Turn,
        tempo: Option<&'a Tempo>,
        started: Instant,
    ) -> Self {
        let (place, is_trial, is_hedge) = (chosen.place, chosen.due, turn == Turn::Hedge);
        set.replica(place).health.begin(is_hedge);
        Self { set, place, tempo, started, is_trial, is_hedge, is_settled: false }
    }

    pub(crate) fn replica(&self) -> &'a Replica {
        self.set.replica(self.place)
    }

    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// The call ended so.
    pub(crate) fn settle<R>(&mut self, answer: &Result<R, Failure>) -> Verdict {
        self.is_settled = true;
        let (health, now) = (&self.replica().health, Instant::now());
        let took = now.saturating_duration_since(self.started);
        let verdict = Verdict::of(answer);
        if self.is_hedge && verdict.is_good() {
            health.hedge_won();
        }
        let trial = match verdict {
            Verdict::Answered => {
                health.answered(took);
                self.measure(took, now);
                let is_slow = self.tempo.is_some_and(|tempo| tempo.is_far_out(took));
                if is_slow { Trial::Failed } else { Trial::Passed }
            }
            // It is able to read and to refuse; how long that takes is no measure.
            Verdict::Refused => {
                health.answered(took);
                Trial::Passed
            }
            Verdict::Busy => {
                health.gave_none();
                Trial::Undecided
            }
            Verdict::Unable => {
                health.failed(now);
                Trial::Failed
            }
            Verdict::TooLate => {
                self.measure_if_slow(took, now);
                if self.tempo.is_some() && took >= HUNG_AFTER {
                    health.failed(now);
                } else {
                    health.gave_none();
                }
                Trial::Failed
            }
        };
        self.end_trial(trial, now);
        verdict
    }

    fn measure(&self, took: Duration, now: Instant) {
        if let Some(tempo) = self.tempo {
            tempo.record(took);
            // Of the first answers it is not known whether they were quick.
            if let Some(typical) = tempo.typical() {
                self.replica().health.took(took, Some(typical), now);
                self.set.judge(self.place, took, now);
            }
        }
    }

    /// A call that was given up before it was slow might have been answered quickly; of one that was slow, it is known
    /// that it was. Returns whether it was.
    fn measure_if_slow(&self, waited: Duration, now: Instant) -> bool {
        let Some(tempo) = self.tempo.filter(|tempo| waited >= tempo.slow()) else { return false };
        tempo.record(waited);
        self.replica().health.took(waited, tempo.typical(), now);
        self.set.judge(self.place, waited, now);
        true
    }

    fn end_trial(&self, trial: Trial, now: Instant) {
        if self.is_trial {
            self.replica().health.end_trial(trial, now);
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            let now = Instant::now();
            let was_slow = self.measure_if_slow(now.saturating_duration_since(self.started), now);
            self.end_trial(if was_slow { Trial::Failed } else { Trial::Undecided }, now);
        }
        self.replica().health.end();
    }
}
