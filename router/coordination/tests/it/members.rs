//! An etcd of several members, of which one answers: the others are dead, or silent.

use crate::etcd_server::Etcd;
use crate::words::{key, seconds, value};
use annuli_coordination::etcd::EtcdSettings;
use annuli_coordination::{
    Commit, CommitError, Condition, CoordinationStore, EtcdStore, Kept, Prefix, Revision, StoreError, Txn, WatchError,
};
use std::future::ready;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

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

/// Where an etcd is far away: what it says arrives so much later.
fn far(etcd: &Etcd, later: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let etcd = etcd.url().trim_start_matches("http://").to_owned();
    // It ends with the tests' process, like what it carries.
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = TcpStream::connect(&etcd).unwrap();
            let (forth, back) = ((near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near));
            thread::spawn(move || carry(&forth.0, &forth.1, Duration::ZERO));
            thread::spawn(move || carry(&back.0, &back.1, later));
        }
    });
    url
}

/// Carries bytes that are under way for so long.
fn carry(mut from: &TcpStream, mut to: &TcpStream, long: Duration) {
    let (_nobody, silence) = sync_channel::<()>(1);
    let mut carried = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut carried) {
        // Nobody sends: this is a pause. A duration of zero is none.
        let _ = silence.recv_timeout(long);
        if to.write_all(&carried[..read]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// A long list from far away was asked for again and again, of each member for a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_takes_more_than_a_second_is_waited_for() {
    let etcd = Etcd::start();
    let endpoints = [(); 2].map(|()| far(&etcd, Duration::from_millis(1_200)));
    let root = Prefix::new("annuli/").unwrap();
    let store = EtcdStore::connect(&endpoints, &root, EtcdSettings::default()).await.unwrap();
    assert_eq!(store.list(&Prefix::all()).await.unwrap().entries.len(), 0);
}

/// It was taken for one that is silent, and the next change went to another, which may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_not_passed_over_because_somebody_did_not_wait_for_it() {
    let (etcd, (_listener, silent)) = (Etcd::start(), silent());
    let (root, endpoints) = (Prefix::new("annuli/").unwrap(), [etcd.url().to_owned(), silent]);
    let store = EtcdStore::connect(&endpoints, &root, EtcdSettings::default()).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let asked = key("a");
    tokio::select! {
        biased;
        answer = store.get(&asked) => panic!("{answer:?} before it was waited for"),
        () = ready(()) => {}
    }
    let written = store.commit(Txn::new().put(key("a"), value("1"))).await;
    assert!(matches!(written, Ok(Commit::Committed { .. })), "{written:?}");
}

/// A line that a test can silence: what is sent on it is lost, as long as its connections last; later ones are whole.
fn mute(etcd: &Etcd) -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (etcd, is_mute) = (etcd.url().trim_start_matches("http://").to_owned(), Arc::new(AtomicBool::new(false)));
    let current = Arc::clone(&is_mute);
    thread::spawn(move || {
        for (number, near) in listener.incoming().flatten().enumerate() {
            let far = TcpStream::connect(&etcd).unwrap();
            let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
            thread::spawn(move || carry(&near, &far, Duration::ZERO));
            let is_mute = Arc::clone(&current);
            thread::spawn(move || {
                let (mut from, mut to, mut carried) = (&back.0, &back.1, [0; 4096]);
                while let Ok(read @ 1..) = from.read(&mut carried) {
                    let is_lost = number == 0 && is_mute.load(Ordering::Relaxed);
                    if !is_lost && to.write_all(&carried[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, is_mute)
}

/// Packets that were lost are sent again less and less often: the connection stayed silent, and with it everything that was
/// asked and watched over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_whose_connection_is_silent_is_asked_and_watched_over_another() {
    let etcd = Etcd::start();
    let (url, is_mute) = mute(&etcd);
    let root = Prefix::new("annuli/").unwrap();
    let store = EtcdStore::connect(&[url], &root, EtcdSettings::default()).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    is_mute.store(true, Ordering::Relaxed);
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    assert!(matches!(watch.next().await, Err(WatchError::Store(StoreError::Unavailable(_)))));
    assert!(matches!(store.commit(Txn::new().put(key("a"), value("1"))).await, Ok(Commit::Committed { .. })));
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().changes.len(), 1);
}
