//! What a body may become while it is read.
//!
//! Few bytes can stand for much memory: `{"":0}` is a node of a tree, and a million documents of one component each fit
//! into a body. So each list that grows asks here before it does, and what no later check would let pass is refused
//! while it is read. `Deserialize` takes no argument: the bounds stand beside the thread, from a body's first byte to
//! its last.

use crate::error::{ErrorCode, Failure};
use serde::de::Error;
use std::cell::Cell;

/// Bounds of one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBounds {
    /// Most documents, or ids.
    pub batch_documents_max: usize,
    /// Most query vectors.
    pub queries_max: usize,
    /// Most memory for what is read, in bytes, by a rough count of ours.
    pub memory_bytes_max: usize,
}

impl ReadBounds {
    /// For what comes from somebody who is trusted.
    pub const NONE: Self =
        Self { batch_documents_max: usize::MAX, queries_max: usize::MAX, memory_bytes_max: usize::MAX };

    /// Reads under these bounds. An error of the bounds' own comes before that of the reader, which only stopped for it.
    pub(super) fn during<R, E>(self, read: impl FnOnce() -> Result<R, E>) -> Result<Result<R, E>, Failure> {
        BOUNDS.set(self);
        LEFT.set(self.memory_bytes_max);
        REFUSAL.take();
        let _reset = Reset;
        let result = read();
        match REFUSAL.take() {
            Some(failure) if result.is_err() => Err(failure),
            Some(_) | None => Ok(result),
        }
    }
}

thread_local! {
    static BOUNDS: Cell<ReadBounds> = const { Cell::new(ReadBounds::NONE) };
    /// Bytes that may still be taken.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    /// What the reader has stopped for.
    static REFUSAL: Cell<Option<Failure>> = const { Cell::new(None) };
}

/// Outside of [`ReadBounds::during`] nothing is bounded, also after a panic in it.
struct Reset;

impl Drop for Reset {
    fn drop(&mut self) {
        BOUNDS.set(ReadBounds::NONE);
        LEFT.set(usize::MAX);
        REFUSAL.take();
    }
}

/// The bounds in force.
pub(crate) fn in_force() -> ReadBounds {
    BOUNDS.get()
}

/// Stops the reader, for this reason.
pub(crate) fn refuse<E: Error>(failure: Failure) -> E {
    let error = E::custom(&failure.message);
    REFUSAL.set(Some(failure));
    error
}

/// Says where in a list it was that the reader has stopped, if it was for a bound.
pub(crate) fn locate(position: usize) {
    if let Some(failure) = REFUSAL.take() {
        let message = format!("item {position} of the list, counted from 0: {}", failure.message);
        REFUSAL.set(Some(Failure { message, ..failure }.with("item", position)));
    }
}

/// Takes memory, or stops the reader.
pub(crate) fn take<E: Error>(bytes: usize) -> Result<(), E> {
    let Some(left) = LEFT.get().checked_sub(bytes) else {
        let max = BOUNDS.get().memory_bytes_max;
        let message = format!("the body becomes more than {max} bytes in memory: send it in several smaller ones");
        return Err(refuse(Failure::new(ErrorCode::BodyTooLarge, message).with("limit", max)));
    };
    LEFT.set(left);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::value::Error as ReadError;

    #[test]
    fn memory_is_taken_until_there_is_none() {
        let bounds = ReadBounds { memory_bytes_max: 10, ..ReadBounds::NONE };
        let both = |second| bounds.during(|| take::<ReadError>(6).and_then(|()| take(second)));
        assert_eq!(both(4), Ok(Ok(())));
        let failure = both(5).unwrap_err();
        assert_eq!(failure.code, ErrorCode::BodyTooLarge);
        assert_eq!(failure.message, "the body becomes more than 10 bytes in memory: send it in several smaller ones");
    }

    #[test]
    fn bounds_end_with_the_body_also_by_a_panic() {
        let bounds = ReadBounds { memory_bytes_max: 10, ..ReadBounds::NONE };
        let panics = || bounds.during(|| -> Result<(), ReadError> { panic!("of the test") });
        assert!(std::panic::catch_unwind(panics).is_err());
        assert_eq!(in_force(), ReadBounds::NONE);
        assert_eq!(take::<ReadError>(11), Ok(()));
    }

    #[test]
    fn what_the_reader_got_over_is_no_refusal() {
        let read = || -> Result<u8, ReadError> {
            let _: ReadError = refuse(Failure::new(ErrorCode::LimitExceeded, "tried in vain"));
            Ok(7)
        };
        assert_eq!(ReadBounds::NONE.during(read), Ok(Ok(7)));
    }
}
