//! Leases. None of these tests measures a time: what has to end is waited for, and what has to last is looked at after
//! something that had the same time to live has ended.

use crate::patience::soon;
use crate::stage::{Stage, on_every_stage};
use crate::words::{committed, conflict, key, line, prefix, put, seconds, text, value};
use annuli_coordination::{Condition, Kept, KeptLease, Txn};
use std::sync::Arc;

on_every_stage!(
    keys_vanish_with_their_lease_in_one_transaction,
    a_lease_that_has_ended_holds_no_key,
    a_key_that_was_written_again_without_a_lease_stays,
    a_lease_ends_unless_it_is_kept,
    a_kept_lease_says_when_it_is_lost,
    leases_are_never_given_twice,
);

async fn keys_vanish_with_their_lease_in_one_transaction(stage: &dyn Stage) {
    let (holder, reader) = (stage.store().await, stage.store().await);
    let lease = holder.grant(seconds(60)).await.unwrap();
    let txn = Txn::new().put_leased(key("a"), value("1"), lease.id).put_leased(key("b"), value("2"), lease.id);
    let from = committed(&*holder, txn).await;
    assert_eq!(reader.get(&key("a")).await.unwrap().unwrap().lease, Some(lease.id));
    let mut watch = reader.watch(prefix(""), from).await.unwrap();
    holder.revoke(lease.id).await.unwrap();
    assert_eq!(line(&soon("the end of the keys", watch.next()).await.unwrap()), "-a -b");
    assert_eq!(text(&*reader, "a").await, None);
    holder.revoke(lease.id).await.unwrap();
}

async fn a_lease_that_has_ended_holds_no_key(stage: &dyn Stage) {
    let store = stage.store().await;
    let lease = store.grant(seconds(60)).await.unwrap();
    let holds = Condition::LeaseHolds(lease.id);
    committed(&*store, Txn::new().when(holds.clone()).put(key("a"), value("1"))).await;
    assert_eq!(store.keep_alive(lease.id).await.unwrap(), Kept::Alive);
    store.revoke(lease.id).await.unwrap();
    assert_eq!(store.keep_alive(lease.id).await.unwrap(), Kept::Ended);
    assert_eq!(conflict(&*store, Txn::new().when(holds.clone()).put(key("a"), value("2"))).await, holds);
    assert_eq!(conflict(&*store, Txn::new().put_leased(key("a"), value("2"), lease.id)).await, holds);
    assert_eq!(text(&*store, "a").await.as_deref(), Some("1"));
}

async fn a_key_that_was_written_again_without_a_lease_stays(stage: &dyn Stage) {
    let store = stage.store().await;
    let lease = store.grant(seconds(60)).await.unwrap();
    committed(&*store, Txn::new().put_leased(key("a"), value("1"), lease.id)).await;
    put(&*store, "a", "2").await;
    store.revoke(lease.id).await.unwrap();
    assert_eq!(text(&*store, "a").await.as_deref(), Some("2"));
}

async fn a_lease_ends_unless_it_is_kept(stage: &dyn Stage) {
    let (holder, reader) = (stage.store().await, stage.store().await);
    let kept = KeptLease::grant(Arc::clone(&holder), seconds(2)).await.unwrap();
    let left_alone = holder.grant(seconds(2)).await.unwrap();
    let txn = Txn::new().put_leased(key("kept"), value(""), kept.id());
    let from = committed(&*holder, txn.put_leased(key("left"), value(""), left_alone.id)).await;
    let mut watch = reader.watch(prefix(""), from).await.unwrap();
    assert_eq!(line(&soon("the end of a lease", watch.next()).await.unwrap()), "-left");
    assert_eq!(holder.keep_alive(left_alone.id).await.unwrap(), Kept::Ended);
    assert!(kept.holds());
    assert_eq!(text(&*reader, "kept").await.as_deref(), Some(""));
    drop(kept);
    assert_eq!(line(&soon("the end of the other", watch.next()).await.unwrap()), "-kept");
}

async fn a_kept_lease_says_when_it_is_lost(stage: &dyn Stage) {
    let (holder, other) = (stage.store().await, stage.store().await);
    let kept = KeptLease::grant(holder, seconds(2)).await.unwrap();
    assert!(kept.holds());
    // As somebody does who takes it for lapsed.
    other.revoke(kept.id()).await.unwrap();
    soon("the loss of the lease", kept.lost()).await;
    assert!(!kept.holds());
}

async fn leases_are_never_given_twice(stage: &dyn Stage) {
    let store = stage.store().await;
    let first = store.grant(seconds(60)).await.unwrap();
    store.revoke(first.id).await.unwrap();
    drop(store);
    stage.compact().await;
    let store = stage.store().await;
    assert_ne!(store.grant(seconds(60)).await.unwrap().id, first.id);
}
