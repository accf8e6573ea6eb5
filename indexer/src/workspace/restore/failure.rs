//! How errors of restores travel.

use super::RestoreError;
use crate::shard::store_code;
use crate::workspace::{disk_failure, make_code};
use annuli_api::{ErrorCode, Failure};
use annuli_dump::ExtractArchiveError;
use std::io;

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let code = match &error {
            RestoreError::Exists { .. } => ErrorCode::IndexExists,
            RestoreError::TooMany(refused) => refused.code,
            RestoreError::Extract(ExtractArchiveError::Disk(disk))
                if disk.error.kind() == io::ErrorKind::StorageFull =>
            {
                ErrorCode::StorageFull
            }
            RestoreError::Extract(_)
            | RestoreError::Canaries { .. }
            | RestoreError::WrongAnswer { .. }
            | RestoreError::Foreign { .. }
            | RestoreError::Documents { .. }
            | RestoreError::Segment { .. }
            | RestoreError::Served { .. }
            | RestoreError::Open(_) => ErrorCode::StorageFailed,
            RestoreError::Schema(_) | RestoreError::OtherSchema { .. } => ErrorCode::InvalidSchema,
            RestoreError::Store(error) => store_code(error),
            RestoreError::Make(error) => make_code(error),
            RestoreError::Disk(fault) => disk_failure(fault).code,
            RestoreError::Stopped => ErrorCode::TaskConflict,
        };
        Self::new(code, error)
    }
}
