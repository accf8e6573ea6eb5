//! How a replica has behaved lately.

use crate::pace::{Pace, relative};
use crate::report::{ReplicaReport, ReplicaState};
use crate::standing::{Moment, Standing, Trial, Why};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// What a router knows of a process that is a replica, from every call that it has made there, of whichever index.
///
/// All of it is atomics: no call waits for another to look.
#[derive(Debug)]
pub(crate) struct Health {
    name: Box<str>,
    known_since: Instant,
    in_flight: AtomicU32,
    standing: AtomicU64,
    pace: AtomicU64,
    tally: Tally,
}

/// What is counted, for ever.
#[derive(Debug, Default)]
struct Tally {
    requests: AtomicU64,
    failures: AtomicU64,
    answers: AtomicU64,
    answer_micros: AtomicU64,
    hedges: AtomicU64,
    hedges_won: AtomicU64,
    ejections: AtomicU64,
}

impl Health {
    /// Of a replica of which nothing is known. Messages call it by that name.
    pub(crate) fn new(name: &str, now: Instant) -> Self {
        Self {
            name: name.into(),
            known_since: now,
            in_flight: AtomicU32::new(0),
            standing: AtomicU64::new(Standing::UNKNOWN.into()),
            pace: AtomicU64::new(Pace::UNKNOWN.into()),
            tally: Tally::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn moment(&self, now: Instant) -> Moment {
        let since = now.saturating_duration_since(self.known_since);
        Moment(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.load(Relaxed).into()
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// How long it takes beside the others: see [`Pace`].
    pub(crate) fn pace(&self, now: Instant) -> f32 {
        Pace::from(self.pace.load(Relaxed)).at(self.moment(now))
    }

    /// A call begins; another ends one.
    pub(crate) fn begin(&self, is_hedge: bool) {
        self.in_flight.fetch_add(1, Relaxed);
        self.tally.requests.fetch_add(1, Relaxed);
        if is_hedge {
            self.tally.hedges.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn end(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Returns whether the caller is to try it: it is due, and nobody else does.
    pub(crate) fn begin_trial(&self, now: Instant) -> bool {
        let now = self.moment(now);
        let (before, after) = self.change(|standing| standing.tried(now));
        before != after
    }

    /// A call answered, or refused what any replica would.
    pub(crate) fn answered(&self, took: Duration) {
        self.tally.answers.fetch_add(1, Relaxed);
        self.tally.answer_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        self.change(Standing::answered);
    }

    /// A call ended without an answer that says anything of the replica.
    pub(crate) fn gave_none(&self) {
        self.tally.failures.fetch_add(1, Relaxed);
    }

    /// A call failed.
    pub(crate) fn failed(&self, now: Instant) {
        self.gave_none();
        let now = self.moment(now);
        let change = self.change(|standing| standing.failed(now));
        self.note_ejection(change, now);
    }

    /// It is out of line with the others.
    pub(crate) fn out_of_line(&self, now: Instant) {
        let now = self.moment(now);
        let change = self.change(|standing| standing.out_of_line(now));
        self.note_ejection(change, now);
    }

    /// An answer took so long, or one that was not waited for any longer.
    pub(crate) fn took(&self, took: Duration, typical: Option<Duration>, now: Instant) {
        let (now, took) = (self.moment(now), relative(took, typical));
        let paced = |word| Some(Pace::from(word).after(took, now).into());
        let _ = self.pace.fetch_update(Relaxed, Relaxed, paced);
    }

    /// The call ended by which it was tried.
    pub(crate) fn end_trial(&self, trial: Trial, now: Instant) {
        if trial == Trial::Passed {
            // What it was slow at lies before the pause.
            self.pace.store(Pace::UNKNOWN.into(), Relaxed);
        }
        let now = self.moment(now);
        let (before, after) = self.change(|standing| standing.after_trial(trial, now));
        if before.ejected().is_some() && after.ejected().is_none() {
            tracing::info!(replica = %self.name, "a replica is asked again");
        }
    }

    pub(crate) fn hedge_won(&self) {
        self.tally.hedges_won.fetch_add(1, Relaxed);
    }

    /// What it was and what it became; the same, if nothing changed.
    fn change(&self, change: impl Fn(Standing) -> Standing) -> (Standing, Standing) {
        let changed = |word| {
            let after = u64::from(change(Standing::from(word)));
            (after != word).then_some(after)
        };
        match self.standing.fetch_update(Relaxed, Relaxed, changed) {
            Ok(before) => (before.into(), change(before.into())),
            Err(same) => (same.into(), same.into()),
        }
    }

    /// Of all calls that saw the same trouble, one has changed the standing, and says so.
    fn note_ejection(&self, (before, after): (Standing, Standing), now: Moment) {
        if let (None, Standing::Out { why, until, .. }) = (before.ejected(), after) {
            self.tally.ejections.fetch_add(1, Relaxed);
            let why = match why {
                Why::Failures => "it failed several times in a row",
                Why::Slowness => "it takes much longer than the others",
            };
            let seconds = until.0.saturating_sub(now.0) / 1_000;
            tracing::warn!(replica = %self.name, seconds, "a replica is not asked for a while: {why}");
        }
    }

    pub(crate) fn report(&self, now: Instant) -> ReplicaReport {
        let moment = self.moment(now);
        let state = match self.standing() {
            Standing::Sound { .. } => ReplicaState::Sound,
            Standing::Out { why, until, .. } => {
                ReplicaState::Ejected { why, left: Duration::from_millis(until.0.saturating_sub(moment.0)) }
            }
            Standing::OnTrial { why, .. } => ReplicaState::OnTrial { why },
        };
        let Tally { requests, failures, answers, answer_micros, hedges, hedges_won, ejections } = &self.tally;
        ReplicaReport {
            name: self.name.clone(),
            state,
            in_flight: self.in_flight(),
            pace: self.pace(now),
            requests: requests.load(Relaxed),
            failures: failures.load(Relaxed),
            answers: answers.load(Relaxed),
            answer_time: Duration::from_micros(answer_micros.load(Relaxed)),
            hedges: hedges.load(Relaxed),
            hedges_won: hedges_won.load(Relaxed),
            ejections: ejections.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_calls_that_would_try_it_one_does() {
        let known_since = Instant::now();
        let health = Health::new("a", known_since);
        (0..3).for_each(|_| health.failed(known_since));
        let due = known_since + Duration::from_secs(1);
        assert_eq!([health.begin_trial(due), health.begin_trial(due)], [true, false]);
        health.end_trial(Trial::Undecided, due);
        assert!(health.begin_trial(due));
    }
}
