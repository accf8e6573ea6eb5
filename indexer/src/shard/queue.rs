//! The way to a shard's writer.

use crate::settings::WRITE_QUEUE_MAX;
use crate::writer::Command;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::sync::{PoisonError, RwLock};

/// The sending end of the writer's queue, until the shard is closed.
///
/// A channel keeps what is in it as long as it has a sender, even when nobody can receive it any more: who waits for
/// an answer to it would wait for ever. So closing gives up the sender, and what is left is dropped, which tells them.
pub(super) struct WriteQueue(RwLock<Option<Sender<Command>>>);

/// Why a command was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotQueued {
    /// There is no room.
    Full,
    /// The shard is closed.
    Closed,
}

impl WriteQueue {
    /// A queue, another sender for the builder, and where the writer receives.
    pub(super) fn new() -> (Self, Sender<Command>, Receiver<Command>) {
        let (sender, receiver) = bounded(WRITE_QUEUE_MAX);
        (Self(RwLock::new(Some(sender.clone()))), sender, receiver)
    }

    /// Commands that wait.
    pub(super) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Sender::len)
    }

    /// Queues a command if there is room.
    pub(super) fn try_send(&self, command: Command) -> Result<(), NotQueued> {
        let sender = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match sender.as_ref().ok_or(NotQueued::Closed)?.try_send(command) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(NotQueued::Full),
            Err(TrySendError::Disconnected(_)) => Err(NotQueued::Closed),
        }
    }

    /// Queues a command, waiting for room.
    pub(super) fn send(&self, command: Command) -> Result<(), NotQueued> {
        let sender = self.0.read().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().ok_or(NotQueued::Closed)?.send(command).map_err(|_| NotQueued::Closed)
    }

    /// Takes no more. The writer must have ended, or whoever waits for room would keep this waiting.
    pub(super) fn close(&self) {
        drop(self.0.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}
