//! One call of one replica, from when it is chosen until it is known how that went.

use crate::choice::{Candidate, Turn};
use crate::limits::HUNG_AFTER;
use crate::set::{Replica, ReplicaSet};
use crate::standing::{Admission, Trial};
use crate::tempo::Tempo;
use crate::verdict::Verdict;
use annuli_api::Failure;
use std::time::Duration;
use tokio::time::Instant;

/// How long a request waits for replicas.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience<'a> {
    /// What its answer is measured by, if it is of a usual kind.
    pub(crate) tempo: Option<&'a Tempo>,
    /// When the primary is asked as well.
    pub(crate) late: Instant,
}

/// What a call tries: whether a process is back, and whether what it serves is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trials {
    process: bool,
    served: bool,
}

impl Trials {
    /// The replica is asked like any other.
    pub(crate) const NONE: Self = Self { process: false, served: false };

    /// Those that are due; `None` if another call was quicker.
    pub(crate) fn begin(replica: &Replica, chosen: &Candidate, now: Instant) -> Option<Self> {
        if !chosen.due {
            return Some(Self::NONE);
        }
        let Replica { health, served, .. } = replica;
        let is_due = |admission| admission == Admission::Due;
        let (process, of_served) = (is_due(health.admission(now)), is_due(served.admission(now)));
        if process && !health.begin_trial(now) {
            return None;
        }
        if of_served && !served.begin_trial(now) {
            if process {
                health.end_trial(Trial::Undecided, now);
            }
            return None;
        }
        (process || of_served).then_some(Self { process, served: of_served })
    }
}

/// A call that is under way. It is counted for as long as this lives: who drops it has given the call up.
pub(crate) struct Underway<'a> {
    set: &'a ReplicaSet,
    place: usize,
    patience: Patience<'a>,
    started: Instant,
    trials: Trials,
    turn: Turn,
    is_settled: bool,
}

impl<'a> Underway<'a> {
    /// Begins a call of the replica at that place. Who is to be tried is on trial already.
    pub(crate) fn begin(
        set: &'a ReplicaSet,
        (place, trials): (usize, Trials),
        turn: Turn,
        patience: Patience<'a>,
        started: Instant,
    ) -> Self {
        set.replica(place).health.begin(turn == Turn::Hedge);
        Self { set, place, patience, started, trials, turn, is_settled: false }
    }

    pub(crate) fn replica(&self) -> &'a Replica {
        self.set.replica(self.place)
    }

    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// For what the replica was sought.
    pub(crate) fn turn(&self) -> Turn {
        self.turn
    }

    /// The call ended so.
    pub(crate) fn settle<R>(&mut self, answer: &Result<R, Failure>) -> Verdict {
        self.is_settled = true;
        let (Replica { health, served, .. }, now) = (self.replica(), Instant::now());
        let took = now.saturating_duration_since(self.started);
        let verdict = Verdict::of(answer);
        if self.turn == Turn::Hedge && verdict.is_good() {
            health.hedge_won();
        }
        let (of_process, of_served) = match verdict {
            Verdict::Answered => {
                health.answered(took);
                served.answered();
                self.measure(took, now);
                let is_slow = self.patience.tempo.is_some_and(|tempo| tempo.is_far_out(took));
                (if is_slow { Trial::Failed } else { Trial::Passed }, Trial::Passed)
            }
            // It is able to read and to refuse; how long that takes is no measure.
            Verdict::Refused => {
                health.answered(took);
                (Trial::Passed, Trial::Undecided)
            }
            Verdict::Busy => {
                health.gave_none();
                (Trial::Undecided, Trial::Undecided)
            }
            Verdict::Unreachable => {
                health.failed(now);
                (Trial::Failed, Trial::Undecided)
            }
            Verdict::Unable => {
                health.spoke();
                if served.failed(now) {
                    health.note_ejection();
                }
                (Trial::Passed, Trial::Failed)
            }
            Verdict::TooLate => {
                self.measure_if_slow(took, now);
                if self.patience.tempo.is_some() && took >= HUNG_AFTER {
                    health.failed(now);
                } else {
                    health.gave_none();
                }
                (Trial::Failed, Trial::Undecided)
            }
        };
        self.end_trials(of_process, of_served, now);
        verdict
    }

    fn measure(&self, took: Duration, now: Instant) {
        if let Some(tempo) = self.patience.tempo {
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
        let Some(tempo) = self.patience.tempo.filter(|tempo| waited >= tempo.slow()) else { return false };
        tempo.record(waited);
        self.replica().health.took(waited, tempo.typical(), now);
        self.set.judge(self.place, waited, now);
        true
    }

    /// The call was given up. Who leaves may have had no time; but where the primary had to be asked as well, the replica
    /// hangs.
    fn given_up(&self) {
        let (health, now) = (&self.replica().health, Instant::now());
        let waited = now.saturating_duration_since(self.started);
        let is_late = now >= self.patience.late;
        let was_slow = self.measure_if_slow(waited, now);
        if is_late && self.patience.tempo.is_some_and(|tempo| waited >= tempo.hung_after()) {
            health.failed(now);
        } else if is_late {
            health.gave_none();
        }
        self.end_trials(if was_slow || is_late { Trial::Failed } else { Trial::Undecided }, Trial::Undecided, now);
    }

    fn end_trials(&self, of_process: Trial, of_served: Trial, now: Instant) {
        if self.trials.process {
            self.replica().health.end_trial(of_process, now);
        }
        if self.trials.served {
            self.replica().served.end_trial(of_served, now);
        }
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.given_up();
        }
        self.replica().health.end();
    }
}
