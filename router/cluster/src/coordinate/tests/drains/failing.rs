//! What a replica that fails does to a rollout that drains, once a shard has gone over.

use super::super::world::unfit_at;
use super::*;
use crate::record::Blame;

fn why(world: &World, id: TaskId) -> String {
    world.store.records.tasks[&id].record.error.as_ref().unwrap().message.clone()
}

const FULL: &str = "the replica of shard 1 at 127.0.0.1:7001 cannot serve generation 2: the disk is full";

/// It was given up, and every replica of a shard that had gone over made the generation before anew at the same time.
#[test]
fn a_rollout_that_fails_after_a_shard_has_gone_over_waits_for_somebody() {
    let (mut world, id) = half_over();
    world.replica(20, 1, &[(2, unfit("the disk is full", Some(id)))]);
    world.settle();
    assert_eq!((world.status(id), asked(&world)), (TaskStatus::Paused, [Some(2), Some(1)]));
    assert_eq!(why(&world, id), FULL);
    world.replica(20, 1, &[(2, Prepared::Ready)]);
    assert_eq!(world.due(), [Step::SwitchShard(id, ShardId(1))], "whoever is paused is not kept from that");
    world.settle();
    assert_eq!((world.status(id), asked(&world)), (TaskStatus::Paused, [Some(2); 2]));
    world.say(id, Word::Resume).unwrap();
    assert_eq!(world.store.records.tasks[&id].record.error, None);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (Some(2), TaskStatus::Succeeded));
}

/// Two replicas of each shard: shard 0 has gone over with its first, and the first of shard 1 has failed.
fn one_has_failed(blame: Blame) -> (World, TaskId) {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    world.settle();
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.settle();
    let why = "the disk is full".to_owned();
    world.replica(20, 1, &[(2, Prepared::Failed { why, rollout: Some(id), attempt: 0, blame })]);
    world.settle();
    (world, id)
}

/// The same, and all others of shard 0 have had their turns.
fn one_alone_has_failed() -> (World, TaskId) {
    let (mut world, id) = one_has_failed(Blame::Replica);
    settle_and_wait(&mut world);
    world.replica(11, 0, &[(2, Prepared::Ready)]);
    settle_and_wait(&mut world);
    assert_eq!((world.status(id), why(&world, id).as_str()), (TaskStatus::Paused, FULL));
    (world, id)
}

/// The rollout was paused at once, whatever the other shards still had before them.
#[test]
fn a_replica_that_fails_keeps_no_other_shard_from_its_turn() {
    let (mut world, id) = one_has_failed(Blame::Replica);
    assert_eq!((world.status(id), world.allowed()), (TaskStatus::Running, vec![10, 20]));
    settle_and_wait(&mut world);
    // Of its own shard nobody else lets go.
    assert_eq!((world.status(id), world.allowed()), (TaskStatus::Running, vec![10, 11, 20]));
    world.replica(11, 0, &[(2, Prepared::Ready)]);
    settle_and_wait(&mut world);
    let left = (world.status(id), world.allowed());
    assert_eq!(left, (TaskStatus::Paused, vec![10, 11, 20]), "nobody else has a turn left");
    assert_eq!(why(&world, id), FULL);
}

#[test]
fn a_replica_that_mends_itself_meanwhile_is_nothing_to_wait_for() {
    let (mut world, id) = one_has_failed(Blame::Replica);
    world.replica(20, 1, &[(2, Prepared::Ready)]);
    settle_and_wait(&mut world);
    assert_eq!((world.status(id), world.allowed()), (TaskStatus::Running, vec![10, 11, 20, 21]));
}

/// It would go on to shards that would all have to go back.
#[test]
fn a_dump_that_is_damaged_lets_nobody_else_have_a_turn() {
    let (world, id) = one_has_failed(Blame::Dump);
    assert_eq!((world.status(id), world.allowed()), (TaskStatus::Paused, vec![10, 20]));
    assert_eq!(why(&world, id), FULL);
}

/// It was paused again at once, again and again, until the replica had succeeded by itself.
#[test]
fn who_resumes_has_what_failed_tried_again_and_waits_for_what_comes_of_it() {
    let (mut world, id) = one_alone_has_failed();
    world.say(id, Word::Resume).unwrap();
    let attempt = |world: &World| world.generations().preparing.as_ref().map(|preparing| preparing.attempt);
    assert_eq!(attempt(&world), Some(1));
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Running, "the replica has not said anything of this attempt");
    world.replica(20, 1, &[(2, Prepared::Under("fetching".to_owned()))]);
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Running);
    world.replica(20, 1, &[(2, unfit_at("the disk is full", Some(id), 1))]);
    world.settle();
    assert_eq!((world.status(id), why(&world, id).as_str()), (TaskStatus::Paused, FULL));
    world.say(id, Word::Resume).unwrap();
    assert_eq!(attempt(&world), Some(2));
    for replica in [20, 21] {
        world.replica(replica, 1, &[(2, Prepared::Ready)]);
        settle_and_wait(&mut world);
    }
    assert_eq!((world.official(), world.status(id)), (Some(2), TaskStatus::Succeeded));
}

/// What is tried again has been asked for by a person, and a rollout that goes back is another one to who prepares it.
#[test]
fn a_rollout_that_is_turned_counts_its_attempts_anew() {
    let (mut world, id) = one_alone_has_failed();
    world.say(id, Word::Resume).unwrap();
    world.say(id, Word::RollBack).unwrap();
    let back = world.generations().preparing.clone().unwrap();
    assert_eq!((back.of.generation.0, back.attempt), (1, 0));
}

/// Two replicas of a shard prepare it, of which the first has no room: that the second finds the dump damaged was not seen,
/// and other shards went on towards it.
#[test]
fn a_dump_is_to_blame_where_any_replica_of_a_shard_says_so() {
    let mut world = serving(3);
    let id = world.ask_rollout(drained(2));
    world.settle();
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.settle();
    assert_eq!((world.allowed(), asked(&world)), (vec![10, 11, 20, 21], [Some(2), Some(1)]));
    world.replica(20, 1, &[(2, unfit("the disk is full", Some(id)))]);
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Running);
    let why = "a file is damaged".to_owned();
    world.replica(21, 1, &[(2, Prepared::Failed { why, rollout: Some(id), attempt: 0, blame: Blame::Dump })]);
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Paused);
    let error = world.store.records.tasks[&id].record.error.clone().unwrap();
    assert!(error.blames_the_dump() && error.message.ends_with("a file is damaged"), "{error}");
}

/// What one replica alone was short of was told, and the schedule rolled the damaged dump out again.
#[test]
fn a_dump_is_to_blame_whichever_shard_says_so() {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    world.settle();
    let why = "a file is damaged".to_owned();
    world.replica(10, 0, &[(2, unfit("the disk is full", Some(id)))]);
    world.replica(20, 1, &[(2, Prepared::Failed { why, rollout: Some(id), attempt: 0, blame: Blame::Dump })]);
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Failed);
    assert!(world.store.records.tasks[&id].record.error.clone().unwrap().blames_the_dump());
}
