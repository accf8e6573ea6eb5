//! How threads are told to end, and work that nobody waits for: what goes in small steps looks at a flag, and who waits is
//! woken.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells threads to end. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Stopper {
    flag: Arc<AtomicBool>,
    /// Nothing is ever sent: that it is gone wakes who waits.
    silence: Arc<Mutex<Option<Sender<()>>>>,
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
        let silence = Arc::new(Mutex::new(Some(silence)));
        (Stopper { flag: Arc::clone(&flag), silence }, Self { flag, told })
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

/// Reads for as long as somebody waits for what is read.
pub(crate) struct WhileWanted<'a, R> {
    pub(crate) source: R,
    pub(crate) stop: &'a Stop,
}

impl<R: Read> Read for WhileWanted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_told() {
            return Err(io::Error::other("nobody waits for it any longer"));
        }
        self.source.read(into)
    }
}

/// Work that takes minutes and that somebody waits for, as a rule. Cheap to clone: all are of the same work.
#[derive(Debug, Clone)]
pub struct Effort {
    stopper: Stopper,
    stop: Stop,
}

impl Effort {
    /// Nobody has given it up yet.
    #[must_use = "it is handed to the work, and kept to give that up"]
    pub fn new() -> Self {
        let (stopper, stop) = Stop::new();
        Self { stopper, stop }
    }

    /// Nobody wants what would come of it: it ends as soon as it notices, and leaves nothing behind.
    pub fn give_up(&self) {
        self.stopper.stop();
    }

    /// Whether somebody has given it up.
    pub fn is_given_up(&self) -> bool {
        self.stop.is_told()
    }

    /// Gives it up when what this returns is dropped: with the future that waits for the work.
    #[must_use = "dropped at once, it gives the work up at once"]
    pub fn while_awaited(&self) -> Awaited {
        Awaited(self.clone())
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self::new()
    }
}

/// Somebody waits for the work as long as this is there.
#[derive(Debug)]
pub struct Awaited(Effort);

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.give_up();
    }
}
