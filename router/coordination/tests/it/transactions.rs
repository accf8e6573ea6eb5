//! Reading and writing.

use crate::patience::soon;
use crate::stage::{Stage, on_every_stage};
use crate::words::{committed, conflict, key, prefix, put, seconds, text, value};
use annuli_coordination::{CommitError, Condition, CoordinationStore, Revision, Txn, Value};
use std::sync::Arc;

on_every_stage!(
    a_key_is_read_as_it_was_last_written,
    a_conflict_names_the_first_condition_that_fails_and_writes_nothing,
    a_key_that_was_written_again_is_no_longer_as_it_was,
    a_deletion_of_nothing_makes_no_revision,
    a_listing_has_the_keys_of_a_prefix_in_their_order,
    every_handle_sees_what_another_has_committed,
    concurrent_increments_lose_nothing,
    the_largest_value_is_taken_and_a_larger_transaction_refused,
    what_was_committed_is_there_when_all_have_left_and_come_back,
);

async fn a_key_is_read_as_it_was_last_written(stage: &dyn Stage) {
    let store = stage.store().await;
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let first = put(&*store, "a", "1").await;
    let second = put(&*store, "a", "2").await;
    assert!(second > first);
    let entry = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((entry.value, entry.revision, entry.lease), (value("2"), second, None));
}

async fn a_conflict_names_the_first_condition_that_fails_and_writes_nothing(stage: &dyn Stage) {
    let store = stage.store().await;
    let revision = put(&*store, "a", "1").await;
    let holds = Condition::KeyAt { key: key("a"), revision };
    let fails = [
        Condition::KeyAbsent { key: key("a") },
        Condition::KeyAt { key: key("b"), revision },
        Condition::KeyAt { key: key("a"), revision: Revision(revision.0 + 1) },
        Condition::LeaseHolds(annuli_coordination::LeaseId(77)),
    ];
    for condition in fails {
        let txn = Txn::new().when(holds.clone()).when(condition.clone()).put(key("c"), value("1")).delete(key("a"));
        assert_eq!(conflict(&*store, txn).await, condition);
    }
    assert_eq!(text(&*store, "a").await.as_deref(), Some("1"));
    assert_eq!(text(&*store, "c").await, None);
    let txn = Txn::new().when(holds).when(Condition::KeyAbsent { key: key("c") }).put(key("c"), value("1"));
    assert!(committed(&*store, txn).await > revision);
    assert_eq!(text(&*store, "c").await.as_deref(), Some("1"));
}

async fn a_key_that_was_written_again_is_no_longer_as_it_was(stage: &dyn Stage) {
    let store = stage.store().await;
    let revision = put(&*store, "a", "1").await;
    put(&*store, "a", "1").await;
    let stale = Condition::KeyAt { key: key("a"), revision };
    assert_eq!(conflict(&*store, Txn::new().when(stale.clone()).delete(key("a"))).await, stale);
    committed(&*store, Txn::new().delete(key("a"))).await;
    assert_eq!(conflict(&*store, Txn::new().when(stale.clone()).delete(key("a"))).await, stale);
}

async fn a_deletion_of_nothing_makes_no_revision(stage: &dyn Stage) {
    let store = stage.store().await;
    put(&*store, "a", "1").await;
    let before = store.list(&prefix("")).await.unwrap();
    assert_eq!(committed(&*store, Txn::new().delete(key("b"))).await, before.revision);
    assert_eq!(store.list(&prefix("")).await.unwrap(), before);
}

async fn a_listing_has_the_keys_of_a_prefix_in_their_order(stage: &dyn Stage) {
    let store = stage.store().await;
    // More than two pages of what etcd answers at once.
    for chunk in (0..250).collect::<Vec<_>>().chunks(60) {
        let txn = chunk.iter().fold(Txn::new(), |txn, n| txn.put(key(&format!("n/{n:03}")), value(&n.to_string())));
        committed(&*store, txn).await;
    }
    let last = put(&*store, "n0", "outside").await;
    let listing = store.list(&prefix("n/")).await.unwrap();
    assert_eq!(listing.revision, last);
    let listed: Vec<_> = listing.entries.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(listed, (0..250).map(|n| format!("n/{n:03}")).collect::<Vec<_>>());
    assert_eq!(listing.entries[249].1.value, value("249"));
    assert_eq!(store.list(&prefix("n/24")).await.unwrap().entries.len(), 10);
    assert_eq!(store.list(&prefix("")).await.unwrap().entries.len(), 251);
    assert_eq!(store.list(&prefix("m")).await.unwrap().entries, []);
}

async fn every_handle_sees_what_another_has_committed(stage: &dyn Stage) {
    let (one, other) = (stage.store().await, stage.store().await);
    for n in 0..20 {
        put(&*one, "a", &n.to_string()).await;
        assert_eq!(text(&*other, "a").await, Some(n.to_string()));
    }
}

/// Counts up by one, against others that do the same.
async fn increment(store: &dyn CoordinationStore) {
    loop {
        let (condition, next) = match store.get(&key("counter")).await.unwrap() {
            None => (Condition::KeyAbsent { key: key("counter") }, 1),
            Some(entry) => {
                let count: u64 = std::str::from_utf8(entry.value.as_bytes()).unwrap().parse().unwrap();
                (Condition::KeyAt { key: key("counter"), revision: entry.revision }, count + 1)
            }
        };
        let txn = Txn::new().when(condition).put(key("counter"), value(&next.to_string()));
        if let annuli_coordination::Commit::Committed { .. } = store.commit(txn).await.unwrap() {
            return;
        }
    }
}

async fn concurrent_increments_lose_nothing(stage: &dyn Stage) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = stage.store().await;
        tasks.spawn(async move {
            for _ in 0..25 {
                increment(&*store).await;
            }
        });
    }
    soon("a hundred increments", tasks.join_all()).await;
    assert_eq!(text(&*stage.store().await, "counter").await.as_deref(), Some("100"));
}

async fn the_largest_value_is_taken_and_a_larger_transaction_refused(stage: &dyn Stage) {
    let store = stage.store().await;
    let large = Value::new(&vec![b'x'; 1024 * 1024]).unwrap();
    committed(&*store, Txn::new().put(key(&"k".repeat(512)), large.clone())).await;
    let entry = store.get(&key(&"k".repeat(512))).await.unwrap().unwrap();
    assert!(entry.value == large);
    let many = (0..65).fold(Txn::new(), |txn, n| txn.put(key(&n.to_string()), value("")));
    let error = store.commit(many).await.unwrap_err();
    let CommitError::TooLarge(error) = error else { panic!("{error}") };
    assert_eq!(error.to_string(), "a transaction has 65 conditions and writes, the limit is 64: split it");
    let most = (0..64).fold(Txn::new(), |txn, n| txn.put(key(&n.to_string()), value("")));
    committed(&*store, most).await;
    let lease = store.grant(seconds(60)).await.unwrap();
    let leased = (0..64).fold(Txn::new(), |txn, n| txn.put_leased(key(&n.to_string()), value(""), lease.id));
    committed(&*store, leased).await;
}

async fn what_was_committed_is_there_when_all_have_left_and_come_back(stage: &dyn Stage) {
    let store = stage.store().await;
    let revision = put(&*store, "a", "1").await;
    drop(store);
    let store: Arc<dyn CoordinationStore> = stage.store().await;
    let entry = store.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((entry.value, entry.revision), (value("1"), revision));
    assert!(put(&*store, "a", "2").await > revision);
}
