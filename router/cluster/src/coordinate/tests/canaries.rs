//! Rollouts whose generation is tried on live searches.

use super::super::canary::CANARY_PATIENCE;
use super::*;
use crate::decide::{comparing, report_compared};
use crate::record::{CanaryStage, Comparison, RouterId};
use annuli_api::v1::canary::CanaryTerms;
use annuli_api::v1::rollout::PlannedStep;
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

/// A router reports what it has compared, each search with ten hits. Says whether it was written down.
fn report(world: &mut World, id: TaskId, router: u128, searches: u64, common: u64) -> bool {
    let compared = Comparison { searches, hits: searches * 10, common, ..Comparison::default() };
    let router = RouterId(Uuid::from_u128(router));
    let change = report_compared(&world.store.records, id, router, compared);
    change.is_some_and(|change| world.store.commit(&change))
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
    let why = world.store.records.tasks[&id].record.error.as_ref().unwrap().message.clone();
    let says = "it has 89 % of the hits that the official one has in 40 searches, the floor is 90 %";
    assert_eq!(why, format!("generation 1 does not do on live searches: {says}"));
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
    assert!(failure.message.starts_with("fewer than 40 searches were compared in 10 minutes"), "{failure}");
    let before = world.due_later();
    report(&mut world, id, 2, 0, 0);
    assert_eq!(world.due_later(), before, "what is compared meanwhile does not begin the time anew");
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
