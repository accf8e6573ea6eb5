//! When an answer is no longer wanted. Long work looks at it now and then.

use crate::clock;
use crate::settings::ROWS_PER_LOOK;
use std::time::Instant;

/// The moment from which nobody waits for the answer.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(pub Instant);

/// Nobody waits for the answer any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed before the shard had an answer")]
pub struct DeadlinePassed;

impl Deadline {
    /// Fails when the answer is no longer wanted.
    pub fn check(self) -> Result<(), DeadlinePassed> {
        if clock::now() < self.0 { Ok(()) } else { Err(DeadlinePassed) }
    }

    /// The same, for work on one row of many: looks at the clock once in a thousand rows or so.
    pub fn look_at(self, row: usize) -> Result<(), DeadlinePassed> {
        if row.is_multiple_of(ROWS_PER_LOOK) { self.check() } else { Ok(()) }
    }
}
