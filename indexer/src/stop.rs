//! How threads are told to end: work in small steps looks at a flag, and who waits is woken.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells threads to end.
pub(crate) struct Stopper {
    flag: Arc<AtomicBool>,
    /// Nothing is ever sent: that it is gone wakes who waits.
    silence: Mutex<Option<Sender<()>>>,
}

/// Hears that it is time to end. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    flag: Arc<AtomicBool>,
    told: Receiver<()>,
}

impl Stopper {
    /// Tells it, once and for all.
    pub(crate) fn stop(&self) {
        self.flag.store(true, Ordering::Release);
        drop(self.silence.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Stop {
    /// One who tells and one who hears.
    pub(crate) fn new() -> (Stopper, Self) {
        let (silence, told) = bounded(0);
        let flag = Arc::new(AtomicBool::new(false));
        (Stopper { flag: Arc::clone(&flag), silence: Mutex::new(Some(silence)) }, Self { flag, told })
    }

    /// Set when it is time to end.
    pub(crate) fn flag(&self) -> &AtomicBool {
        &self.flag
    }

    /// Returns whether it is time to end.
    pub(crate) fn is_told(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// Disconnected when it is time to end; nothing is ever received from it.
    pub(crate) fn told(&self) -> &Receiver<()> {
        &self.told
    }
}
