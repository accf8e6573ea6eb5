//! Who is not asked for a while, and how it returns.

use crate::fake::{AT_ONCE, DOWN, Fake, Manner};
use crate::world::{PRIMARY, World, after, list, millis, read, set, soon};
use annuli_api::{ErrorCode, ShardApi};
use annuli_replicas::{ReplicaState, Why};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::advance;

fn ejected(why: Why, left: Duration) -> ReplicaState {
    ReplicaState::Ejected { why, left }
}

#[tokio::test(start_paused = true)]
async fn who_fails_three_times_in_a_row_is_not_asked_for_a_second() {
    let world = World::of(2);
    world.replicas[0].be(DOWN);
    world.until_ejected(0).await;
    assert_eq!(world.state(0), ejected(Why::Failures, millis(1_000)));
    assert_eq!((world.replica(0).failures, world.replica(0).ejections), (3, 1));
    world.asked();
    advance(millis(999)).await;
    world.searches(100).await;
    assert_eq!(world.asked(), [0, 100, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_between_forgives_failures() {
    let world = World::of(1);
    for _ in 0..10 {
        world.replicas[0].be(DOWN);
        world.searches(2).await;
        world.replicas[0].be(AT_ONCE);
        world.searches(1).await;
    }
    assert_eq!(world.state(0), ReplicaState::Sound);
}

#[tokio::test(start_paused = true)]
async fn who_refuses_or_has_too_much_to_do_is_not_ejected() {
    let world = World::of(2);
    for code in [ErrorCode::InvalidFilter, ErrorCode::Overloaded] {
        world.all_be(Manner::Fails(code, Duration::ZERO));
        for _ in 0..50 {
            let _refused = world.search().await;
        }
        assert_eq!([world.state(0), world.state(1)], [ReplicaState::Sound; 2], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_have_failed_the_primary_answers() {
    let world = World::of(2);
    world.all_be(DOWN);
    world.searches(3).await;
    assert_eq!(world.asked(), [3, 3, 3]);
    assert_eq!(world.search().await, Ok(PRIMARY));
    assert_eq!(world.asked(), [0, 0, 1]);
    assert_eq!(world.shard().stood_in, 4);
    world.primary.be(DOWN);
    let failure = world.search().await.unwrap_err();
    assert!(failure.message.contains("replica replica-1 was not asked, for it failed or was slow lately"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn one_call_at_a_time_tries_whether_a_replica_is_back() {
    let world = World::of(1);
    world.all_be(DOWN);
    world.searches(3).await;
    world.asked();
    advance(millis(1_000)).await;
    world.all_be(Manner::Answers(millis(50)));
    let three = tokio::join!(world.search(), world.search(), world.search());
    assert_eq!(three, (Ok(0), Ok(PRIMARY), Ok(PRIMARY)));
    assert_eq!(world.state(0), ReplicaState::Sound);
    let two = tokio::join!(world.search(), world.search());
    assert_eq!(two, (Ok(0), Ok(0)));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_has_had_a_failure_tries_nobody_while_there_are_others() {
    let world = World::of(3);
    let mut after_a_failure = 0;
    for _ in 0..50 {
        world.replicas[0].be(DOWN);
        world.until_ejected(0).await;
        advance(millis(30_000)).await;
        world.replicas[1].be(DOWN);
        assert_eq!(world.search().await, Ok(2));
        // Replica 0 may have been tried first of all; but not because 1 had failed.
        after_a_failure += usize::from(world.asked() == [0, 1, 1, 0]);
        world.all_be(AT_ONCE);
        advance(millis(90_000)).await;
        world.searches(50).await;
    }
    assert!(after_a_failure > 0);
}

#[tokio::test(start_paused = true)]
async fn who_fails_again_is_out_for_twice_as_long() {
    let world = World::of(1);
    world.all_be(DOWN);
    world.searches(3).await;
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let ReplicaState::Ejected { left, .. } = world.state(0) else { panic!("{:?}", world.state(0)) };
        pauses.push(left.as_secs());
        advance(left).await;
        world.searches(1).await;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
    assert_eq!(world.replica(0).ejections, 1, "it has been out all the time");
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_left_decides_nothing() {
    let world = World::of(1);
    world.all_be(DOWN);
    world.searches(3).await;
    advance(millis(1_000)).await;
    world.all_be(Manner::Hangs);
    tokio::time::timeout(millis(100), world.search()).await.unwrap_err();
    assert_eq!(world.state(0), ejected(Why::Failures, Duration::ZERO));
    world.all_be(AT_ONCE);
    assert_eq!(world.search().await, Ok(0));
    world.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_was_slow_when_it_was_left_fails() {
    let world = World::of(1);
    world.used_to(millis(10)).await;
    world.all_be(DOWN);
    world.searches(3).await;
    advance(millis(1_000)).await;
    world.all_be(Manner::Hangs);
    tokio::time::timeout(millis(100), world.search()).await.unwrap_err();
    assert_eq!(world.state(0), ejected(Why::Failures, millis(2_000)));
}

#[tokio::test(start_paused = true)]
async fn a_trial_without_an_answer_fails() {
    let world = World::of(1);
    world.all_be(DOWN);
    world.searches(3).await;
    advance(millis(1_000)).await;
    world.all_be(Manner::Hangs);
    assert_eq!(world.search_by(after(millis(100))).await, Ok(PRIMARY));
    assert_eq!(world.state(0), ejected(Why::Failures, millis(2_000)));
}

#[tokio::test(start_paused = true)]
async fn who_is_much_slower_than_the_others_is_ejected() {
    let world = World::of(3);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Answers(millis(10)));
    world.replicas[0].be(Manner::Answers(millis(200)));
    world.until_ejected(0).await;
    let ReplicaState::Ejected { why: Why::Slowness, left } = world.state(0) else { panic!("{:?}", world.state(0)) };
    assert!(left > millis(900), "{left:?}");
    for _ in 0..20 {
        world.at_once(5).await;
    }
    let asked = world.asked();
    assert_eq!((asked[0], asked[1] + asked[2] >= 100), (0, true), "{asked:?}");
    assert_eq!([0, 1, 2].map(|place| world.replica(place).ejections), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_is_ejected_by_what_was_waited_for_it() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Answers(millis(10)));
    world.replicas[0].be(Manner::Hangs);
    for _ in 0..300 {
        let deadline = after(millis(200));
        let _either = tokio::join!(world.search_by(deadline), world.search_by(deadline));
    }
    assert!(world.replica(0).ejections > 0);
    assert_eq!(world.replica(1).ejections, 0);
    world.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn slow_answers_that_nobody_notices_eject_nobody() {
    let world = World::of(3);
    world.used_to(Duration::from_micros(100)).await;
    world.all_be(Manner::Answers(Duration::from_micros(100)));
    world.replicas[0].be(Manner::Answers(millis(8)));
    for _ in 0..300 {
        world.at_once(5).await;
    }
    assert!(world.replica(0).pace > 2.0, "{:?}", world.replica(0));
    assert_eq!(world.replica(0).ejections, 0);
}

#[tokio::test(start_paused = true)]
async fn when_all_become_slow_nobody_is_ejected() {
    let world = World::of(3);
    world.used_to(millis(2)).await;
    world.all_be(Manner::Answers(millis(500)));
    for _ in 0..300 {
        world.at_once(5).await;
    }
    assert_eq!([0, 1, 2].map(|place| world.replica(place).ejections), [0; 3]);
}

#[tokio::test(start_paused = true)]
async fn the_only_replica_is_never_too_slow() {
    let world = World::of(1);
    world.used_to(millis(2)).await;
    world.all_be(Manner::Answers(millis(500)));
    world.searches(100).await;
    assert_eq!(world.state(0), ReplicaState::Sound);
}

#[tokio::test(start_paused = true)]
async fn at_most_half_of_a_set_is_ejected_for_slowness() {
    let world = World::of(5);
    world.used_to(millis(2)).await;
    world.all_be(Manner::Answers(millis(2)));
    let is_out = |place: &usize| world.state(*place) != ReplicaState::Sound;
    for slow in 0..2 {
        world.replicas[slow].be(Manner::Answers(millis(300)));
        world.until_ejected(slow).await;
    }
    world.replicas[2].be(Manner::Answers(millis(300)));
    for _ in 0..400 {
        world.at_once(5).await;
        assert!((0..5).filter(is_out).count() <= 2);
    }
    assert!(world.replica(2).pace > 5.0, "{:?}", world.replica(2));
}

#[tokio::test(start_paused = true)]
async fn who_is_out_is_no_measure_of_the_others() {
    let world = World::of(4);
    world.used_to(millis(10)).await;
    world.all_be(DOWN);
    [0, 1].iter().for_each(|place: &usize| world.replicas[*place].be(Manner::Answers(millis(10))));
    world.until_ejected(2).await;
    world.until_ejected(3).await;
    [0, 1].iter().for_each(|place: &usize| world.replicas[*place].be(Manner::Answers(millis(400))));
    let mut slowest: f32 = 0.0;
    for _ in 0..100 {
        world.at_once(5).await;
        slowest = slowest.max(world.replica(0).pace);
        assert_eq!([world.state(0), world.state(1)], [ReplicaState::Sound; 2]);
    }
    assert!(slowest > 5.0, "{slowest}");
}

#[tokio::test(start_paused = true)]
async fn who_hangs_has_failed() {
    let world = World::of(1);
    world.all_be(Manner::Hangs);
    for _ in 0..3 {
        assert_eq!(world.search_by(after(millis(2_000))).await, Ok(PRIMARY));
    }
    assert_eq!(world.state(0), ejected(Why::Failures, millis(1_000)));
    assert_eq!(world.search().await, Ok(PRIMARY));
    assert_eq!(world.asked(), [3, 4]);
}

#[tokio::test(start_paused = true)]
async fn short_times_and_large_requests_eject_nobody() {
    let world = World::of(1);
    world.all_be(Manner::Hangs);
    for _ in 0..10 {
        assert_eq!(world.search_by(after(millis(1_998))).await, Ok(PRIMARY));
        world.set.list(list(), read(), after(millis(20_000))).await.unwrap();
    }
    assert_eq!((world.state(0), world.replica(0).failures), (ReplicaState::Sound, 20));
}

#[tokio::test(start_paused = true)]
async fn who_is_slow_beside_others_is_asked_where_it_is_alone() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Answers(millis(10)));
    world.replicas[0].be(Manner::Answers(millis(200)));
    world.until_ejected(0).await;
    assert!(world.search().await == Ok(1));
    let alone = set(&world.roster, 2, &world.replicas[..1], &world.primary);
    alone.list(list(), read(), soon()).await.unwrap();
    assert_eq!(world.asked(), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn who_is_as_slow_as_before_does_not_return() {
    let world = World::of(2);
    world.used_to(millis(10)).await;
    world.all_be(Manner::Answers(millis(10)));
    world.replicas[0].be(Manner::Answers(millis(200)));
    world.until_ejected(0).await;
    advance(millis(1_000)).await;
    world.at_once(5).await;
    let ReplicaState::Ejected { why: Why::Slowness, left } = world.state(0) else { panic!("{:?}", world.state(0)) };
    assert!(left > millis(1_000), "{left:?}");
    world.replicas[0].be(AT_ONCE);
    advance(left).await;
    world.searches(1).await;
    assert_eq!(world.state(0), ReplicaState::Sound);
    assert!(world.replica(0).pace < 1.1, "what it was slow at lies before: {:?}", world.replica(0));
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_together_eject_once() {
    let world = World::of(1);
    world.all_be(Manner::Fails(ErrorCode::ShardUnavailable, millis(10)));
    world.at_once(9).await;
    assert_eq!((world.replica(0).failures, world.replica(0).ejections), (9, 1));
    assert_eq!(world.state(0), ejected(Why::Failures, millis(1_000)));
}

#[tokio::test(start_paused = true)]
async fn a_new_set_knows_who_is_out() {
    let world = World::of(2);
    world.replicas[0].be(DOWN);
    world.until_ejected(0).await;
    world.asked();
    let next = set(&world.roster, 2, &world.replicas, &world.primary);
    world.roster.forget_the_absent();
    for _ in 0..20 {
        next.list(list(), read(), soon()).await.unwrap();
    }
    assert_eq!(world.asked(), [0, 20, 0]);
}

#[tokio::test(start_paused = true)]
async fn who_is_in_no_set_is_forgotten() {
    let world = World::of(2);
    world.replicas[0].be(DOWN);
    world.until_ejected(0).await;
    let World { roster, replicas, primary, set: old } = world;
    let new: Vec<Arc<Fake>> = replicas[1..].to_vec();
    let kept = set(&roster, 2, &new, &primary);
    drop(old);
    roster.forget_the_absent();
    assert_eq!(roster.replicas().iter().map(|replica| &*replica.name).collect::<Vec<_>>(), ["replica-1"]);
    assert_eq!(roster.shards().len(), 1);
    drop(kept);
}
