//! What a request does when who was asked says nothing.

use crate::fake::{AT_ONCE, DOWN, Manner};
use crate::world::{PRIMARY, World, after, ids, list, millis, read, search, soon};
use annuli_api::shard_api::{SearchMode, ShardSearch};
use annuli_api::{ErrorCode, ShardApi};
use annuli_replicas::ReplicaState;
use std::time::Duration;
use tokio::time::Instant;

/// A process that was stopped takes connections and answers nothing: there was no other replica that a hedge could have
/// asked, and the search failed at its deadline, beside a primary that would have answered.
#[tokio::test(start_paused = true)]
async fn the_primary_answers_a_search_that_the_only_replica_hangs_with() {
    let world = World::of(1);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Hangs);
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(world.search().await, Ok(PRIMARY));
        assert_eq!(begun.elapsed(), millis(1_000));
    }
    // By now it has hung three times in a row.
    let begun = Instant::now();
    assert_eq!(world.search().await, Ok(PRIMARY));
    assert_eq!((begun.elapsed(), world.asked()), (Duration::ZERO, vec![3, 4]));
    assert!(matches!(world.state(0), ReplicaState::Ejected { .. }), "{:?}", world.state(0));
    assert_eq!(world.shard().stood_in, 4);
    world.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn whatever_is_read_has_half_of_its_time_left_for_the_primary() {
    let world = World::of(1);
    world.all_be(Manner::Hangs);
    let deadline = || after(millis(600));
    let two = [search().queries[0].clone(), search().queries[0].clone()].into();
    let begun = Instant::now();
    let by_primary = [
        world.set.search(ShardSearch { mode: SearchMode::Exact, ..search() }, deadline()).await.unwrap().position,
        world.set.search(ShardSearch { queries: two, ..search() }, deadline()).await.unwrap().position,
        world.set.search(search(), deadline()).await.unwrap().position,
        world.set.get(ids(1), read(), deadline()).await.unwrap().position,
        world.set.get(ids(2), read(), deadline()).await.unwrap().position,
        world.set.list(list(), read(), deadline()).await.unwrap().position,
        world.set.count(None, read(), deadline()).await.unwrap().position,
    ];
    assert_eq!(by_primary.map(|position| position.seq.0), [PRIMARY; 7]);
    assert_eq!((begun.elapsed(), world.asked()), (millis(7 * 300), vec![7, 7]));
    world.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn the_replica_may_still_answer_before_the_primary() {
    let world = World::of(1);
    world.all_be(Manner::Answers(millis(1_100)));
    world.primary.be(Manner::Answers(millis(500)));
    let begun = Instant::now();
    assert_eq!((world.search().await, begun.elapsed()), (Ok(0), millis(1_100)));
    assert_eq!((world.asked(), world.state(0)), (vec![1, 1], ReplicaState::Sound));
    world.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn that_the_primary_fails_does_not_matter_while_a_replica_is_waited_for() {
    let world = World::of(1);
    world.all_be(Manner::Answers(millis(1_100)));
    world.primary.be(DOWN);
    assert_eq!(world.search().await, Ok(0));
    assert_eq!(world.asked(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_fails_late_leaves_the_answer_to_the_primary() {
    let world = World::of(1);
    world.all_be(Manner::Fails(ErrorCode::IndexUnavailable, millis(1_100)));
    world.primary.be(Manner::Answers(millis(500)));
    assert_eq!(world.search().await, Ok(PRIMARY));
    assert_eq!(world.asked(), [1, 1], "the primary is asked once");
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_slow_as_usual_is_waited_for() {
    let world = World::of(1);
    world.used_to(millis(900)).await;
    world.all_be(Manner::Answers(millis(1_500)));
    assert_eq!(world.search().await, Ok(0));
    assert_eq!(world.asked(), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_primary_is_asked_as_well_when_a_replica_and_the_hedge_hang() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Hangs);
    let begun = Instant::now();
    assert_eq!((world.search().await, begun.elapsed()), (Ok(PRIMARY), millis(1_000)));
    assert_eq!(world.asked(), [1, 1, 1]);
    assert_eq!([world.replica(0).failures, world.replica(1).failures], [1, 1]);
    world.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn who_is_late_without_end_says_so_when_the_primary_fails_too() {
    let world = World::of(1);
    world.all_be(Manner::Hangs);
    world.primary.be(Manner::Hangs);
    let failure = world.search().await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::DeadlineExceeded);
    assert!(failure.message.contains("replica replica-0 did not answer in time"), "{failure}");
    world.all_be(AT_ONCE);
    world.set.list(list(), read(), soon()).await.unwrap();
    world.assert_idle();
}
