//! Carrying out a decision: read, decide, write if nothing has changed, else again.

use crate::change::{self, Change};
use crate::mirror::{Then, read};
use crate::record;
use crate::records::Records;
use annuli_api::{ErrorCode, Failure};
use annuli_coordination::election::FencedCommitError;
use annuli_coordination::{
    Commit, CommitError, Condition, CoordinationStore, Key, Leadership, LeaseId, Revision, StoreError, Txn, Value,
};

/// How often a decision is made anew because another process was faster. Each time somebody has got on.
const ATTEMPTS_MAX: usize = 32;

/// What a decision comes to.
pub(crate) enum Decision<R> {
    /// Nothing is to be written.
    Stands(R),
    /// This is to be written.
    Write(Change, R),
}

impl Decision<()> {
    /// To write that, if there is something to be written.
    pub(crate) fn to(change: Option<Change>) -> Self {
        change.map_or(Self::Stands(()), |change| Self::Write(change, ()))
    }
}

/// Writes a change that was decided by what is known already, if that still stands; says whether it did. One whose answer
/// was lost is said not to: whoever asks again loses nothing.
pub(crate) async fn write_if_it_stands(store: &dyn CoordinationStore, change: &Change) -> Result<bool, Failure> {
    match store.commit(txn(change, None)?).await {
        Ok(Commit::Committed { .. }) => Ok(true),
        Ok(Commit::Conflict { .. }) | Err(CommitError::Store(StoreError::Uncertain(_))) => Ok(false),
        Err(CommitError::Store(error)) => Err(store_failure(&error)),
        Err(CommitError::TooLarge(error)) => Err(Failure::new(ErrorCode::LimitExceeded, error)),
    }
}

/// Makes a decision by the records as they are now, and carries it out. Returns what it comes to, and a moment at which it
/// stands.
pub(crate) async fn decide<R>(
    store: &dyn CoordinationStore,
    decision: impl FnMut(&Records) -> Result<Decision<R>, Failure>,
) -> Result<(R, Then), Failure> {
    let commit = |txn| async move {
        store.commit(txn).await.map_err(|error| match error {
            CommitError::Store(StoreError::Uncertain(_)) => NotCommitted::Uncertain,
            CommitError::Store(error) => NotCommitted::Failed(store_failure(&error)),
            CommitError::TooLarge(error) => NotCommitted::Failed(Failure::new(ErrorCode::LimitExceeded, error)),
        })
    };
    carry_out(store, decision, commit).await
}

/// The same, only while the leadership holds.
pub(crate) async fn decide_as<R>(
    leadership: &Leadership,
    store: &dyn CoordinationStore,
    decision: impl FnMut(&Records) -> Result<Decision<R>, Failure>,
) -> Result<(R, Then), Failure> {
    let commit = |txn| async move {
        leadership.commit(txn).await.map_err(|error| match error {
            FencedCommitError::Commit(CommitError::Store(StoreError::Uncertain(_))) => NotCommitted::Uncertain,
            FencedCommitError::NoLongerLeader(_) | FencedCommitError::Commit(_) => {
                NotCommitted::Failed(Failure::new(ErrorCode::CoordinationUnavailable, error))
            }
        })
    };
    carry_out(store, decision, commit).await
}

/// Why a transaction came to nothing that is known.
enum NotCommitted {
    /// It may have been done, which the next look will tell.
    Uncertain,
    /// It was not done.
    Failed(Failure),
}

async fn carry_out<R, Committing>(
    store: &dyn CoordinationStore,
    mut decision: impl FnMut(&Records) -> Result<Decision<R>, Failure>,
    commit: impl Fn(Txn) -> Committing,
) -> Result<(R, Then), Failure>
where
    Committing: Future<Output = Result<Commit, NotCommitted>>,
{
    for _ in 0..ATTEMPTS_MAX {
        let seen = read(store).await.map_err(|error| store_failure(&error))?;
        let (change, result) = match decision(&seen.records)? {
            Decision::Stands(result) => return Ok((result, Then::Read(Box::new(seen)))),
            Decision::Write(change, result) => (change, result),
        };
        match commit(txn(&change, None)?).await {
            Ok(Commit::Committed { revision }) => return Ok((result, Then::Wrote(revision))),
            // Another was faster.
            Ok(Commit::Conflict { .. }) | Err(NotCommitted::Uncertain) => {}
            Err(NotCommitted::Failed(failure)) => return Err(failure),
        }
    }
    let message = format!("the catalogue was changed by others {ATTEMPTS_MAX} times in a row: try again");
    Err(Failure::new(ErrorCode::Overloaded, message))
}

/// A change as the store takes it; what it writes vanishes with the lease, if there is one.
///
/// # Errors
/// When a record is larger than the store takes.
pub(crate) fn txn(change: &Change, lease: Option<LeaseId>) -> Result<Txn, Failure> {
    let condition = |condition: &change::Condition| match condition {
        change::Condition::Absent(key) => Condition::KeyAbsent { key: store_key(key) },
        change::Condition::At(key, revision) => Condition::KeyAt { key: store_key(key), revision: Revision(*revision) },
    };
    let txn = change.conditions.iter().map(condition).fold(Txn::new(), Txn::when);
    let txn = change.deletes.iter().map(store_key).fold(txn, Txn::delete);
    change.puts.iter().try_fold(txn, |txn, (key, value)| {
        let too_large =
            |error| Failure::new(ErrorCode::LimitExceeded, format_args!("the record `{key}` is too large: {error}"));
        let (value, key) = (Value::new(value).map_err(too_large)?, store_key(key));
        Ok(match lease {
            Some(lease) => txn.put_leased(key, value, lease),
            None => txn.put(key, value),
        })
    })
}

pub(crate) fn store_key(key: &record::Key) -> Key {
    Key::new(&key.to_string()).expect("names and identities are short and printable")
}

/// How a request fails that needed the store.
pub(crate) fn store_failure(error: &StoreError) -> Failure {
    let code = match error {
        StoreError::Unavailable(_) | StoreError::Uncertain(_) => ErrorCode::CoordinationUnavailable,
        StoreError::Unusable(_) => ErrorCode::StorageFailed,
    };
    Failure::new(code, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;

    /// It ended the process that was about to write it.
    #[test]
    fn a_record_that_is_too_large_is_refused_by_its_name() {
        let key = record::Key::Index(name("faces"));
        let change = |bytes: usize| Change::new().put(key.clone(), vec![b'a'; bytes]);
        assert!(txn(&change(1024 * 1024), None).is_ok());
        let refused = txn(&change(1024 * 1024 + 1), None).expect_err("it is too large");
        assert_eq!(refused.code, ErrorCode::LimitExceeded);
        assert!(refused.message.starts_with("the record `index/faces` is too large: a value has 1048577"), "{refused}");
    }
}
