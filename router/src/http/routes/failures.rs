//! How requests fail, by what they touch.

use annuli_api::ErrorCode;

/// Codes that come together.
pub(super) type Failures = &'static [ErrorCode];

/// Every request.
pub(super) const ALWAYS: Failures = &[ErrorCode::Internal, ErrorCode::Overloaded, ErrorCode::ShuttingDown];

/// A request whose address says something.
pub(super) const ADDRESS: Failures = &[ErrorCode::InvalidRequest];

/// A request with a body.
pub(super) const BODY: Failures = &[
    ErrorCode::BodyTooLarge,
    ErrorCode::DeadlineExceeded,
    ErrorCode::InvalidRequest,
    ErrorCode::LimitExceeded,
    ErrorCode::MalformedJson,
    ErrorCode::MalformedMessagePack,
    ErrorCode::UnsupportedMediaType,
];

/// A name in the path.
pub(super) const NAME: Failures = &[ErrorCode::InvalidName];

/// An index that must be there.
pub(super) const INDEX: Failures =
    &[ErrorCode::IndexNotFound, ErrorCode::IndexUnavailable, ErrorCode::InvalidName, ErrorCode::ShardUnavailable];

/// A schema.
pub(super) const SCHEMA: Failures = &[ErrorCode::AliasConflict, ErrorCode::IndexExists, ErrorCode::InvalidSchema];

/// An alias.
pub(super) const ALIAS: Failures = &[ErrorCode::AliasConflict, ErrorCode::AliasNotFound];

/// A change of the catalogue.
pub(super) const CATALOGUE: Failures = &[
    ErrorCode::CoordinationUnavailable,
    ErrorCode::IndexUnavailable,
    ErrorCode::StorageFailed,
    ErrorCode::StorageFull,
];

/// Shards that are asked.
pub(super) const SHARDS: Failures =
    &[ErrorCode::DeadlineExceeded, ErrorCode::ShardUnavailable, ErrorCode::StorageFailed, ErrorCode::LimitExceeded];

/// A read of documents, or a filter.
pub(super) const READ: Failures =
    &[ErrorCode::EmptyBatch, ErrorCode::InvalidFilter, ErrorCode::InvalidId, ErrorCode::StaleToken];

/// A search.
pub(super) const SEARCH: Failures =
    &[ErrorCode::DimensionMismatch, ErrorCode::DocumentNotFound, ErrorCode::InvalidVector];

/// A write of documents.
pub(super) const WRITE: Failures = &[
    ErrorCode::DimensionMismatch,
    ErrorCode::EmptyBatch,
    ErrorCode::IndexSealed,
    ErrorCode::InvalidId,
    ErrorCode::InvalidMetadata,
    ErrorCode::InvalidVector,
    ErrorCode::SeqConflict,
    ErrorCode::StorageFull,
];

/// A document in the path.
pub(super) const DOCUMENT: Failures = &[ErrorCode::DocumentNotFound];

/// Dumps.
pub(super) const DUMP: Failures = &[ErrorCode::DumpInUse, ErrorCode::DumpNotFound, ErrorCode::StorageFailed];

/// A task.
pub(super) const TASK: Failures = &[ErrorCode::TaskConflict, ErrorCode::TaskNotFound];

/// What only a cluster does.
pub(super) const CLUSTER: Failures = &[ErrorCode::InvalidRequest, ErrorCode::CoordinationUnavailable];

/// A word in the path.
pub(super) const WORD: Failures = &[ErrorCode::NotFound];

/// A file in the path.
pub(super) const FILE: Failures = &[ErrorCode::NotFound];
