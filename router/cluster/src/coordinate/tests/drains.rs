//! Rollouts that drain: one replica after the other lets go of what it serves.

mod back;
mod failing;
mod silent;

use super::super::drain::SWITCH_PATIENCE;
use super::*;
use crate::record::Way;
use annuli_api::v1::rollout::PlannedStep;
use uuid::Uuid;

fn drained(max_unavailable: u32) -> RolloutOptions {
    let (way, max_unavailable) = (Way::Drain, Some(max_unavailable));
    RolloutOptions { way, max_unavailable, ..RolloutOptions::default() }
}

/// A world whose replicas, as many of each shard, serve generation 1, and that has dumped generation 2.
fn serving(of_each: u128) -> World {
    let mut world = World::with_replicas(of_each);
    world.take_dump();
    world.ask_rollout(RolloutOptions::default());
    for place in 0..of_each {
        world.settle();
        of_both(&mut world, place, &[(1, Prepared::Ready)]);
    }
    world.settle();
    assert_eq!(world.official(), Some(1));
    world.take_dump();
    world
}

/// The replicas in that place of both shards say how they are.
fn of_both(world: &mut World, place: u128, generations: &[(u64, Prepared)]) {
    for shard in [0, 1] {
        world.replica(replica_number(shard, place), shard, generations);
    }
}

/// Also what waits until routers have heard.
fn settle_and_wait(world: &mut World) {
    world.settle();
    let heard = |due: &Due| due.patience == SWITCH_PATIENCE;
    while let Some(due) = world.due_later().into_iter().find(heard) {
        assert!(world.take(&due.step));
        world.settle();
    }
}

/// Which generation routers ask for, by shard.
fn asked(world: &World) -> [Option<u64>; 2] {
    [0, 1].map(|shard| world.generations().of_shard(ShardId(shard)).map(|of| of.generation.0))
}

#[test]
fn one_replica_of_a_shard_after_the_other_lets_go_and_the_shard_goes_over_once() {
    let mut world = serving(3);
    let id = world.ask_rollout(drained(1));
    world.settle();
    assert_eq!((world.allowed(), asked(&world)), (vec![10, 20], [Some(1); 2]));
    // It has let go, and is asked for nothing.
    of_both(&mut world, 0, &[(2, Prepared::Under("fetching".to_owned()))]);
    world.settle();
    assert_eq!((world.allowed(), asked(&world)), (vec![10, 20], [Some(1); 2]));
    of_both(&mut world, 0, &[(2, Prepared::Ready)]);
    world.settle();
    // The second has let go: one has the new, one the old.
    assert_eq!((world.allowed(), asked(&world)), (vec![10, 11, 20, 21], [Some(2); 2]));
    world.gone(10);
    world.replica(10, 0, &[]);
    world.settle();
    assert_eq!(asked(&world), [Some(2); 2], "no shard goes back");
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.replica(11, 0, &[(2, Prepared::Ready)]);
    settle_and_wait(&mut world);
    assert_eq!(world.allowed(), [10, 11, 12, 20, 21]);
    world.replica(21, 1, &[(2, Prepared::Ready)]);
    world.replica(12, 0, &[(2, Prepared::Ready)]);
    settle_and_wait(&mut world);
    world.replica(22, 1, &[(2, Prepared::Ready)]);
    settle_and_wait(&mut world);
    assert_eq!((world.official(), world.status(id)), (Some(2), TaskStatus::Succeeded));
    assert_eq!(world.generations().retiring, None, "nobody has it any longer");
}

#[test]
fn of_two_replicas_the_second_waits_until_routers_ask_the_first() {
    let mut world = serving(2);
    world.gone(100);
    world.ask_rollout(drained(2));
    world.settle();
    // The primary of shard 0 is down: one of its replicas has to stay. Of shard 1 both may go, as was asked for.
    assert_eq!(world.allowed(), [10, 20, 21]);
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.settle();
    assert_eq!((world.allowed(), asked(&world)[0]), (vec![10, 20, 21], Some(2)));
    settle_and_wait(&mut world);
    assert_eq!(world.allowed(), [10, 11, 20, 21]);
}

#[test]
fn a_shard_with_one_replica_needs_its_primary() {
    let mut world = serving(1);
    world.gone(101);
    let ask = |world: &World, options| {
        crate::decide::request_rollout(&world.store.records, &name("faces"), world.fresh(), options)
    };
    let refused = ask(&world, drained(1)).unwrap_err();
    assert_eq!(refused.code, ErrorCode::TaskConflict);
    assert!(refused.message.starts_with("shard 1 would be left to nobody"), "{refused}");
    world.node(101, &world::primary(1));
    ask(&world, drained(1)).unwrap();
}

#[test]
fn a_replica_that_nobody_can_stand_in_for_is_waited_for_but_not_for_ever() {
    let mut world = serving(1);
    world.ask_rollout(drained(1));
    world.gone(101);
    world.settle();
    assert_eq!(world.allowed(), [10]);
    let stuck = world.due_later().into_iter().find(|due| due.patience == REPLICA_PATIENCE).unwrap();
    let Step::FailRollout(_, failure) = stuck.step else { panic!("{stuck:?}") };
    assert!(failure.message.starts_with("no replica of shard 1 can let go of what it serves"), "{failure}");
}

/// It said that the primary is down, which the other replica would make up for once it has heard.
#[test]
fn who_has_not_heard_of_a_rollout_is_named_as_what_it_waits_for() {
    let mut world = serving(2);
    world.gone(101);
    let before = heard_by(&world, 21);
    let id = world.ask_rollout(drained(1));
    assert!(world.take(&Step::StartRollout(id)));
    world.hear();
    world.replica_knowing(21, 1, &[(1, Prepared::Ready)], before);
    let stuck = world.due_later().into_iter().find(|due| due.patience == REPLICA_PATIENCE).unwrap();
    let Step::FailRollout(_, failure) = stuck.step else { panic!("{stuck:?}") };
    let why = "the replica of shard 1 at 127.0.0.1:7001 does not say that it has heard of the rollout";
    assert_eq!(failure.message, why);
}

/// The rollouts that a replica knows of.
fn heard_by(world: &World, replica: u128) -> world::Heard {
    let found = world.store.records.replicas().find(|found| found.record.id.0.as_u128() == replica);
    found.unwrap().record.heard.clone()
}

/// A rollout of which shard 0 has gone over to generation 2, with its one replica, and shard 1 has not yet.
fn half_over() -> (World, TaskId) {
    let mut world = serving(1);
    let id = world.ask_rollout(drained(1));
    world.settle();
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.settle();
    assert_eq!(asked(&world), [Some(2), Some(1)]);
    (world, id)
}

#[test]
fn a_rollout_that_fails_before_any_shard_has_gone_over_is_given_up() {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    world.settle();
    world.replica(20, 1, &[(2, unfit("the disk is full", Some(id)))]);
    world.settle();
    assert_eq!((world.official(), world.status(id), asked(&world)), (Some(1), TaskStatus::Failed, [Some(1); 2]));
}

/// They let go of what was about to be asked for: every shard was left to its primary.
#[test]
fn a_drain_to_what_the_replicas_still_hold_lets_go_of_nothing() {
    let mut world = serving(1);
    let beside = world.ask_rollout(RolloutOptions::default());
    world.settle();
    of_both(&mut world, 0, &[(1, Prepared::Ready), (2, Prepared::Ready)]);
    world.settle();
    assert_eq!((world.official(), world.status(beside)), (Some(2), TaskStatus::Succeeded));
    let back = world.ask_rollout(RolloutOptions { generation: Some(Generation(1)), ..drained(1) });
    assert!(world.take(&Step::StartRollout(back)));
    let preparing = world.generations().preparing.clone().unwrap();
    assert_eq!((preparing.way(), world.generations().retiring), (Way::Beside, Some(preparing.of)));
    world.settle();
    assert_eq!((world.official(), world.status(back)), (Some(1), TaskStatus::Succeeded));
}

/// What replicas had of a drain that was given up, and were about to let go of, was taken for what the next one had made.
#[test]
fn what_is_left_of_a_drain_that_was_given_up_does_not_count_in_the_next() {
    let mut world = serving(3);
    let first = world.ask_rollout(drained(1));
    world.settle();
    of_both(&mut world, 0, &[(2, Prepared::Ready)]);
    world.say(first, Word::RollBack).unwrap();
    let second = world.ask_rollout(drained(2));
    assert!(world.take(&Step::StartRollout(second)));
    assert_eq!(world.due(), [], "nobody has heard of it");
    let why: Vec<_> = world.due_later().into_iter().map(|due| due.step).collect();
    let [Step::FailRollout(_, failure), _] = &why[..] else { panic!("{why:?}") };
    assert!(failure.message.ends_with("does not say that it has heard of the rollout"), "{failure}");
    // Those who have let go of it have nothing, and are not missed.
    of_both(&mut world, 0, &[]);
    of_both(&mut world, 1, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!((world.allowed(), asked(&world)), (vec![10, 11, 20, 21], [Some(1); 2]));
}

/// Its one replica had the generation before, and came back to find it worthless.
#[test]
fn a_shard_whose_replicas_are_away_for_a_moment_is_not_gone_over() {
    let mut world = serving(1);
    let id = world.ask_rollout(drained(1));
    world.gone(101);
    world.settle();
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.settle();
    world.gone(20);
    assert_eq!((world.due(), asked(&world)), (vec![], [Some(2), Some(1)]));
    assert_eq!(world.due_later()[0], Due { step: Step::Flip(id), patience: REPLICA_PATIENCE });
}

/// It held up all others, for ever where the rollout could not be given up.
#[test]
fn after_a_shard_has_gone_over_nobody_waits_long_for_a_replica_that_stays_away() {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    world.settle();
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    world.settle();
    world.gone(20);
    world.settle();
    let allowed =
        |replica: u128, patience| Due { step: Step::Allow(id, ReplicaId(Uuid::from_u128(replica))), patience };
    // The other shard does not wait for it.
    let due = [allowed(11, SWITCH_PATIENCE), allowed(21, REPLICA_PATIENCE)];
    assert_eq!(world.due_later(), due);
    assert!(due.iter().all(|due| world.take(&due.step)));
    world.replica(11, 0, &[(2, Prepared::Ready)]);
    world.replica(21, 1, &[(2, Prepared::Ready)]);
    world.settle();
    assert_eq!((asked(&world), world.official()), ([Some(2); 2], Some(1)));
    assert_eq!(world.due_later()[0], Due { step: Step::Flip(id), patience: REPLICA_PATIENCE });
}

#[test]
fn the_one_that_answers_nothing_goes_first() {
    let mut world = serving(2);
    world.gone(100);
    world.replica(11, 0, &[(1, Prepared::Under("fetching".to_owned()))]);
    let plan = rehearse(&world.store.records, &name("faces"), world.fresh(), drained(1)).unwrap();
    let PlannedStep::Drain { replicas } = &plan.steps[0] else { panic!("{:?}", plan.steps) };
    assert_eq!(replicas.iter().map(|replica| replica.id.as_u128()).collect::<Vec<_>>(), [11, 20]);
    assert!(matches!(plan.steps.last(), Some(PlannedStep::Flip { .. })), "{:?}", plan.steps);
    world.ask_rollout(drained(1));
    world.settle();
    assert_eq!(world.allowed(), [11, 20]);
}

/// Who was counted on has gone since: nothing is written.
#[test]
fn a_replica_is_let_go_only_as_long_as_somebody_stands_in_for_it() {
    let mut world = serving(2);
    world.gone(100);
    let id = world.ask_rollout(drained(1));
    assert!(world.take(&Step::StartRollout(id)));
    world.hear();
    let frozen = world.store.records.clone();
    world.gone(11);
    let late = allow(&frozen, id, ReplicaId(Uuid::from_u128(10))).unwrap();
    assert!(!world.store.commit(&late));
    assert_eq!(allow(&world.store.records, id, ReplicaId(Uuid::from_u128(10))), None);
}

#[test]
fn a_rollout_that_drains_is_neither_tried_nor_approved() {
    let world = serving(2);
    let ask = |options| crate::decide::request_rollout(&world.store.records, &name("faces"), world.fresh(), options);
    let approve = ask(RolloutOptions { approve: true, ..drained(1) }).unwrap_err();
    assert!(approve.message.starts_with("`approve` waits before the one switch"), "{approve}");
    let terms = annuli_api::v1::canary::CanaryTerms { percent: 5, floor_percent: None, searches: None };
    let canary = ask(RolloutOptions { canary: Some(terms), ..drained(1) }).unwrap_err();
    assert!(canary.message.starts_with("`canary` compares two generations"), "{canary}");
}

#[test]
fn a_plan_says_when_each_shard_goes_over() {
    let world = serving(2);
    let plan = rehearse(&world.store.records, &name("faces"), world.fresh(), drained(1)).unwrap();
    let said = |step: &PlannedStep| match step {
        PlannedStep::Drain { replicas } => {
            replicas.iter().map(|replica| format!("drain {}", replica.id.as_u128())).collect::<Vec<_>>().join(", ")
        }
        PlannedStep::Switch { shard } => format!("switch {shard}"),
        PlannedStep::Flip { .. } => "flip".to_owned(),
        PlannedStep::Prepare { .. }
        | PlannedStep::Compare { .. }
        | PlannedStep::AwaitApproval
        | PlannedStep::Retire { .. } => "something else".to_owned(),
    };
    let said: Vec<_> = plan.steps.iter().map(said).collect();
    assert_eq!(said, ["drain 10, drain 20", "switch 0", "switch 1", "drain 11, drain 21", "flip"]);
}

/// The same of a shard that goes over.
#[test]
fn a_shard_goes_over_only_as_long_as_somebody_has_what_is_new() {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    world.settle();
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    let late = switch_shard(&world.store.records, id, ShardId(0)).unwrap();
    world.gone(10);
    assert!(!world.store.commit(&late));
    assert_eq!(switch_shard(&world.store.records, id, ShardId(0)), None);
}

#[test]
fn what_a_replica_has_that_was_not_let_prepare_it_does_not_count() {
    let mut world = serving(2);
    let id = world.ask_rollout(drained(1));
    assert!(world.take(&Step::StartRollout(id)));
    world.replica(10, 0, &[(2, Prepared::Ready)]);
    assert!(!world.due().iter().any(|step| matches!(step, Step::SwitchShard(..))), "{:?}", world.due());
}
