//! How a replica has behaved lately.

use crate::conduct::{Changed, Conduct};
use crate::limits::{NOTICEABLE, OUT_OF_LINE};
use crate::pace::{Pace, relative};
use crate::report::{ReplicaReport, ReplicaState};
use crate::standing::{Admission, Moment, Standing, Trial, Why};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::Instant;

/// What a router knows of a process that is a replica, from every call that it has made there, of whichever index.
///
/// All of it is atomics: no call waits for another to look.
#[derive(Debug)]
pub(crate) struct Health {
    name: Box<str>,
    conduct: Conduct,
    in_flight: AtomicU32,
    pace: AtomicU64,
    /// The end of the last long wait that has counted.
    waited_until: AtomicU64,
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
            conduct: Conduct::new(now),
            in_flight: AtomicU32::new(0),
            pace: AtomicU64::new(Pace::UNKNOWN.into()),
            waited_until: AtomicU64::new(0),
            tally: Tally::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn moment(&self, now: Instant) -> Moment {
        self.conduct.moment(now)
    }

    pub(crate) fn standing(&self) -> Standing {
        self.conduct.standing()
    }

    pub(crate) fn admission(&self, now: Instant) -> Admission {
        self.conduct.admission(now)
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
        self.conduct.begin_trial(now)
    }

    /// A call answered, or refused what any replica would.
    pub(crate) fn answered(&self, took: Duration) {
        self.tally.answers.fetch_add(1, Relaxed);
        self.tally.answer_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        self.conduct.answered();
    }

    /// A call ended without an answer that says anything of the replica.
    pub(crate) fn gave_none(&self) {
        self.tally.failures.fetch_add(1, Relaxed);
    }

    /// A call failed by what it was asked for, which the process has said: it is there.
    pub(crate) fn spoke(&self) {
        self.gave_none();
        self.conduct.answered();
    }

    /// It is not asked for one index for a while.
    pub(crate) fn note_ejection(&self) {
        self.tally.ejections.fetch_add(1, Relaxed);
    }

    /// A call failed, whatever it was asked for.
    pub(crate) fn failed(&self, now: Instant) {
        self.gave_none();
        self.tell_of(self.conduct.failed(now), now);
    }

    /// It is out of line with the others.
    pub(crate) fn out_of_line(&self, now: Instant) {
        self.tell_of(self.conduct.out_of_line(now), now);
    }

    /// An answer took so long, or one that was not waited for any longer.
    pub(crate) fn took(&self, took: Duration, typical: Option<Duration>, now: Instant) {
        let (now, times_typical) = (self.moment(now), relative(took, typical));
        if took >= NOTICEABLE && times_typical > OUT_OF_LINE && !self.waits_anew(took, now) {
            return;
        }
        let paced = |word| Some(Pace::from(word).after(times_typical, now).into());
        let _ = self.pace.fetch_update(Relaxed, Relaxed, paced);
    }

    /// Whether a long wait that ends now began after the last that has counted.
    ///
    /// Calls that wait at the same time wait for the same thing. A process that stands still for a moment, as one with a
    /// quota of processor time does in each period, would otherwise be out of line by all that one moment has held up.
    fn waits_anew(&self, took: Duration, now: Moment) -> bool {
        let began = now.0.saturating_sub(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        self.waited_until.fetch_update(Relaxed, Relaxed, |last| (began >= last).then_some(now.0)).is_ok()
    }

    /// The call ended by which it was tried.
    pub(crate) fn end_trial(&self, trial: Trial, now: Instant) {
        if trial == Trial::Passed {
            // What it was slow at lies before the pause.
            self.pace.store(Pace::UNKNOWN.into(), Relaxed);
        }
        if self.conduct.end_trial(trial, now).returned() {
            tracing::info!(replica = %self.name, "a replica is asked again");
        }
    }

    pub(crate) fn hedge_won(&self) {
        self.tally.hedges_won.fetch_add(1, Relaxed);
    }

    fn tell_of(&self, changed: Changed, now: Instant) {
        let Some(until) = changed.ejected_until() else { return };
        self.note_ejection();
        let why = match changed.after.ejected() {
            Some(Why::Slowness) => "it takes much longer than the others",
            Some(Why::Failures) | None => "it failed several times in a row",
        };
        let seconds = until.0.saturating_sub(self.moment(now).0) / 1_000;
        tracing::warn!(replica = %self.name, seconds, "a replica is not asked for a while: {why}");
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

    const TYPICAL: Duration = Duration::from_millis(1);

    /// The pace of a replica that stands still for 90 of each 100 milliseconds, in which so many calls wait for it.
    fn throttled(held_up: u32) -> f32 {
        let known_since = Instant::now();
        let health = Health::new("a", known_since);
        let mut pace: f32 = 1.0;
        for period in 1..=50 {
            let resumes = known_since + period * Duration::from_millis(100);
            (0..held_up).for_each(|_| health.took(Duration::from_millis(90), Some(TYPICAL), resumes));
            pace = pace.max(health.pace(resumes));
            (0..20).for_each(|_| health.took(TYPICAL, Some(TYPICAL), resumes));
        }
        pace
    }

    /// All that waited for it counted, and routers did for seconds without a replica that its quota had stopped.
    #[test]
    fn who_stands_still_for_a_moment_is_not_out_of_line_however_many_wait() {
        assert!(throttled(1) < OUT_OF_LINE, "{}", throttled(1));
        assert!(throttled(30) <= throttled(1), "{}", throttled(30));
    }

    #[test]
    fn who_is_slow_each_time_is_out_of_line_though_calls_wait_at_the_same_time() {
        let known_since = Instant::now();
        let health = Health::new("a", known_since);
        // Four at a time, of which each takes twenty milliseconds.
        for call in 4..60 {
            health.took(Duration::from_millis(20), Some(TYPICAL), known_since + call * Duration::from_millis(5));
        }
        let pace = health.pace(known_since + Duration::from_millis(300));
        assert!(pace > OUT_OF_LINE, "{pace}");
    }
}
