//! An etcd of several members, of which one answers: the others are dead, or silent.

use crate::etcd_server::Etcd;
use crate::words::{key, seconds, value};
use annuli_coordination::etcd::EtcdSettings;
use annuli_coordination::{
    Commit, CommitError, Condition, CoordinationStore, EtcdStore, Kept, Prefix, Revision, StoreError, Txn,
};
use std::net::TcpListener;

/// Where nobody listens.
fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Where connections are taken, and nothing is said.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A store that asks that member first, which does not answer; each of its questions is another's first.
async fn store(etcd: &Etcd, other: &str) -> EtcdStore {
    let (root, endpoints) = (Prefix::new("annuli/").unwrap(), [other.to_owned(), etcd.url().to_owned()]);
    EtcdStore::connect(&endpoints, &root, EtcdSettings::default()).await.unwrap()
}

/// It asked the dead member, and gave up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_members_one_is_dead_and_the_other_answers() {
    let (etcd, dead) = (Etcd::start(), dead());
    let fresh = async || store(&etcd, &dead).await;
    let written = |text: &str| Txn::new().put(key("a"), value(text));
    assert!(matches!(fresh().await.get(&key("a")).await, Ok(None)));
    assert_eq!(fresh().await.list(&Prefix::all()).await.unwrap().entries.len(), 0);
    // A change is sent once: what has become of it is told by the next look.
    let store = fresh().await;
    let unsure = store.commit(written("1")).await;
    assert!(matches!(unsure, Err(CommitError::Store(StoreError::Uncertain(_)))), "{unsure:?}");
    assert!(matches!(store.get(&key("a")).await, Ok(None)));
    let Ok(Commit::Committed { revision }) = store.commit(written("1")).await else { panic!("the other takes it") };
    let mut watch = fresh().await.watch(Prefix::all(), Revision(revision.0 - 1)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().revision, revision);
    let lease = fresh().await.grant(seconds(5)).await.unwrap();
    assert_eq!(fresh().await.keep_alive(lease.id).await.unwrap(), Kept::Alive);
    let bound = written("2").when(Condition::LeaseHolds(lease.id));
    assert!(matches!(store.commit(bound).await, Ok(Commit::Committed { .. })));
    fresh().await.revoke(lease.id).await.unwrap();
    assert_eq!(fresh().await.keep_alive(lease.id).await.unwrap(), Kept::Ended);
}

/// Less often, since each time takes a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_members_one_is_silent_and_the_other_answers() {
    let (etcd, (_listener, silent)) = (Etcd::start(), silent());
    let lease = store(&etcd, &silent).await.grant(seconds(5)).await.unwrap();
    assert_eq!(store(&etcd, &silent).await.keep_alive(lease.id).await.unwrap(), Kept::Alive);
}
