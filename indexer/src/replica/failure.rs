//! How errors of replicas travel.

use super::folders::MakeIndexFolderError;
use super::settle::SettleError;
use super::trial::Unfit;
use super::{GenerationFileError, PrepareError};
use crate::shard::{FollowError, OpenError, OpenFrozenError, store_code};
use crate::workspace::{disk_failure, make_code};
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, IndexName};
use annuli_dump::{ExtractArchiveError, FindDumpError};
use std::io;

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        let code = match &error {
            PrepareError::Find(FindDumpError::Absent(_)) => ErrorCode::DumpNotFound,
            PrepareError::Fetch { reason: ExtractArchiveError::Disk(disk), .. }
                if disk.error.kind() == io::ErrorKind::StorageFull =>
            {
                ErrorCode::StorageFull
            }
            PrepareError::Find(_) | PrepareError::Fetch { .. } | PrepareError::Canaries { .. } => {
                ErrorCode::StorageFailed
            }
            PrepareError::Settle { reason, .. } => settle_code(reason),
            PrepareError::Unfit { reason: Unfit::Store(error), .. } => store_code(error),
            PrepareError::Disk(fault) => disk_failure(fault).code,
            PrepareError::Folder(MakeIndexFolderError::Make(error)) => make_code(error),
            PrepareError::Folder(MakeIndexFolderError::Unread(_)) => ErrorCode::StorageFailed,
            PrepareError::Open(error) => open_code(error),
            PrepareError::CatchUp(error) => follow_code(error),
            PrepareError::Stopped => ErrorCode::ShuttingDown,
            PrepareError::OtherDump(_)
            | PrepareError::OtherGeneration { .. }
            | PrepareError::Folder(MakeIndexFolderError::Taken { .. })
            | PrepareError::Unfit { .. } => ErrorCode::IndexUnavailable,
        };
        let (failure, of_dump) = (Self::new(code, &error), error.blames_the_dump());
        if of_dump { failure.blaming_the_dump() } else { failure }
    }
}

fn settle_code(error: &SettleError) -> ErrorCode {
    match error {
        SettleError::Store(error) => store_code(error),
        SettleError::Seal(error) if error.is_full() => ErrorCode::StorageFull,
        SettleError::Seal(_)
        | SettleError::Foreign
        | SettleError::Documents { .. }
        | SettleError::UnknownSegment(_)
        | SettleError::Segment(_) => ErrorCode::StorageFailed,
        SettleError::Stopped => ErrorCode::ShuttingDown,
    }
}

fn open_code(error: &OpenFrozenError) -> ErrorCode {
    match error {
        OpenFrozenError::Open(OpenError::Store(error)) => store_code(error),
        OpenFrozenError::Open(_) | OpenFrozenError::OtherPosition { .. } | OpenFrozenError::Segment(_) => {
            ErrorCode::StorageFailed
        }
    }
}

impl From<FollowError> for Failure {
    fn from(error: FollowError) -> Self {
        Self::new(follow_code(&error), error)
    }
}

fn follow_code(error: &FollowError) -> ErrorCode {
    match error {
        FollowError::Closed(_) => ErrorCode::IndexUnavailable,
        FollowError::Store(error) => store_code(error),
        FollowError::TooMany | FollowError::Short { .. } => ErrorCode::LimitExceeded,
        FollowError::OtherHistory { .. } | FollowError::Unfit { .. } | FollowError::OtherWrite { .. } => {
            ErrorCode::Internal
        }
    }
}

/// Why a generation that is there does not serve.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenGenerationError {
    #[error(transparent)]
    File(#[from] GenerationFileError),
    #[error(transparent)]
    Shard(#[from] OpenFrozenError),
}

pub(super) fn rotten(name: &IndexName, generation: Generation, error: &OpenGenerationError) -> Failure {
    let code = match error {
        OpenGenerationError::File(_) => ErrorCode::StorageFailed,
        OpenGenerationError::Shard(error) => open_code(error),
    };
    let message = format!("generation {generation} of index `{name}` does not open: {error}");
    Failure::new(code, message).with("index", name.as_str()).with("generation", generation.0)
}
