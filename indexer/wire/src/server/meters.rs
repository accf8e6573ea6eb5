//! What a server counts of the calls that reach it.

use crate::call::Call;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tokio::time::Instant;

/// Seconds of a call: from a search of a small shard to one that nobody should wait for.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

const NAMED_WELL: &str = "names and labels of letters and underscores";

/// The meters of a server. A clone counts for the same.
#[derive(Clone)]
pub struct CallMeters {
    calls: [OfCall; Call::ALL.len()],
    refused: IntCounter,
    in_flight: IntGauge,
    families: Families,
}

/// As they are listed, a line for each label.
#[derive(Clone)]
struct Families {
    seconds: HistogramVec,
    calls: IntCounterVec,
}

#[derive(Clone)]
struct OfCall {
    seconds: Histogram,
    answered: IntCounter,
    failed: IntCounter,
    left: IntCounter,
}

impl Default for CallMeters {
    fn default() -> Self {
        let help = "Time from a call's head to its answer.";
        let seconds = HistogramOpts::new("annuli_shard_call_seconds", help).buckets(SECONDS.to_vec());
        let help = "Calls of a shard of this process, by how they ended: answered, failed, or left by their caller.";
        let families = Families {
            seconds: HistogramVec::new(seconds, &["call"]).expect(NAMED_WELL),
            calls: IntCounterVec::new(Opts::new("annuli_shard_calls_total", help), &["call", "outcome"])
                .expect(NAMED_WELL),
        };
        let help = "Calls that no shard has seen: too many at once, without the secret, of another release.";
        Self {
            calls: Call::ALL.map(|call| families.of(call)),
            refused: IntCounter::new("annuli_shard_calls_refused_total", help).expect(NAMED_WELL),
            in_flight: IntGauge::new("annuli_shard_calls_in_flight", "Calls that are worked on.").expect(NAMED_WELL),
            families,
        }
    }
}

impl Families {
    fn of(&self, call: Call) -> OfCall {
        let outcome = |outcome| self.calls.with_label_values(&[call.name(), outcome]);
        let seconds = self.seconds.with_label_values(&[call.name()]);
        OfCall { seconds, answered: outcome("answered"), failed: outcome("failed"), left: outcome("left") }
    }
}

impl CallMeters {
    /// Has `registry` show them.
    ///
    /// # Panics
    /// When it shows others of the same name already.
    pub fn register(&self, registry: &Registry) {
        let once = "a registry shows the meters of one server";
        registry.register(Box::new(self.families.seconds.clone())).expect(once);
        registry.register(Box::new(self.families.calls.clone())).expect(once);
        registry.register(Box::new(self.refused.clone())).expect(once);
        registry.register(Box::new(self.in_flight.clone())).expect(once);
    }

    /// A call was refused.
    pub(super) fn refused(&self) {
        self.refused.inc();
    }

    /// A call is worked on from now on.
    pub(super) fn begin(&self, call: Call) -> Underway<'_> {
        self.in_flight.inc();
        let meters = &self.calls[Call::ALL.iter().position(|known| *known == call).unwrap_or_default()];
        Underway { meters, in_flight: &self.in_flight, begun: Instant::now(), ended: None }
    }
}

/// A call that is worked on. Dropped without a word, its caller has left.
pub(super) struct Underway<'a> {
    meters: &'a OfCall,
    in_flight: &'a IntGauge,
    begun: Instant,
    ended: Option<Outcome>,
}

/// How a call has ended.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Answered,
    Failed,
}

impl Underway<'_> {
    pub(super) fn end(mut self, outcome: Outcome) {
        self.ended = Some(outcome);
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        self.in_flight.dec();
        match self.ended {
            Some(Outcome::Answered) => {
                self.meters.answered.inc();
                self.meters.seconds.observe(self.begun.elapsed().as_secs_f64());
            }
            Some(Outcome::Failed) => self.meters.failed.inc(),
            None => self.meters.left.inc(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_call_is_counted_once_by_how_it_ended() {
        let meters = CallMeters::default();
        meters.begin(Call::Search).end(Outcome::Answered);
        meters.begin(Call::Search).end(Outcome::Failed);
        drop(meters.begin(Call::Search));
        let under_way = meters.begin(Call::Count);
        assert_eq!(meters.in_flight.get(), 1);
        drop(under_way);
        assert_eq!(meters.in_flight.get(), 0);
        let of = |call, outcome| meters.families.calls.with_label_values(&[call, outcome]).get();
        assert_eq!((of("search", "answered"), of("search", "failed"), of("search", "left")), (1, 1, 1));
        assert_eq!((of("count", "left"), of("write", "left")), (1, 0));
        let seconds = meters.families.seconds.with_label_values(&["search"]);
        assert_eq!(seconds.get_sample_count(), 1);
    }
}
