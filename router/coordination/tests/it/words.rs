//! Short ways to say what tests say often.

use annuli_coordination::{
    Change, Changes, Commit, Condition, CoordinationStore, Key, Prefix, Revision, Ttl, Txn, Value,
};
use std::time::Duration;

pub(crate) fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

pub(crate) fn prefix(text: &str) -> Prefix {
    Prefix::new(text).unwrap()
}

pub(crate) fn value(text: &str) -> Value {
    Value::new(text.as_bytes()).unwrap()
}

pub(crate) fn seconds(n: u64) -> Ttl {
    Ttl::new(Duration::from_secs(n)).unwrap()
}

/// Commits what is expected to be committed.
pub(crate) async fn committed(store: &dyn CoordinationStore, txn: Txn) -> Revision {
    match store.commit(txn).await.unwrap() {
        Commit::Committed { revision } => revision,
        Commit::Conflict { which } => panic!("unexpected conflict: {which}"),
    }
}

/// Commits what is expected to be a conflict.
pub(crate) async fn conflict(store: &dyn CoordinationStore, txn: Txn) -> Condition {
    match store.commit(txn).await.unwrap() {
        Commit::Conflict { which } => which,
        Commit::Committed { revision } => panic!("unexpectedly committed at revision {revision}"),
    }
}

pub(crate) async fn put(store: &dyn CoordinationStore, name: &str, text: &str) -> Revision {
    committed(store, Txn::new().put(key(name), value(text))).await
}

/// The text under a key.
pub(crate) async fn text(store: &dyn CoordinationStore, name: &str) -> Option<String> {
    let entry = store.get(&key(name)).await.unwrap();
    entry.map(|entry| String::from_utf8(entry.value.as_bytes().to_vec()).unwrap())
}

/// Changes as one line: `a=1 -b`.
pub(crate) fn line(changes: &Changes) -> String {
    let word = |change: &Change| match change {
        Change::Put { key, value, .. } => format!("{key}={}", String::from_utf8_lossy(value.as_bytes())),
        Change::Delete { key } => format!("-{key}"),
    };
    changes.changes.iter().map(word).collect::<Vec<_>>().join(" ")
}
