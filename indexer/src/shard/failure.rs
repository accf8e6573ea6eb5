//! How a shard's errors travel: the one place that gives them codes.

use super::reading::ReadError;
use crate::cpu_pool::JobError;
use crate::deadline::DeadlinePassed;
use crate::store::StoreError;
use crate::writer::WriteError;
use annuli_api::{ErrorCode, Failure, Position};
use annuli_core::ShardId;
use annuli_core::schema::UnfitVector;

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Overloaded => Self::new(ErrorCode::Overloaded, error),
            JobError::Panicked => Self::new(ErrorCode::Internal, error),
        }
    }
}

/// The code of a failed store.
pub(crate) fn store_code(error: &StoreError) -> ErrorCode {
    match error {
        StoreError::Full { .. } => ErrorCode::StorageFull,
        StoreError::Corrupt { .. } | StoreError::Failed { .. } => ErrorCode::StorageFailed,
        StoreError::NewerFormat { .. } => ErrorCode::IndexUnavailable,
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let code = match &error {
            WriteError::Vector { reason, .. } => vector_code(reason),
            WriteError::Metadata { .. } => ErrorCode::InvalidMetadata,
            WriteError::Store(error) => store_code(error),
            WriteError::DeadlineExceeded => ErrorCode::DeadlineExceeded,
            WriteError::Behind { .. } => ErrorCode::Overloaded,
            WriteError::Closed => ErrorCode::ShardUnavailable,
        };
        let failure = Self::new(code, &error);
        match error {
            WriteError::Vector { id, .. } | WriteError::Metadata { id, .. } => failure.with("id", id.as_str()),
            WriteError::Store(_) | WriteError::DeadlineExceeded | WriteError::Behind { .. } | WriteError::Closed => {
                failure
            }
        }
    }
}

fn vector_code(reason: &UnfitVector) -> ErrorCode {
    match reason {
        UnfitVector::Dimension { .. } => ErrorCode::DimensionMismatch,
        UnfitVector::NoDirection(_) => ErrorCode::InvalidVector,
    }
}

/// A query that does not fit the index.
pub(super) fn unfit_query(error: &UnfitVector) -> Failure {
    Failure::new(vector_code(error), format_args!("the query vector {error}"))
}

/// A shard whose files are closed.
pub(super) fn closed(shard: ShardId) -> Failure {
    Failure::new(
        ErrorCode::ShardUnavailable,
        format_args!("shard {shard} is closed: its index was deleted, its generation was retired, or the process ends"),
    )
}

impl From<DeadlinePassed> for Failure {
    fn from(passed: DeadlinePassed) -> Self {
        Self::new(ErrorCode::DeadlineExceeded, passed)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => WriteError::from(error).into(),
            ReadError::Deadline(passed) => passed.into(),
            ReadError::Trimmed(trimmed) => Self::new(ErrorCode::StaleToken, trimmed).blaming_the_log(),
        }
    }
}

/// A delete by filter that came to an end too early has done a part of its work.
pub(super) fn after_deletes(failure: Failure, deleted: u64) -> Failure {
    if deleted == 0 {
        return failure;
    }
    let message = format!("{deleted} of the matching documents were deleted; then: {failure}");
    Failure { message, ..failure }.with("deleted", deleted)
}

/// The caller's position must lie on this shard's line, and not ahead of it.
pub(super) fn check_position(shard: ShardId, here: Position, after: Option<Position>) -> Result<(), Failure> {
    let Some(after) = after else { return Ok(()) };
    if after.history != here.history {
        return Err(Failure::new(
            ErrorCode::StaleToken,
            format_args!(
                "`after` is of history {} of shard {shard}, which now has history {}: it was restored since",
                after.history, here.history
            ),
        ));
    }
    if after.seq > here.seq {
        return Err(Failure::new(
            ErrorCode::StaleToken,
            format_args!(
                "`after` is of seq {} of shard {shard}, which is at seq {}: later writes were lost",
                after.seq, here.seq
            ),
        ));
    }
    Ok(())
}
