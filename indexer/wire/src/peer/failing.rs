//! Why a call to a peer failed, and what that means to whoever called.

use super::connection::Lost;
use crate::call::Call;
use crate::failure;
use annuli_api::{Effect, ErrorCode, Failure};
use hyper::StatusCode;
use std::fmt;

/// A call, for those who say how it failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) address: &'a str,
    pub(crate) call: Call,
}

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallFailed {
    /// There is no connection.
    #[error("no shard can be reached at {address}: {cause}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        cause: String,
    },
    /// The connection ended.
    #[error("the shard at {address} did not answer: {cause}")]
    Lost {
        /// Where.
        address: String,
        /// Why.
        cause: String,
        /// What the call may have done.
        effect: Effect,
    },
    /// The time was over.
    #[error("the shard at {address} did not answer before the deadline")]
    TooLate {
        /// Where.
        address: String,
        /// What the call may have done.
        effect: Effect,
    },
    /// The answer is none.
    #[error("the shard at {address} gave an answer that makes no sense: {cause}")]
    Senseless {
        /// Where.
        address: String,
        /// Why.
        cause: String,
        /// What the call may have done.
        effect: Effect,
    },
    /// The shard says why.
    #[error("{0}")]
    Said(Failure),
}

impl Asked<'_> {
    pub(super) fn unreachable(self, cause: &dyn fmt::Display) -> CallFailed {
        CallFailed::Unreachable { address: self.address.to_owned(), cause: cause.to_string() }
    }

    pub(super) fn never_sent_in_time(self) -> CallFailed {
        CallFailed::TooLate { address: self.address.to_owned(), effect: Effect::None }
    }

    pub(super) fn unanswered_in_time(self) -> CallFailed {
        CallFailed::TooLate { address: self.address.to_owned(), effect: self.call.effect() }
    }

    pub(super) fn lost(self, lost: &Lost) -> CallFailed {
        let effect = if matches!(lost, Lost::NotSent(_)) { Effect::None } else { self.call.effect() };
        CallFailed::Lost { address: self.address.to_owned(), cause: with_sources(lost), effect }
    }

    pub(crate) fn senseless(self, cause: &dyn fmt::Display) -> CallFailed {
        CallFailed::Senseless { address: self.address.to_owned(), cause: cause.to_string(), effect: self.call.effect() }
    }

    /// What the peer said under a status that is no success.
    pub(super) fn failed(self, status: StatusCode, bytes: &[u8]) -> CallFailed {
        let Some(failure) = failure::read(bytes) else {
            return self.senseless(&format_args!("status {status} without a reason"));
        };
        // Of a shard that does not answer, one wants to know where it is.
        let nameless = failure.code == ErrorCode::ShardUnavailable;
        CallFailed::Said(if nameless { failure.with("address", self.address) } else { failure })
    }
}

/// hyper says what happened, and its sources why.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

impl From<CallFailed> for Failure {
    fn from(failed: CallFailed) -> Self {
        let message = failed.to_string();
        let failure =
            |code, address: String, effect| Self::new(code, &message).with("address", address).with_effect(effect);
        match failed {
            CallFailed::Unreachable { address, cause } => {
                failure(ErrorCode::ShardUnavailable, address, Effect::None).with("cause", cause)
            }
            CallFailed::Lost { address, cause, effect } | CallFailed::Senseless { address, cause, effect } => {
                failure(ErrorCode::ShardUnavailable, address, effect).with("cause", cause)
            }
            CallFailed::TooLate { address, effect } => failure(ErrorCode::DeadlineExceeded, address, effect),
            CallFailed::Said(failure) => failure,
        }
    }
}
