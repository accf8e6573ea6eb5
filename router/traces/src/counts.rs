//! How many spans have been sent, and how many were lost.

use crate::limits::SPANS_WAITING_MAX;
use prometheus::{IntCounter, Registry};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What became of the spans of a process. A clone counts for the same.
#[derive(Debug, Clone)]
pub struct SpanCounts {
    waiting: Arc<AtomicUsize>,
    sent: IntCounter,
    lost: IntCounter,
}

impl Default for SpanCounts {
    fn default() -> Self {
        let counter = |name, help| IntCounter::new(name, help).expect("names of letters and underscores");
        let help = "Spans that were not sent: the collector was away or refused them, or they were too many.";
        Self {
            waiting: Arc::default(),
            sent: counter("annuli_spans_sent_total", "Spans of traced requests that the collector has taken."),
            lost: counter("annuli_spans_lost_total", help),
        }
    }
}

impl SpanCounts {
    /// Has `registry` show them.
    ///
    /// # Panics
    /// When it shows others of the same name already.
    pub fn register(&self, registry: &Registry) {
        let once = "a registry shows the spans of one process";
        registry.register(Box::new(self.sent.clone())).expect(once);
        registry.register(Box::new(self.lost.clone())).expect(once);
    }

    /// A span has ended. Returns whether there is room for it; if there is none, it is lost.
    pub(crate) fn take_place(&self) -> bool {
        let more = |waiting| (waiting < SPANS_WAITING_MAX).then_some(waiting + 1);
        let is_room = self.waiting.fetch_update(Relaxed, Relaxed, more).is_ok();
        if !is_room {
            self.lost.inc();
        }
        is_room
    }

    /// So many that had a place were sent, or lost.
    pub(crate) fn settle(&self, spans: usize, are_sent: bool) {
        self.waiting.fetch_sub(spans, Relaxed);
        if are_sent { &self.sent } else { &self.lost }.inc_by(spans as u64);
    }

    /// How many were sent and how many were lost.
    #[cfg(test)]
    pub(crate) fn sent_and_lost(&self) -> (u64, u64) {
        (self.sent.get(), self.lost.get())
    }
}
