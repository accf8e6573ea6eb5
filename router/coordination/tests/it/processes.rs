//! The embedded store under processes that come, go, are killed and are stopped.

use crate::child::Child;
use crate::patience::soon;
use crate::stage::Folder;
use crate::words::{line, prefix, put, seconds, text};
use annuli_coordination::election::{ElectionName, Terms};
use annuli_coordination::{CoordinationStore, Election, Epoch};
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_of_four_processes_lose_nothing() {
    let folder = Folder::new();
    let mut children: Vec<_> = (0..4).map(|_| Child::start("increment 40", &folder.path())).collect();
    children.iter_mut().for_each(Child::wait);
    assert_eq!(text(&*folder.open(), "counter").await.as_deref(), Some("160"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_sees_what_other_processes_commit_without_a_gap() {
    let folder = Folder::new();
    let store = folder.open();
    let from = store.list(&prefix("")).await.unwrap().revision;
    let mut watch = store.watch(prefix("counter"), from).await.unwrap();
    let mut children: Vec<_> = (0..2).map(|_| Child::start("increment 40", &folder.path())).collect();
    for count in 1..=80 {
        let changes = soon("a change", watch.next()).await.unwrap();
        assert_eq!(line(&changes), format!("counter={count}"));
    }
    children.iter_mut().for_each(Child::wait);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_kill_in_the_middle_of_commits() {
    let folder = Folder::new();
    let observer = folder.open();
    let mut last = 0_u64;
    for round in 0..12 {
        let mut child = Child::start("write", &folder.path());
        for _ in 0..=round {
            child.says();
        }
        child.kill();
        let acknowledged = child.has_said().last().map_or(round + 1, |said| said.parse().unwrap());
        for store in [observer.clone(), folder.open()] {
            let found = text(&*store, "last").await.unwrap();
            let found: u64 = found.split(' ').next().unwrap().parse().unwrap();
            // One more may have been committed than the child came to say.
            assert!(
                (acknowledged..=acknowledged + 1).contains(&found),
                "{found} after {acknowledged} was acknowledged"
            );
            last = found;
        }
        // And it goes on.
        put(&*observer, "round", &round.to_string()).await;
    }
    assert!(last > 0);
}

fn candidate(store: Arc<dyn CoordinationStore>) -> Election {
    let terms = Terms { ttl: seconds(1), term: None, rest: Duration::from_millis(200) };
    Election::new(store, ElectionName::new("coordinator").unwrap(), "parent", terms)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_leader_is_replaced_and_its_late_order_refused() {
    let folder = Folder::new();
    let mut child = Child::start("lead", &folder.path());
    assert_eq!(child.says(), "leads in epoch 1");
    child.tell("early");
    assert_eq!(child.says(), "committed");
    child.signal(Signal::STOP);
    let store = folder.open();
    let leadership = soon("another to lead", candidate(store.clone()).campaign()).await.unwrap();
    assert_eq!(leadership.epoch(), Epoch(2));
    child.signal(Signal::CONT);
    child.tell("late");
    let expected = "refused: `child` led `coordinator` in epoch 1 and does so no longer: nothing was written";
    let said = child.says();
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(text(&*store, "order").await.as_deref(), Some("early"));
    assert!(leadership.holds());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_of_an_hour_ends_with_the_process_that_held_it() {
    let folder = Folder::new();
    let store = folder.open();
    let mut child = Child::start("hold", &folder.path());
    assert_eq!(child.says(), "holds");
    let listing = store.list(&prefix("held")).await.unwrap();
    assert_eq!(listing.entries.len(), 1);
    let mut watch = store.watch(prefix("held"), listing.revision).await.unwrap();
    child.kill();
    assert_eq!(line(&soon("the end of the lease", watch.next()).await.unwrap()), "-held");
}
