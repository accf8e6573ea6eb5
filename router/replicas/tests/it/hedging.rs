//! Second calls of what is late.

use crate::fake::{AT_ONCE, Manner};
use crate::world::{PRIMARY, World, after, ids, list, millis, read, search, set, soon};
use annuli_api::shard_api::{SearchMode, ShardSearch};
use annuli_api::{ErrorCode, Failure, ShardApi};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Searches a set of two that answers after ten milliseconds as a rule. Whom it asks first behaves as `first` says, and who
/// is asked when that is late as `second` says. Returns the answer, and how long it took.
async fn search_two(world: &World, first: Manner, second: Manner) -> (Result<u64, Failure>, Duration) {
    world.used_to(millis(10)).await;
    world.all_be(first);
    let begun = Instant::now();
    let changes = async {
        timeout(millis(5), pending::<()>()).await.unwrap_err();
        world.all_be(second);
    };
    let search = async { (world.search().await, begun.elapsed()) };
    let (answered, ()) = tokio::join!(search, changes);
    world.assert_idle();
    answered
}

/// How many hedges were made and how many of them gave the answer.
fn hedges(world: &World) -> (u64, u64) {
    let reports = world.roster.replicas();
    (reports.iter().map(|replica| replica.hedges).sum(), reports.iter().map(|replica| replica.hedges_won).sum())
}

#[tokio::test(start_paused = true)]
async fn another_is_asked_as_well_when_an_answer_is_late_and_the_first_answer_counts() {
    let world = World::of(2);
    let (answer, took) = search_two(&world, Manner::Answers(millis(500)), Manner::Answers(millis(10))).await;
    assert!(answer.is_ok());
    assert!(took >= millis(20) && took <= millis(26), "{took:?}");
    assert_eq!((world.asked(), hedges(&world)), (vec![1, 1, 0], (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn the_first_may_still_answer_before_the_second() {
    let world = World::of(2);
    let (answer, took) = search_two(&world, Manner::Answers(millis(40)), Manner::Answers(millis(500))).await;
    assert!(answer.is_ok());
    assert_eq!((took, world.asked(), hedges(&world)), (millis(40), vec![1, 1, 0], (1, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_second_call_that_fails_does_not_matter() {
    for code in [ErrorCode::ShardUnavailable, ErrorCode::Overloaded, ErrorCode::DeadlineExceeded] {
        let world = World::of(2);
        let fails = Manner::Fails(code, Duration::ZERO);
        let (answer, took) = search_two(&world, Manner::Answers(millis(500)), fails).await;
        assert!(answer.is_ok(), "{answer:?}");
        assert_eq!((took, world.asked(), hedges(&world)), (millis(500), vec![1, 1, 0], (1, 0)), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_call_that_is_refused_is_the_answer() {
    let world = World::of(2);
    let refuses = Manner::Fails(ErrorCode::InvalidFilter, Duration::ZERO);
    let (answer, took) = search_two(&world, Manner::Answers(millis(500)), refuses).await;
    assert_eq!(answer.unwrap_err().code, ErrorCode::InvalidFilter);
    assert!(took <= millis(16), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_second_call_answers_when_the_first_fails() {
    let world = World::of(2);
    let fails = Manner::Fails(ErrorCode::ShardUnavailable, millis(40));
    let (answer, took) = search_two(&world, fails, Manner::Answers(millis(100))).await;
    assert!(answer.is_ok(), "{answer:?}");
    assert!(took <= millis(116), "{took:?}");
    assert_eq!((world.asked(), hedges(&world)), (vec![1, 1, 0], (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn when_both_calls_fail_the_next_is_asked() {
    let world = World::of(3);
    let fails = Manner::Fails(ErrorCode::ShardUnavailable, millis(40));
    let (answer, took) = search_two(&world, fails, fails).await;
    assert!(answer.is_ok_and(|who| who == PRIMARY));
    assert!(took >= millis(90) && took <= millis(96), "{took:?}");
    assert_eq!(world.asked(), [1, 1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_hedged_before_it_is_known_what_is_late() {
    let world = World::of(2);
    world.all_be(Manner::Answers(millis(500)));
    world.searches(60).await;
    assert_eq!(world.asked().iter().sum::<usize>(), 60);
}

#[tokio::test(start_paused = true)]
async fn one_replica_is_not_asked_twice() {
    let world = World::of(1);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Answers(millis(500)));
    assert_eq!(world.search().await, Ok(0));
    assert_eq!(world.asked(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn at_most_a_twentieth_of_the_calls_is_doubled() {
    let world = World::of(3);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Answers(millis(500)));
    let before = hedges(&world).0;
    world.at_once(400).await;
    // All are late at once: what 400 calls earned, and no more than a few from before.
    let made = hedges(&world).0 - before;
    assert!(made > 0 && made <= 10, "{made}");
    assert_eq!(world.asked().iter().sum::<usize>() as u64, 400 + made);
}

#[tokio::test(start_paused = true)]
async fn hedges_are_earned_and_spent_by_all_shards_together() {
    let mut world = World::of(2);
    world.used_to(millis(10)).await;
    let first = Arc::clone(&world.set);
    world.set = set(&world.roster, 2, &world.replicas, &world.primary);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Answers(millis(500)));
    world.at_once(100).await;
    let spent = hedges(&world).0;
    first.search(search(), soon()).await.unwrap();
    assert!(spent >= 10, "{spent}");
    assert_eq!(hedges(&world).0, spent);
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_is_remembered_as_late() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Hangs);
    for _ in 0..300 {
        timeout(millis(50), world.search()).await.unwrap_err();
    }
    assert!(world.shard().search_slow >= Some(millis(50)), "{:?}", world.shard());
}

#[tokio::test(start_paused = true)]
async fn a_read_of_one_document_is_hedged() {
    let world = World::of(2);
    world.used_to_gets(millis(10)).await;
    world.all_be(Manner::Answers(millis(100)));
    world.set.get(ids(1), read(), soon()).await.unwrap();
    assert_eq!(world.asked(), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_asks_for_much_is_not_hedged() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.used_to_gets(millis(10)).await;
    world.all_be(Manner::Answers(millis(500)));
    let once = || world.asked().iter().sum::<usize>();
    world.set.search(ShardSearch { mode: SearchMode::Exact, ..search() }, soon()).await.unwrap();
    assert_eq!(once(), 1);
    let two = [search().queries[0].clone(), search().queries[0].clone()].into();
    world.set.search(ShardSearch { queries: two, ..search() }, soon()).await.unwrap();
    assert_eq!(once(), 1);
    world.set.get(ids(2), read(), soon()).await.unwrap();
    assert_eq!(once(), 1);
    world.set.list(list(), read(), soon()).await.unwrap();
    assert_eq!(once(), 1);
    world.set.count(None, read(), soon()).await.unwrap();
    assert_eq!(once(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_has_failed_as_the_second_is_not_asked_again() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Fails(ErrorCode::ShardUnavailable, millis(100)));
    let changes = async {
        timeout(millis(5), pending::<()>()).await.unwrap_err();
        // It believes that the time is over, as one may whose clock went on while it was stopped.
        world.all_be(Manner::Fails(ErrorCode::DeadlineExceeded, Duration::ZERO));
    };
    let (answer, ()) = tokio::join!(world.search(), changes);
    assert_eq!(answer, Ok(PRIMARY));
    assert_eq!(world.asked(), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_hangs_is_given_up_with_its_request() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Hangs);
    world.primary.be(Manner::Hangs);
    assert_eq!(world.search_by(after(millis(200))).await.unwrap_err().code, ErrorCode::DeadlineExceeded);
    assert_eq!(world.asked(), [1, 1, 1]);
    world.assert_idle();
    world.all_be(AT_ONCE);
    world.searches(1).await;
}
