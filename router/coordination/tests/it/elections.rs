//! Elections.

use crate::patience::soon;
use crate::stage::{Stage, on_every_stage};
use crate::words::{key, seconds, text, value};
use annuli_coordination::election::{
    ElectionName, Ended, FencedCommitError, Leader, Leadership, Standing, Terms, depose, show,
};
use annuli_coordination::{Commit, Condition, CoordinationStore, Election, Epoch, Txn};
use std::sync::Arc;
use std::time::Duration;

on_every_stage!(
    of_two_candidates_one_leads_and_the_next_has_a_larger_epoch,
    an_election_shows_who_leads,
    a_deposed_leader_learns_of_it_and_its_commits_are_refused,
    a_leader_whose_lease_has_ended_commits_nothing,
    a_conflict_of_a_leader_is_a_conflict_still,
    a_term_ends_and_another_has_its_turn,
    epochs_go_on_after_all_have_left_and_come_back,
);

fn name() -> ElectionName {
    ElectionName::new("coordinator").unwrap()
}

fn without_end() -> Terms {
    Terms { ttl: seconds(2), term: None, rest: Duration::from_millis(200) }
}

fn candidate(store: &Arc<dyn CoordinationStore>, candidate: &str) -> Election {
    Election::new(Arc::clone(store), name(), candidate, without_end())
}

async fn elected(election: &mut Election) -> Leadership {
    soon("an election", election.campaign()).await.unwrap()
}

fn who(standing: &Standing) -> Option<(&str, u64)> {
    standing.leader.as_ref().map(|leader| (leader.candidate.as_str(), leader.epoch.0))
}

/// What a late order of a former leader meets.
async fn check_refused(former: &Leadership, expected: &str) {
    match former.commit(Txn::new().put(key("order"), value("late"))).await {
        Err(FencedCommitError::NoLongerLeader(error)) => assert!(error.to_string().starts_with(expected), "{error}"),
        other => panic!("a late order was not refused: {other:?}"),
    }
}

async fn of_two_candidates_one_leads_and_the_next_has_a_larger_epoch(stage: &dyn Stage) {
    let (one, other) = (stage.store().await, stage.store().await);
    let first = elected(&mut candidate(&one, "a")).await;
    assert_eq!(first.epoch(), Epoch(1));
    let waiting = tokio::spawn(async move { elected(&mut candidate(&other, "b")).await });
    first.commit(Txn::new().put(key("order"), value("of a"))).await.map(drop).unwrap();
    assert!(!waiting.is_finished());
    first.step_down().await.unwrap();
    let second = soon("the other to lead", waiting).await.unwrap();
    assert_eq!(second.epoch(), Epoch(2));
    assert!(second.holds());
}

async fn an_election_shows_who_leads(stage: &dyn Stage) {
    let store = stage.store().await;
    let standing = show(&*store, &name()).await.unwrap();
    assert_eq!((who(&standing), standing.epoch), (None, Epoch(0)));
    let leadership = elected(&mut candidate(&store, "a")).await;
    assert_eq!(who(&show(&*store, &name()).await.unwrap()), Some(("a", 1)));
    leadership.step_down().await.unwrap();
    let standing = show(&*store, &name()).await.unwrap();
    assert_eq!((who(&standing), standing.epoch), (None, Epoch(1)));
}

async fn a_deposed_leader_learns_of_it_and_its_commits_are_refused(stage: &dyn Stage) {
    let (one, other) = (stage.store().await, stage.store().await);
    let first = elected(&mut candidate(&one, "a")).await;
    let deposed = depose(&*other, &name()).await.unwrap();
    assert_eq!(deposed, Some(Leader { candidate: "a".to_owned(), epoch: Epoch(1) }));
    assert_eq!(soon("the news", first.ended()).await, Ended::Deposed);
    check_refused(&first, "`a` led `coordinator` in epoch 1 and does so no longer: nothing was written").await;
    let second = elected(&mut candidate(&other, "b")).await;
    check_refused(&first, "`a` led `coordinator` in epoch 1").await;
    let outcome = second.commit(Txn::new().put(key("order"), value("of b"))).await.unwrap();
    assert!(matches!(outcome, Commit::Committed { .. }), "{outcome:?}");
    assert_eq!(text(&*other, "order").await.as_deref(), Some("of b"));
    assert_eq!(depose(&*other, &ElectionName::new("other").unwrap()).await.unwrap(), None);
}

async fn a_leader_whose_lease_has_ended_commits_nothing(stage: &dyn Stage) {
    let (one, other) = (stage.store().await, stage.store().await);
    let first = elected(&mut candidate(&one, "a")).await;
    let seat = other.list(&crate::words::prefix("elections/coordinator/leader")).await.unwrap();
    let lease = seat.entries[0].1.lease.expect("a seat is bound to a lease");
    other.revoke(lease).await.unwrap();
    check_refused(&first, "`a` led `coordinator` in epoch 1").await;
    let ended = soon("the news", first.ended()).await;
    assert!(matches!(ended, Ended::Deposed | Ended::LeaseLost), "{ended:?}");
}

async fn a_conflict_of_a_leader_is_a_conflict_still(stage: &dyn Stage) {
    let store = stage.store().await;
    let leadership = elected(&mut candidate(&store, "a")).await;
    let absent = Condition::KeyAbsent { key: key("order") };
    let order = || Txn::new().when(absent.clone()).put(key("order"), value("1"));
    let first = leadership.commit(order()).await.unwrap();
    assert!(matches!(first, Commit::Committed { .. }), "{first:?}");
    assert_eq!(leadership.commit(order()).await.unwrap(), Commit::Conflict { which: absent });
}

async fn a_term_ends_and_another_has_its_turn(stage: &dyn Stage) {
    let (one, other) = (stage.store().await, stage.store().await);
    let terms = Terms { term: Some(Duration::from_millis(100)), ..without_end() };
    let mut first = Election::new(Arc::clone(&one), name(), "a", terms);
    let leadership = elected(&mut first).await;
    let waiting = tokio::spawn(async move { elected(&mut candidate(&other, "b")).await });
    assert_eq!(soon("the end of the term", leadership.ended()).await, Ended::TermOver);
    check_leads(&leadership).await;
    leadership.step_down().await.unwrap();
    let mut again = tokio::spawn(async move { elected(&mut first).await });
    let second = soon("the turn of the other", waiting).await.unwrap();
    assert_eq!(second.epoch(), Epoch(2));
    second.step_down().await.unwrap();
    let third = soon("the next turn", &mut again).await.unwrap();
    assert_eq!(third.epoch(), Epoch(3));
}

/// The term is a request to step down, not the end.
async fn check_leads(leadership: &Leadership) {
    let outcome = leadership.commit(Txn::new().put(key("order"), value("last"))).await.unwrap();
    assert!(matches!(outcome, Commit::Committed { .. }), "{outcome:?}");
}

async fn epochs_go_on_after_all_have_left_and_come_back(stage: &dyn Stage) {
    for round in 1..=3 {
        let store = stage.store().await;
        let leadership = elected(&mut candidate(&store, "a")).await;
        assert_eq!(leadership.epoch(), Epoch(round));
        // As a process does that ends: nobody steps down, and the lease is no longer kept.
        drop((leadership, store));
        stage.compact().await;
    }
}
