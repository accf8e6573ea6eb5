//! A replica of many indexes, of which one is damaged.

use crate::fake::{AT_ONCE, DOWN, Fake, Manner};
use crate::world::{PRIMARY, World, millis, search, set, soon};
use annuli_api::{ErrorCode, ShardApi};
use annuli_replicas::{ReplicaSet, ReplicaState};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::advance;

const DAMAGED: Manner = Manner::Fails(ErrorCode::IndexUnavailable, Duration::ZERO);

/// The same processes as those of a world, for another index: what they are for the one they need not be for the other.
struct Other {
    replicas: Vec<Arc<Fake>>,
    set: Arc<ReplicaSet>,
}

impl Other {
    fn of(world: &World) -> Self {
        let replicas: Vec<_> = (0..world.replicas.len() as u64).map(Fake::new).collect();
        let set = set(&world.roster, 2, &replicas, &world.primary);
        Self { replicas, set }
    }

    async fn search(&self) -> u64 {
        self.set.search(search(), soon()).await.unwrap().position.seq.0
    }
}

/// Three searches of the one index, and no search of any other was answered by the process any more.
#[tokio::test(start_paused = true)]
async fn an_index_that_is_damaged_on_a_replica_is_not_asked_there_and_all_others_are() {
    let world = World::of(1);
    let other = Other::of(&world);
    world.all_be(DAMAGED);
    for _ in 0..50 {
        assert_eq!(world.search().await, Ok(PRIMARY));
        assert_eq!(other.search().await, 0);
    }
    assert_eq!(world.state(0), ReplicaState::Sound);
    assert_eq!((world.asked(), world.replica(0).ejections), (vec![3, 50], 1));
    assert_eq!(other.replicas[0].take_calls(), 50);
}

#[tokio::test(start_paused = true)]
async fn an_index_is_asked_again_where_it_answers_again() {
    let world = World::of(1);
    world.all_be(DAMAGED);
    world.searches(4).await;
    assert_eq!(world.asked(), [3, 4]);
    advance(millis(1_000)).await;
    world.searches(2).await;
    assert_eq!(world.asked(), [1, 2], "tried once, and out for twice as long");
    advance(millis(1_000)).await;
    world.searches(1).await;
    assert_eq!(world.asked(), [0, 1]);
    advance(millis(1_000)).await;
    world.all_be(AT_ONCE);
    world.searches(5).await;
    assert_eq!(world.asked(), [5, 0]);
}

#[tokio::test(start_paused = true)]
async fn who_cannot_be_reached_is_asked_for_no_index() {
    let world = World::of(1);
    let other = Other::of(&world);
    world.all_be(DOWN);
    world.searches(3).await;
    assert_eq!(other.search().await, PRIMARY);
    assert_eq!(other.replicas[0].take_calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_says_that_an_index_is_damaged_can_be_reached() {
    let world = World::of(1);
    let other = Other::of(&world);
    other.replicas[0].be(DOWN);
    for _ in 0..5 {
        other.search().await;
        other.search().await;
        world.all_be(DAMAGED);
        assert_eq!(world.search().await, Ok(PRIMARY));
        world.all_be(AT_ONCE);
        advance(millis(30_000)).await;
        world.searches(1).await;
    }
    assert_eq!((world.state(0), world.replica(0).ejections), (ReplicaState::Sound, 0));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_tried_by_a_damaged_index_is_back() {
    let world = World::of(1);
    let other = Other::of(&world);
    world.all_be(DOWN);
    world.searches(3).await;
    world.all_be(DAMAGED);
    advance(millis(1_000)).await;
    world.searches(1).await;
    assert_eq!(world.state(0), ReplicaState::Sound);
    assert_eq!(other.search().await, 0);
}

#[tokio::test(start_paused = true)]
async fn another_generation_of_a_damaged_index_is_asked() {
    let world = World::of(1);
    world.all_be(DAMAGED);
    world.searches(3).await;
    world.all_be(AT_ONCE);
    world.asked();
    let next = crate::world::set_at(&world.roster, 1, 60, &world.replicas, &world.primary);
    next.search(search(), soon()).await.unwrap();
    assert_eq!(world.asked(), [1, 0]);
}
