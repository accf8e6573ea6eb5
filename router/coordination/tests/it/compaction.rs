//! Forgetting the past.

use crate::patience::soon;
use crate::stage::{Stage, on_every_stage};
use crate::words::{line, prefix, put, text};
use annuli_coordination::WatchError;

on_every_stage!(
    a_watch_goes_on_through_a_compaction,
    a_watch_from_before_a_compaction_says_to_list_again,
    what_stands_there_survives_a_compaction,
);

async fn a_watch_goes_on_through_a_compaction(stage: &dyn Stage) {
    let store = stage.store().await;
    let from = store.list(&prefix("")).await.unwrap().revision;
    let mut watch = store.watch(prefix("a"), from).await.unwrap();
    for n in 0..3 {
        put(&*store, "a", &n.to_string()).await;
        let changes = soon("a change", watch.next()).await.unwrap();
        assert_eq!(line(&changes), format!("a={n}"));
        stage.compact().await;
    }
}

async fn a_watch_from_before_a_compaction_says_to_list_again(stage: &dyn Stage) {
    let early = stage.store().await;
    let first = put(&*early, "a", "1").await;
    put(&*early, "a", "2").await;
    put(&*early, "a", "3").await;
    stage.compact().await;
    let store = stage.store().await;
    let mut watch = store.watch(prefix("a"), first).await.unwrap();
    match soon("the end of the watch", watch.next()).await {
        Err(WatchError::Compacted { after }) => assert_eq!(after, first),
        other => panic!("a watch that has missed something went on: {other:?}"),
    }
    let listing = store.list(&prefix("a")).await.unwrap();
    assert_eq!(listing.entries.len(), 1);
    let mut watch = store.watch(prefix("a"), listing.revision).await.unwrap();
    put(&*early, "a", "4").await;
    assert_eq!(line(&soon("a change", watch.next()).await.unwrap()), "a=4");
}

async fn what_stands_there_survives_a_compaction(stage: &dyn Stage) {
    let store = stage.store().await;
    let revision = put(&*store, "a", "1").await;
    stage.compact().await;
    for store in [store, stage.store().await] {
        assert_eq!(text(&*store, "a").await.as_deref(), Some("1"));
        assert_eq!(store.get(&crate::words::key("a")).await.unwrap().unwrap().revision, revision);
    }
}
