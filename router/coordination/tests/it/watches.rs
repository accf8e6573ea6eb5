//! Watching.

use crate::patience::soon;
use crate::stage::{Stage, on_every_stage};
use crate::words::{committed, key, line, prefix, put, value};
use annuli_coordination::{Revision, Txn, Watch};

on_every_stage!(
    a_watch_tells_of_every_transaction_in_order_and_at_once,
    a_watch_begins_with_the_past_that_it_asks_for,
    a_watch_tells_of_its_prefix_alone,
    a_slow_reader_misses_nothing,
    a_watch_over_many_writers_has_every_revision_once,
);

async fn next(watch: &mut Watch) -> String {
    line(&soon("a change", watch.next()).await.unwrap())
}

async fn a_watch_tells_of_every_transaction_in_order_and_at_once(stage: &dyn Stage) {
    let (writer, reader) = (stage.store().await, stage.store().await);
    let from = reader.list(&prefix("")).await.unwrap().revision;
    let mut watch = reader.watch(prefix(""), from).await.unwrap();
    let first = committed(&*writer, Txn::new().put(key("b"), value("1")).put(key("a"), value("2"))).await;
    let second = committed(&*writer, Txn::new().put(key("a"), value("3")).delete(key("b"))).await;
    let changes = soon("the first transaction", watch.next()).await.unwrap();
    assert_eq!((changes.revision, line(&changes).as_str()), (first, "a=2 b=1"));
    let changes = soon("the second transaction", watch.next()).await.unwrap();
    assert_eq!((changes.revision, line(&changes).as_str()), (second, "a=3 -b"));
}

async fn a_watch_begins_with_the_past_that_it_asks_for(stage: &dyn Stage) {
    let store = stage.store().await;
    let first = put(&*store, "a", "1").await;
    put(&*store, "a", "2").await;
    let third = put(&*store, "a", "3").await;
    let mut watch = store.watch(prefix(""), first).await.unwrap();
    assert_eq!(next(&mut watch).await, "a=2");
    assert_eq!(next(&mut watch).await, "a=3");
    let mut late = store.watch(prefix(""), third).await.unwrap();
    put(&*store, "a", "4").await;
    assert_eq!(next(&mut watch).await, "a=4");
    assert_eq!(next(&mut late).await, "a=4");
}

async fn a_watch_tells_of_its_prefix_alone(stage: &dyn Stage) {
    let store = stage.store().await;
    let from = store.list(&prefix("")).await.unwrap().revision;
    let mut watch = store.watch(prefix("in/"), from).await.unwrap();
    put(&*store, "out", "1").await;
    committed(&*store, Txn::new().put(key("in/a"), value("2")).put(key("out"), value("2"))).await;
    put(&*store, "in0", "3").await;
    put(&*store, "in/b", "4").await;
    assert_eq!(next(&mut watch).await, "in/a=2");
    assert_eq!(next(&mut watch).await, "in/b=4");
}

async fn a_slow_reader_misses_nothing(stage: &dyn Stage) {
    let store = stage.store().await;
    let from = store.list(&prefix("")).await.unwrap().revision;
    let mut watch = store.watch(prefix(""), from).await.unwrap();
    // More than the queue holds.
    for n in 0..150 {
        put(&*store, "a", &n.to_string()).await;
    }
    for n in 0..150 {
        assert_eq!(next(&mut watch).await, format!("a={n}"));
    }
}

async fn a_watch_over_many_writers_has_every_revision_once(stage: &dyn Stage) {
    let reader = stage.store().await;
    let from = reader.list(&prefix("")).await.unwrap().revision;
    let mut watch = reader.watch(prefix(""), from).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let store = stage.store().await;
        writers.spawn(async move {
            let mut revisions = Vec::new();
            for n in 0..20 {
                revisions.push((put(&*store, &format!("w{writer}"), &n.to_string()).await, format!("w{writer}={n}")));
            }
            revisions
        });
    }
    let mut expected: Vec<_> = soon("sixty commits", writers.join_all()).await.into_iter().flatten().collect();
    expected.sort();
    let mut seen: Vec<(Revision, String)> = Vec::new();
    for _ in 0..60 {
        let changes = soon("a change", watch.next()).await.unwrap();
        seen.push((changes.revision, line(&changes)));
    }
    assert_eq!(seen, expected);
}
