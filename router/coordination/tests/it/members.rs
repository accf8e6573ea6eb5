//! An etcd of several members, of which one answers: the others are dead, or silent.

use crate::etcd_server::Etcd;
use crate::words::{key, seconds, value};
use annuli_coordination::etcd::EtcdSettings;
use annuli_coordination::{
    Commit, CommitError, Condition, CoordinationStore, EtcdStore, Kept, Prefix, Revision, StoreError, Txn, Watch,
    WatchError,
};
use std::future::ready;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;
use tokio::join;
use tokio::time::Instant;

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

/// Pieces that are under way at once: more than any test here sends within the time that one takes.
const UNDER_WAY: usize = 64;

/// Carries bytes that are under way for so long, each of them.
fn carry(mut from: &TcpStream, to: &TcpStream, long: Duration) {
    let (depart, under_way) = sync_channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let mut to = to.try_clone().unwrap();
    let arriving = thread::spawn(move || {
        for (departed, bytes) in under_way {
            pause((departed + long).saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut carried = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut carried) {
        if depart.send((Instant::now(), carried[..read].to_vec())).is_err() {
            break;
        }
    }
    drop(depart);
    let _ = arriving.join();
}

/// How long what is carried takes is what is tested.
fn pause(long: Duration) {
    let (_nobody, silence) = sync_channel::<()>(1);
    let _ = silence.recv_timeout(long);
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

/// A line that a test can silence: what is sent on the first connections is lost, as long as they last; later ones are whole.
fn mute(etcd: &Etcd, connections: usize) -> (String, Arc<AtomicBool>) {
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
                    let is_lost = number < connections && is_mute.load(Ordering::Relaxed);
                    if !is_lost && to.write_all(&carried[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, is_mute)
}

/// A line that a test can hold up, until another connection is made and answered.
fn hesitant(etcd: &Etcd) -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (etcd, is_held) = (etcd.url().trim_start_matches("http://").to_owned(), Arc::new(AtomicBool::new(false)));
    let current = Arc::clone(&is_held);
    thread::spawn(move || {
        for (number, near) in listener.incoming().flatten().enumerate() {
            if current.load(Ordering::Relaxed) {
                let is_held = Arc::clone(&current);
                thread::spawn(move || {
                    pause(Duration::from_millis(20));
                    is_held.store(false, Ordering::Relaxed);
                });
            }
            let far = TcpStream::connect(&etcd).unwrap();
            let back = (far.try_clone().unwrap(), near.try_clone().unwrap());
            thread::spawn(move || carry(&near, &far, Duration::ZERO));
            let is_held = Arc::clone(&current);
            thread::spawn(move || {
                let (mut from, mut to, mut carried) = (&back.0, &back.1, [0; 4096]);
                while let Ok(read @ 1..) = from.read(&mut carried) {
                    while number == 0 && is_held.load(Ordering::Relaxed) {
                        pause(Duration::from_millis(5));
                    }
                    if to.write_all(&carried[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, is_held)
}

async fn at(endpoints: &[String]) -> EtcdStore {
    let root = Prefix::new("annuli/").unwrap();
    EtcdStore::connect(endpoints, &root, EtcdSettings::default()).await.unwrap()
}

async fn write_a(store: &EtcdStore) {
    let written = store.commit(Txn::new().put(key("a"), value("1"))).await;
    assert!(matches!(written, Ok(Commit::Committed { .. })), "{written:?}");
}

/// Packets that were lost are sent again less and less often: the connection stayed silent, and with it everything that was
/// asked and watched over it. A change that nobody had answered was waited for as long as a question may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_whose_connection_is_silent_is_asked_and_watched_over_another() {
    let etcd = Etcd::start();
    let (url, is_mute) = mute(&etcd, 1);
    let store = at(&[url]).await;
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    is_mute.store(true, Ordering::Relaxed);
    let change = store.commit(Txn::new().put(key("b"), value("1")));
    let (unsure, found) = join!(change, async { store.get(&key("a")).await.unwrap() });
    assert_eq!(found, None);
    let Err(CommitError::Store(error @ StoreError::Uncertain(_))) = unsure else { panic!("{unsure:?}") };
    assert!(error.to_string().contains(LEFT), "{error}");
    check_left(&mut watch).await;
    write_a(&store).await;
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().changes.len(), 1);
}

/// What is said of a connection that is left for another.
const LEFT: &str = "it is asked over another connection";

async fn check_left(watch: &mut Watch) {
    let Err(WatchError::Store(error @ StoreError::Unavailable(_))) = watch.next().await else { panic!("it goes on") };
    assert!(error.to_string().contains(LEFT), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_watched_at_a_member_that_is_silent_goes_on_at_another() {
    let etcd = Etcd::start();
    let (url, is_mute) = mute(&etcd, usize::MAX);
    let store = at(&[url, etcd.url().to_owned()]).await;
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    is_mute.store(true, Ordering::Relaxed);
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    check_left(&mut watch).await;
    write_a(&store).await;
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().changes.len(), 1);
}

/// The connection over which a watch was asked for was left for another before the answer came, and so each watch had ended
/// before it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_from_far_away_begins_and_goes_on() {
    let etcd = Etcd::start();
    let store = at(&[far(&etcd, Duration::from_millis(1_200))]).await;
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    write_a(&store).await;
    assert_eq!(watch.next().await.unwrap().changes.len(), 1);
}

/// It was taken for silent, and each election of an etcd let every process begin everything anew. And where a disk stood still
/// that the answers over both connections waited for, it was left for one that was answered a little earlier.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_etcd_that_is_slow_for_a_moment_keeps_its_connection() {
    let etcd = Etcd::start();
    let (url, is_held) = hesitant(&etcd);
    let store = at(&[url]).await;
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let mut watch = store.watch(Prefix::all(), Revision(0)).await.unwrap();
    is_held.store(true, Ordering::Relaxed);
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    write_a(&store).await;
    assert_eq!(watch.next().await.unwrap().changes.len(), 1);
}
