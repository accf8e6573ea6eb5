//! From where on somebody needs a shard's log, who asks for it when it is needed: a dump that is being taken, of which more
//! is to be made than the dump.

use annuli_core::Seq;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nobody needs any of it.
const NONE: u64 = u64::MAX;

/// Said by whoever knows, minded by the writer.
#[derive(Debug, Clone)]
pub(crate) struct LogKept(Arc<AtomicU64>);

impl Default for LogKept {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(NONE)))
    }
}

impl LogKept {
    pub(super) fn keep(&self, behind: Option<Seq>) {
        self.0.store(behind.map_or(NONE, |seq| seq.0), Ordering::Relaxed);
    }

    /// The change behind which all are needed.
    pub(crate) fn behind(&self) -> Option<Seq> {
        Some(self.0.load(Ordering::Relaxed)).filter(|seq| *seq != NONE).map(Seq)
    }
}
