//! How a request fails: one closed list of codes, which alone knows HTTP statuses.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt;
use utoipa::ToSchema;

/// Why a request was refused or failed. Each says what the caller has to do.
// Keep this alphabetical; a code is never renamed, clients match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The name is taken by an alias, or the alias's name by an index. Choose another name.
    AliasConflict,
    /// There is no alias of this name. Fix the name.
    AliasNotFound,
    /// The body is larger than the server takes. Send it in smaller batches.
    BodyTooLarge,
    /// The coordination store of the cluster does not answer. Searches and writes go on; indexes and aliases cannot be
    /// changed. Retry; if it lasts, call the operator.
    CoordinationUnavailable,
    /// The deadline passed before the answer was there. Retry, with a longer `timeout_ms` if it happens often. A write
    /// may or may not have been done: repeating it is harmless.
    DeadlineExceeded,
    /// A vector has another dimension than the index. Fix the vector, or the index it is sent to.
    DimensionMismatch,
    /// There is no document of this id. Fix the id.
    DocumentNotFound,
    /// The dump is served by replicas, or about to be, or it is being restored. Roll out another first, or wait.
    DumpInUse,
    /// There is no dump of this id. Fix the id.
    DumpNotFound,
    /// A batch without documents, ids or queries. Fix the request.
    EmptyBatch,
    /// The key may not do this; the message names the role that is needed. Ask with another key.
    Forbidden,
    /// An index of this name exists with another schema. Delete it first, or choose another name.
    IndexExists,
    /// There is no index or alias of this name. Create the index.
    IndexNotFound,
    /// The index moves to another number of shards, and takes no writes until it has. Retry in a moment. `details.effect`
    /// says whether the write may have been done: see [`Effect`].
    IndexSealed,
    /// The index cannot be served, the message says why. Call the operator: the stored data needs a look.
    IndexUnavailable,
    /// A defect of Annuli. Report it, with the message and the log.
    Internal,
    /// A filter that cannot be read. Fix the filter.
    InvalidFilter,
    /// A document id that is empty or too long. Fix the id.
    InvalidId,
    /// Metadata too large or nested too deep. Fix the document.
    InvalidMetadata,
    /// Not a name for an index or alias. Fix the name.
    InvalidName,
    /// JSON of the wrong shape: an unknown field, a missing field, a wrong type. Fix the request.
    InvalidRequest,
    /// A schema out of bounds. Fix the schema.
    InvalidSchema,
    /// A vector that cannot be compared: not finite, without a direction under cosine, not readable. Fix the vector.
    InvalidVector,
    /// More than the server takes of something, the message names it and the limit. Ask for less.
    LimitExceeded,
    /// The body is not JSON. Fix the request.
    MalformedJson,
    /// The body is not MessagePack. Fix the request.
    MalformedMessagePack,
    /// The path exists, the method does not. Fix the request.
    MethodNotAllowed,
    /// There is no such path. Fix the request.
    NotFound,
    /// Too much is under way. Wait as `Retry-After` says, then retry.
    Overloaded,
    /// The document has changed since (`if_seq`). Read it again, then decide.
    SeqConflict,
    /// A shard of the index does not answer. Retry; if it lasts, call the operator. `details.effect` says, where it is
    /// known, whether the request may have done something: see [`Effect`].
    ShardUnavailable,
    /// The server is about to stop. Retry with another one, or in a moment.
    ShuttingDown,
    /// The token is of another index or another history than is here now. Go on without it, then use the new one.
    StaleToken,
    /// The store failed. Call the operator: the log names the file.
    StorageFailed,
    /// The disk is full; what was not acknowledged was not written. Call the operator.
    StorageFull,
    /// The task cannot do this now: it is over, or has not come that far. Look at it again, then decide.
    TaskConflict,
    /// There is no task of this id, or it ended long ago. Fix the id.
    TaskNotFound,
    /// The server asks for a key, and got none of its own. Send one as `authorization: Bearer KEY`.
    Unauthenticated,
    /// The body is of a type that is not read here. Send `content-type: application/json`, or
    /// `application/msgpack`.
    UnsupportedMediaType,
}

impl ErrorCode {
    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedJson | Self::MalformedMessagePack => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::AliasNotFound
            | Self::DocumentNotFound
            | Self::DumpNotFound
            | Self::IndexNotFound
            | Self::NotFound
            | Self::TaskNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::AliasConflict
            | Self::DumpInUse
            | Self::IndexExists
            | Self::SeqConflict
            | Self::StaleToken
            | Self::TaskConflict => 409,
            Self::BodyTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::DimensionMismatch
            | Self::EmptyBatch
            | Self::InvalidFilter
            | Self::InvalidId
            | Self::InvalidMetadata
            | Self::InvalidName
            | Self::InvalidRequest
            | Self::InvalidSchema
            | Self::InvalidVector
            | Self::LimitExceeded => 422,
            Self::Overloaded => 429,
            Self::Internal | Self::StorageFailed => 500,
            Self::CoordinationUnavailable
            | Self::IndexSealed
            | Self::IndexUnavailable
            | Self::ShardUnavailable
            | Self::ShuttingDown => 503,
            Self::DeadlineExceeded => 504,
            Self::StorageFull => 507,
        }
    }

    /// Returns whether the same request may succeed a moment later.
    pub const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::CoordinationUnavailable
                | Self::IndexSealed
                | Self::Overloaded
                | Self::ShardUnavailable
                | Self::ShuttingDown
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The wire name is the one name.
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => f.write_str(&name),
            _ => f.write_str("internal"),
        }
    }
}

/// A failed request, as it travels: `{"error": {"code", "message", "details"}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error, ToSchema)]
#[error("{message}")]
pub struct Failure {
    /// What kind of failure, for programs.
    pub code: ErrorCode,
    /// What happened to which object, for people.
    pub message: String,
    /// The message's objects and bounds, for programs.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}

/// What a failed call to a shard may have done: the detail `effect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// `none`: nothing was changed. Another replica may be asked at once.
    None,
    /// `unknown`: the write may have been done, or may still be. Without `if_seq`, repeating it is harmless.
    Unknown,
}

impl Effect {
    const DETAIL: &str = "effect";

    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// The detail of what failed for something that is damaged for good.
const CAUSE: &str = "cause";
const CAUSE_DUMP: &str = "dump";
/// The same detail, of changes that were asked for and are in no log any longer.
const CAUSE_LOG: &str = "log";

/// The body of a failed request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FailureBody {
    /// The failure.
    pub error: Failure,
}

impl Failure {
    /// A failure of that code; the error's text is the message.
    pub fn new(code: ErrorCode, error: impl fmt::Display) -> Self {
        Self { code, message: error.to_string(), details: Map::new() }
    }

    /// Adds one named detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// Says what the call may have done.
    #[must_use]
    pub fn with_effect(self, effect: Effect) -> Self {
        self.with(Effect::DETAIL, effect.name())
    }

    /// What the call may have done, if that was said.
    pub fn effect(&self) -> Option<Effect> {
        let name = self.details.get(Effect::DETAIL)?.as_str()?;
        [Effect::None, Effect::Unknown].into_iter().find(|effect| effect.name() == name)
    }

    /// Says that what is wrong is in the dump that a generation was to be made of: another dump may do.
    #[must_use]
    pub fn blaming_the_dump(self) -> Self {
        self.with(CAUSE, CAUSE_DUMP)
    }

    /// Whether that was said.
    pub fn blames_the_dump(&self) -> bool {
        self.details.get(CAUSE).and_then(Value::as_str) == Some(CAUSE_DUMP)
    }

    /// Says that what was asked for is in the log no longer: what whoever asks has is true, and too old to be told what came
    /// behind it.
    #[must_use]
    pub fn blaming_the_log(self) -> Self {
        self.with(CAUSE, CAUSE_LOG)
    }

    /// Whether that was said.
    pub fn blames_the_log(&self) -> bool {
        self.details.get(CAUSE).and_then(Value::as_str) == Some(CAUSE_LOG)
    }

    /// More of `what` than the server takes.
    pub fn above_limit(what: &str, asked: usize, limit: usize) -> Self {
        Self::new(ErrorCode::LimitExceeded, format_args!("{what} is {asked}, the limit is {limit}"))
            .with("limit", json!(limit))
            .with("asked", json!(asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_travels_as_documented() {
        let failure = Failure::above_limit("`limit`", 20_000, 10_000);
        assert_eq!(
            serde_json::to_value(FailureBody { error: failure }).unwrap(),
            json!({"error": {
                "code": "limit_exceeded",
                "message": "`limit` is 20000, the limit is 10000",
                "details": {"limit": 10_000, "asked": 20_000},
            }})
        );
        assert_eq!(ErrorCode::DimensionMismatch.to_string(), "dimension_mismatch");
    }

    #[test]
    fn an_effect_travels_as_a_detail() {
        let failure = Failure::new(ErrorCode::ShardUnavailable, "gone");
        assert_eq!(failure.effect(), None);
        for (effect, name) in [(Effect::None, "none"), (Effect::Unknown, "unknown")] {
            let failure = failure.clone().with_effect(effect);
            assert_eq!(failure.details["effect"], name);
            assert_eq!(failure.effect(), Some(effect));
        }
    }
}
