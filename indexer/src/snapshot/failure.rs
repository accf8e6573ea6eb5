//! How errors of dumps travel.

use super::DumpError;
use annuli_api::{ErrorCode, Failure};
use annuli_dump::DeleteDumpError;

impl From<DumpError> for Failure {
    fn from(error: DumpError) -> Self {
        let code = match &error {
            DumpError::NotOfThisIndex { .. } | DumpError::Delete(DeleteDumpError::Absent(_)) => ErrorCode::DumpNotFound,
            DumpError::Capture(reason) => return Self::from(reason.clone()),
            DumpError::Begin(_)
            | DumpError::Copy { .. }
            | DumpError::Append(_)
            | DumpError::Finish(_)
            | DumpError::Commit(_)
            | DumpError::Publish(_)
            | DumpError::Store(_)
            | DumpError::ReadRecord(_)
            | DumpError::PutRecord(_)
            | DumpError::Delete(_) => ErrorCode::StorageFailed,
            DumpError::NoShard { .. } | DumpError::OtherHistory { .. } => ErrorCode::IndexUnavailable,
            DumpError::GivenUp => ErrorCode::ShuttingDown,
            DumpError::Slow(_) | DumpError::Canaries(_) | DumpError::Compression(_) | DumpError::Manifest(_) => {
                ErrorCode::Internal
            }
        };
        Self::new(code, error)
    }
}
