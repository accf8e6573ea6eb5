//! Rollouts whose generation is tried on live searches.

use super::super::canary::CANARY_PATIENCE;
use super::*;
use crate::decide::{comparing, report_compared};
use crate::record::{CanaryStage, Comparison, Comparisons, DumpedShard, RouterId, ShardComparison, ShardDump};
use crate::testing::history;
use annuli_api::v1::canary::CanaryTerms;
use annuli_api::v1::rollout::PlannedStep;
use annuli_core::Seq;
use uuid::Uuid;

fn tried(approve: bool) -> RolloutOptions {
    let canary = Some(CanaryTerms { percent: 5, floor_percent: Some(90), searches: Some(40) });
    RolloutOptions { canary, approve, ..RolloutOptions::default() }
}

/// A world whose replicas have prepared what is tried now.
fn on_trial(approve: bool) -> (World, TaskId) {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let id = world.ask_rollout(tried(approve));
    world.settle();
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    (world, id)
}

/// A router reports what it has compared of each shard, each search with ten hits. Says whether it was written down.
fn report(world: &mut World, id: TaskId, router: u128, searches: u64, common: u64) -> bool {
    report_each(world, id, router, [(searches, common); 2])
}

/// The same, of one shard this and of the other that.
fn report_each(world: &mut World, id: TaskId, router: u128, of_shards: [(u64, u64); 2]) -> bool {
    let sums = of_shards.map(|(searches, common)| Comparison {
        searches,
        hits: searches * 10,
        common,
        ..Comparison::default()
    });
    report_sums(world, id, router, sums.map(|sums| ShardComparison { sums, last_failure: None }))
}

fn report_sums(world: &mut World, id: TaskId, router: u128, of_shards: [ShardComparison; 2]) -> bool {
    let compared = Comparisons([ShardId(0), ShardId(1)].into_iter().zip(of_shards).collect());
    let router = RouterId(Uuid::from_u128(router));
    let change = report_compared(&world.store.records, id, router, &compared);
    change.is_some_and(|change| world.store.commit(&change))
}

fn why(world: &World, id: TaskId) -> String {
    world.store.records.tasks[&id].record.error.as_ref().unwrap().message.clone()
}

fn stage(world: &World, id: TaskId) -> Option<CanaryStage> {
    Some(world.store.records.tasks[&id].record.rollout()?.canary?.stage)
}

#[test]
fn nothing_is_compared_before_every_replica_is_ready() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let id = world.ask_rollout(tried(false));
    world.settle();
    world.replica(10, 0, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!((stage(&world, id), comparing(&world.store.records, id)), (Some(CanaryStage::Awaited), None));
    assert!(!report(&mut world, id, 1, 40, 400));
    world.replica(20, 1, &[(1, Prepared::Ready)]);
    world.settle();
    assert_eq!(comparing(&world.store.records, id).map(|canary| canary.percent), Some(5));
}

#[test]
fn what_all_routers_have_compared_decides_and_is_forgotten_then() {
    let (mut world, id) = on_trial(false);
    assert!(report(&mut world, id, 1, 20, 200));
    assert!(report(&mut world, id, 2, 19, 180));
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Running));
    assert!(report(&mut world, id, 2, 20, 180));
    world.settle();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::Succeeded));
    let Some(CanaryStage::Ended(compared)) = stage(&world, id) else { panic!("{:?}", stage(&world, id)) };
    assert_eq!((compared.searches, compared.overlap_percent()), (40, 95));
    assert!(world.store.records.compared.is_empty());
    assert!(!report(&mut world, id, 3, 1, 1));
}

#[test]
fn too_few_common_hits_stop_the_rollout_and_nothing_is_flipped() {
    let (mut world, id) = on_trial(false);
    report(&mut world, id, 1, 40, 359);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Failed));
    assert_eq!((&world.generations().preparing, world.generations().held), (&None, true));
    let says = "of shard 0 it has 89 % of the hits that the official one has in 40 searches, the floor is 90 %";
    assert_eq!(why(&world, id), format!("generation 1 does not do on live searches: {says}"));
    let Some(CanaryStage::Ended(compared)) = stage(&world, id) else { panic!("{:?}", stage(&world, id)) };
    assert_eq!((compared.searches, compared.overlap_percent()), (40, 89), "what was compared can still be seen");
}

/// All hits of the other shard made up for it.
#[test]
fn a_broken_shard_does_not_hide_behind_the_others() {
    let (mut world, id) = on_trial(false);
    report_each(&mut world, id, 1, [(1_000, 10_000), (40, 0)]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Failed));
    let says = "of shard 1 it has 0 % of the hits that the official one has in 40 searches, the floor is 90 %";
    assert_eq!(why(&world, id), format!("generation 1 does not do on live searches: {says}"));
}

/// Four places for all shards were always those of the first four.
#[test]
fn each_shard_has_to_be_compared_often_enough() {
    let (mut world, id) = on_trial(false);
    report_each(&mut world, id, 1, [(1_000, 10_000), (39, 390)]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Running));
    report_each(&mut world, id, 1, [(1_000, 10_000), (40, 400)]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::Succeeded));
}

#[test]
fn a_shard_in_which_nothing_can_be_found_is_not_waited_for() {
    let mut world = World::with_replicas(1);
    let id = world.ask_dump();
    world.settle();
    world.dumped(id, 0, &done(0));
    world.dumped(id, 1, &ShardDump::Done(DumpedShard::new(history(2), Seq(0), 0, 100)));
    world.settle();
    let id = world.ask_rollout(tried(false));
    world.settle();
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    report_each(&mut world, id, 1, [(40, 400), (0, 0)]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::Succeeded));
}

/// Nobody knew why a generation had failed.
#[test]
fn the_verdict_says_how_the_last_search_has_failed() {
    let (mut world, id) = on_trial(false);
    let sums = Comparison { searches: 3, failed: 2, hits: 30, common: 10, ..Comparison::default() };
    let failing = ShardComparison { sums, last_failure: Some("file 7 is damaged".to_owned()) };
    report_sums(&mut world, id, 1, [ShardComparison::default(), failing]);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Failed));
    let says = "of shard 1, 2 of 3 searches failed in it, 1 may; the last: file 7 is damaged";
    assert_eq!(why(&world, id), format!("generation 1 does not do on live searches: {says}"));
}

/// A rollback is to last, also when what came after it was only tried.
#[test]
fn what_is_held_stays_so_until_a_trial_has_passed() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let id = world.ask_rollout(RolloutOptions::default());
    world.say(id, Word::RollBack).unwrap();
    let id = world.ask_rollout(tried(false));
    world.settle();
    world.replica(10, 0, &[(1, unfit("broken", Some(id)))]);
    world.settle();
    assert_eq!((world.status(id), world.generations().held), (TaskStatus::Failed, true), "it was never tried");
    let id = world.ask_rollout(tried(false));
    world.settle();
    all_ready(&mut world, &[(1, Prepared::Ready)]);
    world.settle();
    assert!(world.generations().held, "it is being tried");
    report(&mut world, id, 1, 40, 400);
    world.settle();
    assert_eq!((world.status(id), world.generations().held), (TaskStatus::Succeeded, false));
}

#[test]
fn an_index_that_nobody_searches_is_not_tried_for_ever() {
    let (mut world, id) = on_trial(false);
    report(&mut world, id, 1, 39, 390);
    let [Due { step: Step::FailRollout(_, failure), patience: CANARY_PATIENCE }] = &world.due_later()[..] else {
        panic!("{:?}", world.due_later())
    };
    let says = "fewer than 40 searches of a shard of index `faces` were compared in 10 minutes";
    assert!(failure.message.starts_with(says), "{failure}");
    let before = world.due_later();
    assert!(report_each(&mut world, id, 1, [(20, 200), (39, 380)]));
    assert_eq!(world.due_later(), before, "what is compared meanwhile does not begin the time anew");
}

/// Each time that a replica was away for a moment the time began anew.
#[test]
fn a_trial_waits_no_longer_for_searches_while_a_replica_is_away() {
    let (mut world, _) = on_trial(false);
    let later = world.due_later();
    let [lacks @ Due { patience: CANARY_PATIENCE, .. }] = &later[..] else { panic!("{later:?}") };
    world.gone(20);
    assert!(world.due_later().contains(lacks), "{:?}", world.due_later());
    world.replica(20, 1, &[]);
    assert!(world.due_later().contains(lacks), "{:?}", world.due_later());
}

#[test]
fn who_approves_knows_what_was_compared() {
    let (mut world, id) = on_trial(true);
    assert_eq!(world.status(id), TaskStatus::Running);
    report(&mut world, id, 1, 40, 400);
    world.settle();
    assert_eq!((world.official(), world.status(id)), (None, TaskStatus::Paused));
    assert!(matches!(stage(&world, id), Some(CanaryStage::Ended(_))));
    world.say(id, Word::Resume).unwrap();
    world.settle();
    assert_eq!((world.official(), world.status(id)), (Some(1), TaskStatus::Succeeded));
}

#[test]
fn a_rollout_that_is_paused_compares_nothing_and_keeps_what_it_has() {
    let (mut world, id) = on_trial(false);
    report(&mut world, id, 1, 20, 200);
    world.say(id, Word::Pause).unwrap();
    world.settle();
    assert_eq!(comparing(&world.store.records, id), None);
    assert!(!report(&mut world, id, 1, 40, 400));
    world.say(id, Word::Resume).unwrap();
    report(&mut world, id, 2, 20, 200);
    world.settle();
    assert_eq!(world.status(id), TaskStatus::Succeeded);
}

#[test]
fn a_trial_that_is_rolled_back_leaves_nothing() {
    let (mut world, id) = on_trial(false);
    report(&mut world, id, 1, 20, 200);
    world.say(id, Word::RollBack).unwrap();
    world.settle();
    assert_eq!(world.status(id), TaskStatus::RolledBack);
    assert!(world.store.records.compared.is_empty());
}

#[test]
fn terms_that_cannot_be_are_refused_by_name() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let terms = CanaryTerms { percent: 5, floor_percent: None, searches: None };
    let refused = |terms| {
        let options = RolloutOptions { canary: Some(terms), ..RolloutOptions::default() };
        let asked = crate::decide::request_rollout(&world.store.records, &name("faces"), world.fresh(), options);
        asked.unwrap_err().message
    };
    let none = refused(CanaryTerms { percent: 0, ..terms });
    assert_eq!(none, "`canary.percent` is 0, it must be from 1 to 100");
    let floor = refused(CanaryTerms { floor_percent: Some(101), ..terms });
    assert_eq!(floor, "`canary.floor_percent` is 101, it must be from 0 to 100");
    let none = refused(CanaryTerms { searches: Some(0), ..terms });
    assert_eq!(none, "`canary.searches` is 0, it must be from 1 to 1000000");
}

#[test]
fn a_plan_names_the_trial() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let plan = rehearse(&world.store.records, &name("faces"), world.fresh(), tried(false)).unwrap();
    let compare = PlannedStep::Compare { percent: 5, searches: 40, floor_percent: 90 };
    assert_eq!(plan.steps[1..], [compare, PlannedStep::Flip { from: None }]);
}
