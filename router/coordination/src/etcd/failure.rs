//! How etcd fails, in the words of the store: what was not done, what may have been, and what stays so.

use crate::store::{StoreError, Unavailable, Uncertain, Unusable};
use etcd_client::Error;
use std::sync::Arc;
use tokio::time::error::Elapsed;

/// Says of which etcd an error is.
#[derive(Debug, Clone)]
pub(super) struct Failing {
    store: Arc<str>,
}

/// An answer, an error, or nothing in time.
pub(super) type Answer<T> = Result<Result<T, Error>, NoAnswer>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// It did not come in time.
    #[error(transparent)]
    Late(#[from] Elapsed),
    /// It would have come over a connection that was left since.
    #[error("nothing was heard from it, and it is asked over another connection")]
    Left,
}

/// Whether etcd has spoken, and would say the same another time.
pub(super) fn is_answer<T>(answer: &Answer<T>) -> bool {
    match answer {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => matches!(said(error), Said::No),
        Err(_) => false,
    }
}

/// Whether it was etcd that has spoken, if only to say that it cannot at the moment: then the connection to it is well.
pub(super) fn is_heard<T>(answer: &Result<T, Error>) -> bool {
    match answer {
        Ok(_) => true,
        // Its client has words of its own for connections that end.
        Err(Error::GRpcStatus(status)) => status.message().starts_with("etcdserver: "),
        Err(_) => false,
    }
}

impl Failing {
    pub(super) fn of(endpoints: &[String]) -> Self {
        Self { store: Arc::from(format!("the coordination store (etcd at {})", endpoints.join(", "))) }
    }

    /// Of a question that changes nothing.
    pub(super) fn read<T>(&self, answer: Answer<T>) -> Result<T, StoreError> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.error(error)),
            Err(nothing) => Err(Unavailable::because(&self.store, nothing).into()),
        }
    }

    /// Of a change: unless etcd has said no, it may have been made.
    pub(super) fn change<T>(&self, answer: Answer<T>) -> Result<T, StoreError> {
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(match said(&error) {
                Said::No => Unusable::because(&self.store, error).into(),
                Said::NotNow | Said::Nothing => Uncertain::because(&self.store, error).into(),
            }),
            Err(nothing) => Err(Uncertain::because(&self.store, nothing).into()),
        }
    }

    pub(super) fn error(&self, error: Error) -> StoreError {
        match said(&error) {
            Said::No => Unusable::because(&self.store, error).into(),
            Said::NotNow | Said::Nothing => Unavailable::because(&self.store, error).into(),
        }
    }

    /// The stream has ended without a word.
    pub(super) fn silence(&self) -> StoreError {
        Unavailable::because(&self.store, "it has closed the connection").into()
    }

    /// The connection was left.
    pub(super) fn left(&self) -> StoreError {
        Unavailable::because(&self.store, NoAnswer::Left).into()
    }

    /// Of what this program has not written.
    pub(super) fn foreign(&self, error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        Unusable::because(&self.store, error).into()
    }
}

pub(super) enum Said {
    /// It would say the same another time.
    No,
    /// It cannot at the moment.
    NotNow,
    /// It was not etcd that spoke.
    Nothing,
}

/// Who has spoken. The numbers are those of gRPC's status codes.
pub(super) fn said(error: &Error) -> Said {
    match error {
        Error::GRpcStatus(status) => match i32::from(status.code()) {
            // Invalid argument, not found, already exists, permission denied, resource exhausted (etcd's disk quota),
            // failed precondition, out of range, unimplemented, unauthenticated.
            3 | 5 | 6 | 7 | 8 | 9 | 11 | 12 | 16 => Said::No,
            _ => Said::NotNow,
        },
        Error::InvalidArgs(_)
        | Error::InvalidUri(_)
        | Error::InvalidMetadataValue(_)
        | Error::Utf8Error(_)
        | Error::EndpointError(_)
        | Error::EndpointsNotManaged => Said::No,
        Error::IoError(_)
        | Error::TransportError(_)
        | Error::WatchError(_)
        | Error::LeaseKeepAliveError(_)
        | Error::ElectError(_)
        | Error::Internal(_) => Said::Nothing,
    }
}

/// Whether etcd says that a lease has ended.
pub(super) fn is_missing_lease(error: &Error) -> bool {
    matches!(error, Error::GRpcStatus(status) if status.message().contains("requested lease not found"))
}
