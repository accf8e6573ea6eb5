//! Whether this process coordinates.

use annuli_coordination::Epoch;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Says so while the coordinator runs. It is for who looks on: what must not be done twice is fenced by the commit.
#[derive(Debug, Clone, Default)]
pub struct Leading(Arc<AtomicU64>);

/// No leader has it.
const NOBODY: u64 = 0;

impl Leading {
    /// In which epoch, if it does.
    pub fn epoch(&self) -> Option<Epoch> {
        Some(self.0.load(Ordering::Relaxed)).filter(|epoch| *epoch != NOBODY).map(Epoch)
    }

    pub(super) fn begin(&self, epoch: Epoch) {
        self.0.store(epoch.0, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.0.store(NOBODY, Ordering::Relaxed);
    }
}
