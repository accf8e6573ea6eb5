//! Which calls are whose.

use crate::fake::{DOWN, Manner, history};
use crate::world::{HOLDS, PRIMARY, World, ids, list, millis, read, search, soon};
use annuli_api::ShardApi;
use annuli_api::shard_api::{Consistency, Position, Read, ShardSearch};
use annuli_core::{Filter, HistoryId, Seq};
use std::sync::Arc;
use uuid::Uuid;

/// Who answers each kind of read.
async fn answer(world: &World, read: Read) -> [u64; 4] {
    let set = &world.set;
    [
        set.search(ShardSearch { read, ..search() }, soon()).await.unwrap().position.seq.0,
        set.get(ids(1), read, soon()).await.unwrap().position.seq.0,
        set.list(list(), read, soon()).await.unwrap().position.seq.0,
        set.count(None, read, soon()).await.unwrap().position.seq.0,
    ]
}

#[tokio::test(start_paused = true)]
async fn writes_and_the_status_are_the_primarys() {
    let world = World::of(2);
    world.set.write(Vec::new(), soon()).await.unwrap();
    world.set.delete_matching(Arc::new(Filter::All(Vec::new())), soon()).await.unwrap();
    assert_eq!(world.set.status().await.unwrap().position.seq.0, PRIMARY);
    assert_eq!(world.asked(), [0, 0, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_not_repeated() {
    let world = World::of(2);
    world.primary.be(DOWN);
    let failure = world.set.write(Vec::new(), soon()).await.unwrap_err();
    assert_eq!(failure.message, "so said the test of 100");
    world.set.delete_matching(Arc::new(Filter::All(Vec::new())), soon()).await.unwrap_err();
    world.set.status().await.unwrap_err();
    assert_eq!(world.asked(), [0, 0, 3]);
}

#[tokio::test(start_paused = true)]
async fn reads_are_the_replicas_unless_they_ask_for_the_primary() {
    let world = World::of(1);
    assert_eq!(answer(&world, read()).await, [0; 4]);
    assert_eq!(answer(&world, Read { consistency: Consistency::Primary, ..read() }).await, [PRIMARY; 4]);
    assert_eq!((world.shard().fresher, world.shard().stood_in), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_read_is_the_replicas_as_far_as_their_generation_goes() {
    let world = World::of(1);
    let after = |history, seq| Read { after: Some(Position { history, seq }), ..read() };
    assert_eq!(answer(&world, after(history(), Seq(HOLDS.0 - 1))).await, [0; 4]);
    assert_eq!(answer(&world, after(history(), HOLDS)).await, [0; 4]);
    assert_eq!(world.shard().fresher, 0);
    assert_eq!(answer(&world, after(history(), Seq(HOLDS.0 + 1))).await, [PRIMARY; 4]);
    assert_eq!(answer(&world, after(HistoryId(Uuid::from_u128(2)), Seq(1))).await, [PRIMARY; 4]);
    assert_eq!((world.shard().fresher, world.shard().stood_in), (8, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shard_without_replicas_is_its_primarys() {
    let world = World::of(0);
    assert_eq!(answer(&world, read()).await, [PRIMARY; 4]);
    assert_eq!(world.shard().stood_in, 4);
    world.primary.be(DOWN);
    assert_eq!(world.search().await.unwrap_err().message, "so said the test of 100");
}

#[tokio::test(start_paused = true)]
async fn what_a_replica_did_is_counted() {
    let world = World::of(1);
    world.replicas[0].be(Manner::Answers(millis(5)));
    world.searches(2).await;
    world.replicas[0].be(DOWN);
    world.searches(1).await;
    let counted = world.replica(0);
    assert_eq!((counted.requests, counted.answers, counted.failures), (3, 2, 1));
    assert_eq!(counted.answer_time, millis(10));
    assert_eq!(world.shard().stood_in, 1);
}

#[tokio::test(start_paused = true)]
async fn equal_replicas_are_asked_alike() {
    let world = World::of(4);
    world.searches(4_000).await;
    let asked = world.asked();
    assert!(asked[..4].iter().all(|asked| asked.abs_diff(1_000) < 200), "{asked:?}");
}
