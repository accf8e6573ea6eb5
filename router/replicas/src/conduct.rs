//! A standing that calls change without waiting for each other.

use crate::standing::{Admission, Moment, Standing, Trial};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::time::Instant;

/// How a process, or what it serves, has answered lately.
#[derive(Debug)]
pub(crate) struct Conduct {
    known_since: Instant,
    standing: AtomicU64,
}

/// What a standing was, and what it became; the same, if nothing changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed {
    pub(crate) before: Standing,
    pub(crate) after: Standing,
}

impl Changed {
    /// Until when nobody asks, if that was decided by this. Of all calls that saw the same trouble, one has decided it.
    pub(crate) fn ejected_until(self) -> Option<Moment> {
        match (self.before.ejected(), self.after) {
            (None, Standing::Out { until, .. }) => Some(until),
            _ => None,
        }
    }

    /// Whether it is asked again.
    pub(crate) fn returned(self) -> bool {
        self.before.ejected().is_some() && self.after.ejected().is_none()
    }
}

impl Conduct {
    /// Of whom nothing is known.
    pub(crate) fn new(now: Instant) -> Self {
        Self { known_since: now, standing: AtomicU64::new(Standing::UNKNOWN.into()) }
    }

    pub(crate) fn moment(&self, now: Instant) -> Moment {
        let since = now.saturating_duration_since(self.known_since);
        Moment(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing.load(Relaxed).into()
    }

    pub(crate) fn admission(&self, now: Instant) -> Admission {
        self.standing().admission(self.moment(now))
    }

    /// Returns whether the caller is to try it: it is due, and nobody else does.
    pub(crate) fn begin_trial(&self, now: Instant) -> bool {
        let now = self.moment(now);
        let Changed { before, after } = self.change(|standing| standing.tried(now));
        before != after
    }

    pub(crate) fn answered(&self) {
        self.change(Standing::answered);
    }

    pub(crate) fn failed(&self, now: Instant) -> Changed {
        let now = self.moment(now);
        self.change(|standing| standing.failed(now))
    }

    pub(crate) fn out_of_line(&self, now: Instant) -> Changed {
        let now = self.moment(now);
        self.change(|standing| standing.out_of_line(now))
    }

    pub(crate) fn end_trial(&self, trial: Trial, now: Instant) -> Changed {
        let now = self.moment(now);
        self.change(|standing| standing.after_trial(trial, now))
    }

    fn change(&self, change: impl Fn(Standing) -> Standing) -> Changed {
        let changed = |word| {
            let after = u64::from(change(Standing::from(word)));
            (after != word).then_some(after)
        };
        match self.standing.fetch_update(Relaxed, Relaxed, changed) {
            Ok(before) => Changed { before: before.into(), after: change(before.into()) },
            Err(same) => Changed { before: same.into(), after: same.into() },
        }
    }
}
