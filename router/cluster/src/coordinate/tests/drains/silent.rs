//! Replicas that are silent for a moment while a rollout drains: they come back with what they serve.

use super::*;

fn switch(id: TaskId, shard: u32, patience: Duration) -> Due {
    Due { step: Step::SwitchShard(id, ShardId(shard)), patience }
}

fn allow(id: TaskId, replica: u128) -> Step {
    Step::Allow(id, ReplicaId(Uuid::from_u128(replica)))
}

/// As many replicas of each shard, of which the first has what is new.
fn first_is_ready(of_each: u128) -> (World, TaskId) {
    let mut world = serving(of_each);
    let id = world.ask_rollout(drained(1));
    world.settle();
    of_both(&mut world, 0, &[(2, Prepared::Ready)]);
    (world, id)
}

/// It went over at once, to one replica, and when the other was back there was one that answered where two could.
#[test]
fn a_shard_does_not_go_over_because_a_replica_is_silent_for_a_moment() {
    let (mut world, id) = first_is_ready(4);
    world.settle();
    assert_eq!((world.allowed(), asked(&world)), (vec![10, 11, 20, 21], [Some(1); 2]));
    world.gone(13);
    assert_eq!((world.due(), asked(&world)), (vec![], [Some(1); 2]));
    assert!(world.due_later().contains(&switch(id, 0, REPLICA_PATIENCE)), "{:?}", world.due_later());
    world.replica(13, 0, &[(1, Prepared::Ready)]);
    assert!(!world.due_later().iter().any(|due| matches!(due.step, Step::SwitchShard(..))), "two against one");
    // As many as were to answer then.
    world.replica(11, 0, &[(2, Prepared::Ready)]);
    world.settle();
    assert_eq!(asked(&world), [Some(2), Some(1)]);
}

#[test]
fn a_shard_goes_over_without_a_replica_that_stays_away() {
    let (mut world, id) = first_is_ready(4);
    world.settle();
    world.gone(13);
    assert!(world.take(&switch(id, 0, REPLICA_PATIENCE).step));
    assert_eq!(asked(&world), [Some(2), Some(1)]);
}

/// With the primary beside it there is time to see whether they come back.
#[test]
fn a_shard_goes_over_at_once_where_nobody_else_answers() {
    let (mut world, id) = first_is_ready(3);
    world.gone(11);
    world.gone(12);
    assert!(world.due_later().contains(&switch(id, 0, REPLICA_PATIENCE)), "{:?}", world.due_later());
    world.gone(100);
    assert_eq!(world.due(), [switch(id, 0, Duration::ZERO).step]);
}

/// Two of three did not answer: one that was silent, and another that was let go meanwhile.
#[test]
fn while_a_replica_is_away_nobody_else_of_its_shard_lets_go() {
    let (mut world, id) = first_is_ready(4);
    world.gone(13);
    assert_eq!(world.due(), [allow(id, 21)], "another shard waits for nobody");
    let later = Due { step: allow(id, 11), patience: REPLICA_PATIENCE };
    assert!(world.due_later().contains(&later), "{:?}", world.due_later());
    world.replica(13, 0, &[(1, Prepared::Ready)]);
    assert_eq!(world.due(), [allow(id, 11), allow(id, 21)]);
}

/// Whoever has been let go comes back with nothing that was asked for before.
#[test]
fn no_shard_waits_with_going_over_for_one_that_has_been_let_go() {
    let (mut world, id) = first_is_ready(3);
    assert!(world.take(&allow(id, 11)));
    world.gone(11);
    assert_eq!(world.due(), [switch(id, 0, Duration::ZERO).step]);
}

/// It began anew with each shard that went over: a rollout over many of them never came to the end of its patience.
#[test]
fn a_shard_that_goes_over_does_not_let_others_wait_anew() {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    world.settle();
    assert_eq!(world.allowed(), [10, 20]);
    let waits = |world: &World| -> Vec<Due> {
        let of_other = |due: &Due| {
            let is_late = due.step == Step::GiveUpOn(id, ReplicaId(Uuid::from_u128(20)));
            is_late || matches!(&due.step, Step::FailRollout(_, failure) if failure.message.contains("shard 1"))
        };
        world.due_later().into_iter().filter(of_other).collect()
    };
    let before = waits(&world);
    assert_eq!(before.len(), 2, "{before:?}");
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    assert_eq!(world.due(), [switch(id, 0, Duration::ZERO).step]);
    assert_eq!(waits(&world), before);
}
