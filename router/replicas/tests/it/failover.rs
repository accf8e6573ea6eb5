//! What a request does when a replica does not answer it.

use crate::fake::{AT_ONCE, DOWN, Manner};
use crate::world::{PRIMARY, World, after, ids, list, millis, read, soon};
use annuli_api::{ErrorCode, ShardApi};
use serde_json::json;
use std::time::Duration;

fn fails(code: ErrorCode) -> Manner {
    Manner::Fails(code, Duration::ZERO)
}

/// How often replicas and primary are asked when every replica fails so, and what comes of it.
async fn all_fail(code: ErrorCode) -> (Vec<usize>, Result<u64, ErrorCode>) {
    let world = World::of(3);
    world.all_be(fails(code));
    let answer = world.search().await.map_err(|failure| failure.code);
    world.assert_idle();
    (world.asked(), answer)
}

#[tokio::test(start_paused = true)]
async fn who_is_unable_is_followed_by_each_of_the_others_and_then_by_the_primary() {
    for code in [
        ErrorCode::IndexNotFound,
        ErrorCode::IndexUnavailable,
        ErrorCode::Overloaded,
        ErrorCode::ShardUnavailable,
        ErrorCode::ShuttingDown,
        ErrorCode::StaleToken,
        ErrorCode::StorageFailed,
    ] {
        assert_eq!(all_fail(code).await, (vec![1, 1, 1, 1], Ok(PRIMARY)), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_any_replica_would_refuse_is_asked_of_one() {
    for code in [ErrorCode::InvalidFilter, ErrorCode::LimitExceeded, ErrorCode::DimensionMismatch, ErrorCode::Internal]
    {
        let (asked, answer) = all_fail(code).await;
        assert_eq!((asked.iter().sum::<usize>(), asked[3], answer), (1, 0, Err(code)), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_read_goes_on_to_the_next() {
    let world = World::of(2);
    for _ in 0..2 {
        world.replicas[0].be(DOWN);
        world.replicas[1].be(AT_ONCE);
        assert_eq!(world.search().await, Ok(1));
        assert_eq!(world.set.get(ids(2), read(), soon()).await.unwrap().position.seq.0, 1);
        assert_eq!(world.set.list(list(), read(), soon()).await.unwrap().position.seq.0, 1);
        assert_eq!(world.set.count(None, read(), soon()).await.unwrap().position.seq.0, 1);
    }
    assert_eq!(world.primary.take_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_is_the_end() {
    let world = World::of(2);
    world.all_be(Manner::Hangs);
    world.primary.be(Manner::Hangs);
    let begun = tokio::time::Instant::now();
    assert_eq!(world.search_by(after(millis(300))).await.unwrap_err().code, ErrorCode::DeadlineExceeded);
    assert_eq!(begun.elapsed(), millis(300));
    let asked = world.asked();
    assert_eq!((asked[0] + asked[1], asked[2]), (1, 1), "one of them, and the primary when that was late");
    world.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn all_share_one_deadline() {
    let world = World::of(2);
    world.all_be(Manner::Fails(ErrorCode::ShardUnavailable, millis(200)));
    world.primary.be(Manner::Hangs);
    let begun = tokio::time::Instant::now();
    assert_eq!(world.search_by(after(millis(1_000))).await.unwrap_err().code, ErrorCode::DeadlineExceeded);
    assert_eq!(begun.elapsed(), millis(1_000));
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_all_names_all() {
    let world = World::of(2);
    world.all_be(DOWN);
    world.primary.be(fails(ErrorCode::Overloaded));
    let failure = world.search().await.unwrap_err();
    assert_eq!(failure.code, ErrorCode::Overloaded);
    let expected = "neither a replica nor the primary answered: replica replica-0: so said the test of 0; replica \
                    replica-1: so said the test of 1; primary: so said the test of 100";
    assert_eq!(failure.message, expected);
    let down = |number| json!({"code": "shard_unavailable", "message": format!("so said the test of {number}"), "details": {}});
    let named = |number| json!({"replica": format!("replica-{number}"), "error": down(number)});
    assert_eq!(failure.details["replicas"], json!([named(0), named(1)]));
}

#[tokio::test(start_paused = true)]
async fn what_the_primary_refuses_is_no_failure_of_all() {
    let world = World::of(2);
    world.all_be(DOWN);
    world.primary.be(fails(ErrorCode::StaleToken));
    assert!(world.search().await.unwrap_err().message.starts_with("neither a replica nor the primary"));
    world.primary.be(fails(ErrorCode::InvalidFilter));
    assert_eq!(world.search().await.unwrap_err().message, "so said the test of 100");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_drops_every_call() {
    let world = World::of(2);
    world.used_to(millis(4)).await;
    world.all_be(Manner::Hangs);
    let leaves = tokio::time::timeout(millis(100), world.search());
    let looks = async {
        tokio::time::timeout(millis(50), std::future::pending::<()>()).await.unwrap_err();
        (world.replicas[0].under_way(), world.replicas[1].under_way())
    };
    let (left, under_way) = tokio::join!(leaves, looks);
    assert!(left.is_err());
    assert_eq!(under_way, (1, 1), "the call and its hedge");
    world.assert_idle();
}
