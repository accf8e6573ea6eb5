//! Rollouts that drain, and are taken back.

use super::*;

#[test]
fn a_rollout_of_which_a_shard_has_gone_over_goes_back_as_it_came() {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    world.settle();
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.settle();
    assert_eq!((world.allowed(), asked(&world)), (vec![10, 20], [Some(2), Some(1)]));
    world.say(id, Word::RollBack).unwrap();
    assert_eq!(
        (asked(&world), world.status(id)),
        ([Some(2), Some(1)], TaskStatus::Running),
        "nobody is asked otherwise"
    );
    // Of shard 0 the one that serves stays, of shard 1 the one that had let go comes back.
    assert_eq!(world.allowed(), [11, 20, 21]);
    assert_eq!(world.due(), [], "nobody has heard of it");
    world.replica(11, 0, &[(1, Prepared::Ready)]);
    assert_eq!(world.due(), [Step::SwitchShard(id, ShardId(0))]);
    world.settle();
    assert_eq!(asked(&world), [Some(1); 2]);
    settle_and_wait(&mut world);
    assert_eq!(world.allowed(), [10, 11, 20, 21]);
    for (number, shard) in [(10, 0), (20, 1)] {
        world.replica(number, shard, &[(1, Prepared::Ready)]);
    }
    world.settle();
    assert_eq!((world.official(), world.status(id), world.generations().held), (Some(1), TaskStatus::RolledBack, true));
    assert_eq!(world.generations().preparing, None);
}

#[test]
fn a_rollout_that_can_go_neither_way_ends_where_it_is_while_somebody_answers() {
    let (mut world, id) = half_over();
    world.say(id, Word::RollBack).unwrap();
    world.settle();
    assert_eq!((world.official(), asked(&world)), (Some(2), [Some(2), Some(1)]));
    world.gone(101);
    let refused = world.say(id, Word::RollBack).unwrap_err();
    assert!(refused.message.contains("no replica of shard 1 has what the others serve"), "{refused}");
    world.node(101, &world::primary(1));
    world.say(id, Word::RollBack).unwrap();
    assert_eq!((world.official(), world.status(id), asked(&world)), (Some(2), TaskStatus::RolledBack, [Some(2); 2]));
}

/// A replica that has been let go and has not said so yet was taken for one that answers.
#[test]
fn who_lets_go_answers_no_longer_whatever_its_record_says() {
    let (mut world, id) = half_over();
    world.say(id, Word::RollBack).unwrap();
    world.settle();
    // Shard 1 has gone back to generation 1. Its replica was let go of 2, and says otherwise.
    world.replica(20, 1, &[(2, Prepared::Ready)]);
    world.gone(101);
    assert!(world.say(id, Word::RollBack).is_err());
}

#[test]
fn what_was_drained_is_not_rolled_back_at_once() {
    let mut world = serving(1);
    let id = world.ask_rollout(drained(1));
    world.settle();
    of_both(&mut world, 0, &[(2, Prepared::Ready)]);
    world.settle();
    assert_eq!(world.official(), Some(2));
    let refused = world.say(id, Word::RollBack).unwrap_err();
    assert!(refused.message.ends_with("start a rollout to generation 1 instead"), "{refused}");
}

#[test]
fn a_rollout_that_waits_is_taken_back_whatever_another_one_drains() {
    let (mut world, _) = half_over();
    let waiting = world.ask_rollout(RolloutOptions::default());
    world.gone(100);
    world.say(waiting, Word::RollBack).unwrap();
    assert_eq!((world.status(waiting), asked(&world)), (TaskStatus::RolledBack, [Some(2), Some(1)]));
}
