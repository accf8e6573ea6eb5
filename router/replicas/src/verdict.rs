//! What an answer says: of the request, or of the replica that gave it.

use annuli_api::{ErrorCode, Failure};

/// What to make of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is what was asked for.
    Answered,
    /// Any replica would refuse this request.
    Refused,
    /// The replica has too much to do. Another may have less; it is no worse for it.
    Busy,
    /// The process cannot answer, whatever it is asked. Another may.
    Unreachable,
    /// The process cannot answer for what it was asked; it may for other indexes. Another may for this.
    Unable,
    /// The time is over, and with it that of every other replica.
    TooLate,
}

impl Verdict {
    pub(crate) fn of<R>(answer: &Result<R, Failure>) -> Self {
        answer.as_ref().map_or_else(|failure| Self::of_failure(failure.code), |_| Self::Answered)
    }

    /// Whether there is nothing that another replica would know better.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Answered | Self::Refused)
    }

    /// Whether another replica may be asked instead.
    pub(crate) fn another_may(self) -> bool {
        matches!(self, Self::Busy | Self::Unreachable | Self::Unable)
    }

    pub(crate) fn of_failure(code: ErrorCode) -> Self {
        match code {
            // It is down, stops, or is not who it should be.
            ErrorCode::CoordinationUnavailable | ErrorCode::ShardUnavailable | ErrorCode::ShuttingDown => {
                Self::Unreachable
            }
            // It has a damaged file, or does not have what its record says that it has.
            ErrorCode::DumpInUse
            | ErrorCode::DumpNotFound
            | ErrorCode::IndexNotFound
            | ErrorCode::IndexSealed
            | ErrorCode::IndexUnavailable
            | ErrorCode::StaleToken
            | ErrorCode::StorageFailed
            | ErrorCode::StorageFull => Self::Unable,
            ErrorCode::Overloaded => Self::Busy,
            ErrorCode::DeadlineExceeded => Self::TooLate,
            // A defect is in every replica: to ask all of them would turn one panic into several.
            ErrorCode::Internal
            | ErrorCode::AliasConflict
            | ErrorCode::AliasNotFound
            | ErrorCode::BodyTooLarge
            | ErrorCode::DimensionMismatch
            | ErrorCode::DocumentNotFound
            | ErrorCode::EmptyBatch
            | ErrorCode::Forbidden
            | ErrorCode::IndexExists
            | ErrorCode::InvalidFilter
            | ErrorCode::InvalidId
            | ErrorCode::InvalidMetadata
            | ErrorCode::InvalidName
            | ErrorCode::InvalidRequest
            | ErrorCode::InvalidSchema
            | ErrorCode::InvalidVector
            | ErrorCode::LimitExceeded
            | ErrorCode::MalformedJson
            | ErrorCode::MalformedMessagePack
            | ErrorCode::MethodNotAllowed
            | ErrorCode::NotFound
            | ErrorCode::SeqConflict
            | ErrorCode::TaskConflict
            | ErrorCode::TaskNotFound
            | ErrorCode::Unauthenticated
            | ErrorCode::UnsupportedMediaType => Self::Refused,
        }
    }
}
